"""Counting a stream, and joining the counts of adjacent stretches."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

from doubles_ffi._buffers import SLICE, TALLY_SLICE, Kind, lock, moved_error
from doubles_ffi._library import (
    add_to_tally,
    check,
    ffi,
    lib,
    new_tally,
    read_tally,
    tally_entries,
)

if TYPE_CHECKING:
    from collections import Counter

    from doubles_ffi._buffers import BytesLike, Pointer

__all__ = ["DoubleCounter", "Stretch"]

_UTF8 = "utf-8"


class Stretch:
    """A stretch of input, summed up: what counters and files are counted with.

    A summary and, if asked for, a tally, both of the library's. What fails leaves it as it was.
    """

    __slots__ = ("end", "summary", "tally")

    def __init__(self, *, tally: bool) -> None:
        self.summary: Any = ffi.new("DoublesSummary *")
        self.tally: Any = new_tally() if tally else ffi.NULL
        self.end = 0  # bytes appended

    def continued(self) -> Stretch:
        """Return one that goes on from here by itself."""
        other = Stretch(tally=bool(self.tally))
        other.summary[0] = self.summary[0]
        other.end = self.end
        if self.tally:
            add_to_tally(other.tally, *tally_entries(self.tally))
        return other

    def append(self, kind: Kind, pointer: Pointer, size: int, limit: int) -> None:
        """Append `size` bytes, counting on at most `limit` threads.

        Raises:
            UnicodeDecodeError: they are to be UTF-8, and are not; with positions in all of it.
        """
        if kind is Kind.BYTES:
            status = lib.doubles_update_bytes(self.summary, self.tally, pointer, size, limit)
        elif kind is Kind.UTF8:
            status = lib.doubles_update_utf8(self.summary, self.tally, pointer, size, limit)
        else:
            status = lib.doubles_update_utf32(self.summary, self.tally, pointer, size, limit)
        if status == lib.DOUBLES_STATUS_INVALID_UTF8:
            raise self.error(ffi.buffer(pointer, size)[:])
        check(status)
        self.end += size

    def merge(self, right: Stretch) -> None:
        """Append the stretch that lies behind this one.

        Raises:
            UnicodeDecodeError: no UTF-8 can have been cut between them.
        """
        status = lib.doubles_merge(self.summary, self.tally, right.summary)
        if status == lib.DOUBLES_STATUS_INVALID_UTF8:
            raise self.error(right.head)
        check(status)
        if self.tally:
            add_to_tally(self.tally, *tally_entries(right.tally))
        self.end += right.end

    @property
    def count(self) -> int:
        """Doubles."""
        return int(self.summary.count)

    @property
    def length(self) -> int:
        """Units: bytes, or whole code points."""
        return int(self.summary.length)

    def read_tally(self, *, text: bool) -> Counter[Any] | None:
        """Return how many doubles each unit makes, a character or a byte, if that was asked for."""
        return read_tally(self.tally, text=text) if self.tally else None

    @property
    def head(self) -> bytes:
        """The end of a code point that began before the stretch."""
        return bytes(ffi.buffer(self.summary.head)[: self.summary.head_len])

    @property
    def tail(self) -> bytes:
        """The beginning of a code point that ends behind the stretch."""
        return bytes(ffi.buffer(self.summary.tail)[: self.summary.tail_len])

    def error(self, new: bytes) -> Exception:
        """Return the exception for bytes that can't come next, or for an end that can't be here."""
        position = self.end
        if self.summary.length == 0 and not self.tail:
            # The end of a code point may come first, if all of it together is at most three bytes.
            room = 3 - len(self.head)
            rest = new[:room].lstrip(bytes(range(0x80, 0xC0))) + new[room:]
            position += len(new) - len(rest)
            new = rest
        try:
            (self.tail + new).decode()
        except UnicodeDecodeError as error:
            return moved_error(error, position - len(self.tail))
        return RuntimeError("the buffer was changed while it was counted")


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

    Of updates by several threads at once, some are lost: let one thread do them, or use a lock.

    Args:
        data: what to begin with; as `update`.
        encoding: "utf-8" counts code points, None counts bytes.
        tally: also count how many doubles each unit makes.

    Raises:
        LookupError: the encoding is not known.
        ValueError: it is neither of the two.
    """

    __slots__ = ("_encoding", "_stretch")

    # A stretch does not change once it stands here: other threads read and copy a whole one.

    def __init__(
        self, data: BytesLike = b"", *, encoding: str | None = None, tally: bool = False
    ) -> None:
        if encoding is not None and codecs.lookup(encoding).name != _UTF8:
            raise ValueError(f"a DoubleCounter counts bytes or UTF-8, not {encoding}")
        self._encoding = None if encoding is None else _UTF8
        self._stretch = Stretch(tally=tally)
        self.update(data)

    def update(self, chunk: BytesLike) -> None:
        """Append a chunk: any C-contiguous buffer of one-byte items.

        Raises:
            TypeError, BufferError, ValueError: as `count_doubles`.
            UnicodeDecodeError: what comes is not UTF-8. Its `start` and `end` are positions in all
                that was appended, and the counter stays as it was.
        """
        kind = Kind.BYTES if self._encoding is None else Kind.UTF8
        after = self._stretch.continued()
        with lock(chunk) as array:
            size = TALLY_SLICE if after.tally else SLICE
            for start in range(0, len(array), size):  # Python handles signals between slices.
                after.append(kind, array + start, min(size, len(array) - start), 0)
        self._stretch = after

    @property
    def count(self) -> int:
        """Doubles so far."""
        return self._stretch.count

    @property
    def length(self) -> int:
        """Units so far: bytes, or whole code points."""
        return self._stretch.length

    @property
    def tally(self) -> Counter[str] | Counter[int] | None:
        """How many doubles each unit makes, as `tally_doubles`; None if it was not asked for."""
        return self._stretch.read_tally(text=self._encoding is not None)

    def copy(self) -> DoubleCounter:
        """Return a counter that goes on from here by itself."""
        other = DoubleCounter(encoding=self._encoding)
        other._stretch = self._stretch
        return other

    def __add__(self, right: object) -> DoubleCounter:
        """Return the counter of this stretch and `right`, the one behind it.

        Raises:
            ValueError: they count different things: bytes and code points, or a tally and none.
            UnicodeDecodeError: no UTF-8 can have been cut between them.
        """
        if not isinstance(right, DoubleCounter):
            return NotImplemented
        tallies = [bool(counter._stretch.tally) for counter in (self, right)]
        if self._encoding != right._encoding or tallies[0] != tallies[1]:
            raise ValueError("the counters count different things")
        both = DoubleCounter(encoding=self._encoding)
        both._stretch = self._stretch.continued()
        both._stretch.merge(right._stretch)
        return both

    def __eq__(self, other: object) -> bool:
        """Tell whether two counters would go on alike, and so far have counted alike."""
        if not isinstance(other, DoubleCounter):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    __hash__ = None  # type: ignore[assignment]  # It changes.

    def __getstate__(self) -> tuple[Any, ...]:
        """Return all there is to know, in plain objects."""
        s = self._stretch.summary
        numbers = (s.length, s.count, s.first, s.last)
        torn = (self._stretch.head, self._stretch.tail)
        tally = self._stretch.read_tally(text=False)
        entries = None if tally is None else dict(tally)
        return (self._encoding, numbers, torn, entries, self._stretch.end)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Become what `__getstate__` told."""
        self._encoding, numbers, (head, tail), entries, end = state
        self._stretch = Stretch(tally=entries is not None)
        fields = (*numbers, list(head), len(head), list(tail), len(tail))
        self._stretch.summary = ffi.new("DoublesSummary *", fields)
        self._stretch.end = end
        if entries:
            add_to_tally(self._stretch.tally, list(entries), list(entries.values()))

    def __repr__(self) -> str:
        """Return what it counts, and how far it is."""
        encoding = "" if self._encoding is None else f"encoding={self._encoding!r}, "
        return f"DoubleCounter({encoding}length={self.length}, count={self.count})"
