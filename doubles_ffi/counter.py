"""Counting a stream, and adding up the counts of adjacent stretches."""

from __future__ import annotations

import codecs
from _thread import RLock
from collections import Counter  # noqa: TC003 (annotations resolve at run time)
from typing import Any

from doubles_ffi._input.buffers import BytesLike, lock
from doubles_ffi._library import BYTES, UTF8
from doubles_ffi._stretch import Stretch

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

    With `encoding="utf-8"` the units are code points. A code point that is cut at either end is
    kept until its other part comes, and is not counted before:

    >>> counter = DoubleCounter(encoding="utf-8")
    >>> for byte in "жж".encode():
    ...     counter.update(bytes([byte]))
    >>> counter
    DoubleCounter(encoding='utf-8', length=2, count=1)

    Threads may share a counter, as they may share a hash object: they wait for one another.

    Args:
        data: what to begin with; as `update`.
        encoding: "utf-8" counts code points, None counts bytes.
        tally: also count how many doubles each unit makes.

    Raises:
        LookupError: the encoding is not known.
        ValueError: it is neither of the two.
    """

    __slots__ = ("_encoding", "_lock", "_stretch")

    # Whoever holds the lock may append to the stretch, or read more of it than one number. It is
    # reentrant, as a signal handler may want it too. (From `_thread`: `threading` loads slowly.)

    def __init__(
        self, data: BytesLike = b"", *, encoding: str | None = None, tally: bool = False
    ) -> None:
        if encoding is not None and codecs.lookup(encoding).name != _UTF8:
            raise ValueError(f"a DoubleCounter counts bytes or UTF-8, not {encoding}")
        self._encoding = None if encoding is None else _UTF8
        self._lock = RLock()
        self._stretch = Stretch(tally=tally, is_part=True)
        self.update(data)

    def update(self, chunk: BytesLike) -> None:
        """Append a chunk: any C-contiguous buffer of one-byte items.

        Raises:
            TypeError, BufferError, ValueError: as `count_doubles`.
            UnicodeDecodeError: the chunk can't come next in UTF-8. Its `start` and `end` are
                positions in all that was appended, its `object` holds the wrong bytes alone. The
                counter stays as it was.
        """
        kind = BYTES if self._encoding is None else UTF8
        if type(chunk) is bytes and len(chunk) <= self._stretch.slice_size:
            self._lock.acquire()  # `with` takes twice as long, which shows for short chunks.
            try:
                self._stretch.append(kind, chunk, len(chunk), 0)
            finally:
                self._lock.release()
            return
        with lock(chunk) as array, self._lock:
            if len(array) <= self._stretch.slice_size:
                self._stretch.append(kind, array, len(array), 0)
            else:  # What is wrong may show in a later slice.
                after = self._stretch.copy()
                after.append(kind, array, len(array), 0)
                self._stretch = after

    @property
    def count(self) -> int:
        """Doubles so far."""
        return self._stretch.count

    @property
    def length(self) -> int:
        """Units so far, which are bytes or whole code points."""
        return self._stretch.length

    @property
    def tally(self) -> Counter[str] | Counter[int] | None:
        """How many doubles each unit makes, as `tally_doubles`; None if it was not asked for."""
        with self._lock:
            if not self._stretch.tally:
                return None
            return self._stretch.read_tally(text=self._encoding is not None)

    def copy(self) -> DoubleCounter:
        """Return an independent copy."""
        other = DoubleCounter(encoding=self._encoding)
        with self._lock:
            other._stretch = self._stretch.copy()
        return other

    def __add__(self, right: object) -> DoubleCounter:
        """Return the counter of this stretch and of `right`, the one that follows it.

        Raises:
            ValueError: they count different things: bytes and code points, or a tally and none.
            UnicodeDecodeError: UTF-8 can't have been cut between them.
        """
        if not isinstance(right, DoubleCounter):
            return NotImplemented
        tallies = [bool(counter._stretch.tally) for counter in (self, right)]
        if self._encoding != right._encoding or tallies[0] != tallies[1]:
            raise ValueError("the counters count different things")
        both = self.copy()
        with right._lock:
            both._stretch.merge(right._stretch)
        return both

    def __eq__(self, other: object) -> bool:
        """Tell whether two counters have counted the same so far, and will go on the same."""
        if not isinstance(other, DoubleCounter):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    __hash__ = None  # type: ignore[assignment]  # It changes.

    def __getstate__(self) -> tuple[Any, ...]:
        """Return all there is to know, in plain objects."""
        with self._lock:
            return (self._encoding, self._stretch.__getstate__())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Become what `__getstate__` returned."""
        self._encoding, stretch = state
        self._lock = RLock()
        self._stretch = Stretch(tally=False, is_part=True)
        self._stretch.__setstate__(stretch)

    def __repr__(self) -> str:
        """Return what it counts, and how far it is."""
        encoding = "" if self._encoding is None else f"encoding={self._encoding!r}, "
        with self._lock:
            return f"DoubleCounter({encoding}length={self.length}, count={self.count})"
