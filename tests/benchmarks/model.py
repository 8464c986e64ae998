"""What a race is made of."""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

# What a contestant is to the reader.
OURS = "ours"
LADDER = "ladder"  # the historic counters in this package
BASELINE = "baseline"  # what Python has without it
PEER = "peer"  # what a user of PyO3 writes
LIMIT = "limit"  # what ours can't beat, as it does less than the work


def is_equal(answer, expected):
    return answer == expected


def is_read(answer, _expected):
    """Accept what a read returns; another test checks that it reads every byte."""
    return isinstance(answer, int)


class Contestant(NamedTuple):
    """A call. Written as text, so that timing it adds nothing to it."""

    name: str
    role: str
    # A function, or the name of one in the peers' module, which may not be there.
    function: Callable[..., Any] | str
    # `data` is the input; `raw` are the bytes that it takes in memory.
    arguments: str = "data"
    is_right: Callable[[Any, Any], bool] = is_equal
    # Does this part of the work, and its time is multiplied to match.
    part: int = 1

    @property
    def call(self):
        return f"function({self.arguments})"

    def names(self, case_input, peers):
        """Return what the names in the call mean."""
        function = self.function
        if isinstance(function, str):
            function = operator.attrgetter(function)(peers)
        return {"function": function, "data": case_input.data, "raw": case_input.raw}


class Input(NamedTuple):
    data: Any
    expected: int
    raw: bytes | bytearray


class Case(NamedTuple):
    label: str
    size: int  # in units
    make: Callable[[int], Input]


class Group(NamedTuple):
    name: str
    title: str
    note: str
    cases: tuple[Case, ...]
    contestants: tuple[Contestant, ...]
    seconds: float  # to spend on each case

    def fastest_peer(self, times):
        """Return the name of the fastest peer that was timed, or None."""
        peers = (c.name for c in self.contestants if c.role == PEER and c.name in times)
        return min(peers, key=times.get, default=None)
