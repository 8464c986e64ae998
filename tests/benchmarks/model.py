"""What a race is made of."""

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from benchmarks.load_peers import load_peers

# What a contestant is to the reader.
OURS = "ours"
LADDER = "ladder"  # the historic counters in this package
BASELINE = "baseline"  # what Python has without it
PEER = "peer"  # what a user of PyO3 writes
LIMIT = "limit"  # does less than the work


def is_anything(_answer, _expected):
    """Accept what a limit returns, which does not count."""
    return True


class Contestant(NamedTuple):
    """A function that is called on each item of an input.

    A colon in its name ends what it is a variant of. Of a limit's variants, the fastest counts.
    """

    name: str
    role: str
    load: Callable[[], Callable[..., Any]]  # raises ImportError for what is not installed
    arguments: tuple[Any, ...] = ()  # after the item
    prepare: Callable[[Any], Any] | None = None  # what it takes instead of the item
    is_right: Callable[[Any, Any], bool] = operator.eq
    part: int = 1  # It does this part of the work, and its time is multiplied to match.
    rounds: int | None = None  # how often to run it; None: for as long as pytest-benchmark is told

    @property
    def family(self):
        return self.name.partition(":")[0]


class Input(NamedTuple):
    items: Sequence[Any]
    expected: Sequence[Any]  # the answer for each
    size: int  # bytes of all


class Case(NamedTuple):
    label: str
    make: Callable[[int], Input]
    size: int  # which `make` is given


class Group(NamedTuple):
    name: str
    title: str
    note: str
    cases: Sequence[Case]
    contestants: Sequence[Contestant]

    def contenders(self, seconds):
        """Return those that were timed, slowest first; of each family of limits, the fastest."""
        timed = [contestant for contestant in self.contestants if contestant.name in seconds]
        timed.sort(key=lambda contestant: seconds[contestant.name], reverse=True)
        best = {c.family if c.role == LIMIT else c.name: c for c in timed}
        return [contestant for contestant in timed if contestant in best.values()]


def here(role, name, function, **more):
    return Contestant(name, role, lambda: function, **more)


ours = partial(here, OURS)
baseline = partial(here, BASELINE)
ladder = partial(here, LADDER)


def peer(name, path, role=PEER, **more):
    """Return a contestant that is built in the crate beside this file."""
    return Contestant(name, role, lambda: operator.attrgetter(path)(load_peers()), **more)


limit = partial(peer, role=LIMIT, is_right=is_anything)
