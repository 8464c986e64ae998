"""Counting a stream, and joining the counts of adjacent stretches."""

from __future__ import annotations

import codecs
from collections import Counter
from typing import TYPE_CHECKING, Any

from doubles_ffi._buffers import SLICE, lock
from doubles_ffi._library import check, ffi, lib, new_tally, read_tally

if TYPE_CHECKING:
    from doubles_ffi._buffers import BytesLike

__all__ = ["DoubleCounter"]

_UTF8 = "utf-8"


class DoubleCounter:
    """A count that grows with its input, in the manner of hashlib.

    Counters of adjacent stretches add up to the counter of both, whatever the cut:

    >>> left, right = DoubleCounter(b"hel"), DoubleCounter(b"lo")
    >>> (left + right).count
    1
    >>> left + right == DoubleCounter(b"hello")
    True

    With `encoding="utf-8"` the units are code points. What a cut tears off at either end is carried
    along until its other part comes, and is not counted before:

    >>> counter = DoubleCounter(encoding="utf-8")
    >>> for byte in "жж".encode():
    ...     counter.update(bytes([byte]))
    >>> counter
    DoubleCounter(encoding='utf-8', length=2, count=1)

    Args:
        data: what to begin with; as `update`.
        encoding: "utf-8" counts code points, None counts bytes.
        tally: also count how many doubles each unit makes.

    Raises:
        LookupError: the encoding is not known.
        ValueError: it is neither of the two.
    """

    __slots__ = ("_appended", "_encoding", "_summary", "_tally")

    def __init__(
        self, data: BytesLike = b"", *, encoding: str | None = None, tally: bool = False
    ) -> None:
        if encoding is not None and codecs.lookup(encoding).name != _UTF8:
            raise ValueError(f"a DoubleCounter counts bytes or UTF-8, not {encoding}")
        self._encoding = None if encoding is None else _UTF8
        self._summary: Any = ffi.new("DoublesSummary *")
        self._tally: Counter[Any] | None = Counter() if tally else None
        self._appended = 0  # bytes, which is where the next chunk begins
        self.update(data)

    def update(self, chunk: BytesLike) -> None:
        """Append a chunk: any C-contiguous buffer of one-byte items.

        Raises:
            TypeError, BufferError, ValueError: as `count_doubles`.
            UnicodeDecodeError: what comes is not UTF-8. Its `start` and `end` are positions in all
                that was appended, and the counter stays as it was.
        """
        append = lib.doubles_update_bytes if self._encoding is None else lib.doubles_update_utf8
        summary = ffi.new("DoublesSummary *", self._summary[0])
        tally = ffi.NULL if self._tally is None else new_tally()
        with lock(chunk) as array:
            appended = self._appended + len(array)
            for start in range(0, len(array), SLICE):  # Python handles signals between slices.
                size = min(SLICE, len(array) - start)
                status = append(summary, tally, array + start, size, 0)
                if status == lib.DOUBLES_STATUS_INVALID_UTF8:
                    new = ffi.buffer(array)[start : start + size]
                    raise _invalid(summary, new, self._appended + start)
                check(status)
        self._become(summary, tally, appended)

    def _become(self, summary: Any, tally: Any, appended: int) -> None:
        self._summary = summary
        self._appended = appended
        if self._tally is not None:
            self._tally.update(read_tally(tally, text=self._encoding is not None))

    @property
    def count(self) -> int:
        """Doubles so far."""
        return int(self._summary.count)

    @property
    def length(self) -> int:
        """Units so far: bytes, or whole code points."""
        return int(self._summary.length)

    @property
    def tally(self) -> Counter[str] | Counter[int] | None:
        """How many doubles each unit makes, as `tally_doubles`; None if it was not asked for."""
        return None if self._tally is None else self._tally.copy()

    def copy(self) -> DoubleCounter:
        """Return a counter that goes on from here by itself."""
        other = DoubleCounter.__new__(DoubleCounter)
        other.__setstate__(self.__getstate__())
        return other

    def __add__(self, right: object) -> DoubleCounter:
        """Return the counter of this stretch and `right`, the one behind it.

        Raises:
            ValueError: they count different things: bytes and code points, or a tally and none.
            UnicodeDecodeError: no UTF-8 can have been cut between them.
        """
        if not isinstance(right, DoubleCounter):
            return NotImplemented
        if self._encoding != right._encoding or (self._tally is None) != (right._tally is None):
            raise ValueError("the counters count different things")
        both = self.copy()
        tally = ffi.NULL if self._tally is None else new_tally()
        status = lib.doubles_merge(both._summary, tally, right._summary)
        if status == lib.DOUBLES_STATUS_INVALID_UTF8:
            head = ffi.buffer(right._summary.head)[: right._summary.head_len]
            raise _invalid(self._summary, head, self._appended, final=True)
        check(status)
        both._become(both._summary, tally, self._appended + right._appended)
        if both._tally is not None and right._tally is not None:
            both._tally.update(right._tally)
        return both

    def __eq__(self, other: object) -> bool:
        """Tell whether two counters would go on alike, and so far have counted alike."""
        if not isinstance(other, DoubleCounter):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    __hash__ = None  # type: ignore[assignment]  # It changes.

    def __getstate__(self) -> tuple[Any, ...]:
        """Return all there is to know, in plain objects."""
        s = self._summary
        head, tail = ffi.buffer(s.head)[: s.head_len], ffi.buffer(s.tail)[: s.tail_len]
        tally = None if self._tally is None else dict(self._tally)
        numbers = (s.length, s.count, s.first, s.last)
        return (self._encoding, numbers, head, tail, tally, self._appended)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Become what `__getstate__` told."""
        self._encoding, numbers, head, tail, tally, self._appended = state
        fields = (*numbers, list(head), len(head), list(tail), len(tail))
        self._summary = ffi.new("DoublesSummary *", fields)
        self._tally = None if tally is None else Counter(tally)

    def __repr__(self) -> str:
        """Return what it counts, and how far it is."""
        encoding = "" if self._encoding is None else f"encoding={self._encoding!r}, "
        return f"DoubleCounter({encoding}length={self.length}, count={self.count})"


def _invalid(summary: Any, new: bytes, position: int, *, final: bool = False) -> Exception:
    """Return the exception for bytes that can't follow a summary, and begin at `position`."""
    torn = ffi.buffer(summary.tail)[: summary.tail_len]
    if summary.length == 0 and not torn:
        # The end of a code point may come first, if all of it together is at most three bytes.
        room = 3 - summary.head_len
        rest = new[:room].lstrip(bytes(range(0x80, 0xC0))) + new[room:]
        position += len(new) - len(rest)
        new = rest
    try:
        # As text of which more may come; or as all, if Python would wait for more (of a surrogate).
        codecs.utf_8_decode(torn + new, "strict", final)
        (torn + new).decode()
    except UnicodeDecodeError as error:
        offset = position - len(torn)
        start, end = offset + error.start, offset + error.end
        return UnicodeDecodeError("utf-8", error.object, start, end, error.reason)
    return RuntimeError("the buffer was changed while it was counted")
