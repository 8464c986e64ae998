"""Counting a stream, and adding up the counts of adjacent stretches."""

from __future__ import annotations

import codecs
from _thread import RLock
from collections import Counter  # noqa: TC003 (annotations resolve at run time)
from collections.abc import Callable  # noqa: TC003
from copyreg import _slotnames  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, TypeVar

from doubles_ffi._input.buffers import BytesLike, lock
from doubles_ffi._library.memory import BYTES, UTF8, Pointer
from doubles_ffi._library.stretch import Stretch

if TYPE_CHECKING:
    from typing_extensions import Self
else:
    Self = Any  # Not in the `typing` of Python 3.10.

_Result = TypeVar("_Result")

_UTF8 = "utf-8"


class DoubleCounter:
    """Count doubles in data that arrives in chunks, like a hash object of hashlib.

    Counters of adjacent stretches add up to the counter of both, whatever the cut:

    >>> left, right = DoubleCounter(b"hel"), DoubleCounter(b"lo")
    >>> (left + right).count
    1
    >>> left + right == DoubleCounter(b"hello")
    True

    With `encoding="utf-8"` the units are code points. A code point that is cut at either end is
    counted when its other part is appended:

    >>> counter = DoubleCounter(encoding="utf-8")
    >>> for byte in "жж".encode():
    ...     counter.update(bytes([byte]))
    >>> counter
    DoubleCounter(encoding='utf-8', length=2, count=1)

    Threads and signal handlers may share a counter, as they may share a hash object. As with hash
    objects, a forked child must not use a counter that another thread was updating at that moment:
    it may wait forever, since that thread does not exist in the child.

    Subclasses keep their type and their attributes in copies, in pickles and on the left of `+`.

    Args:
        data: the first chunk, as for `update`.
        encoding: "utf-8" counts code points, None counts bytes.
        tally: also count how many doubles each unit makes.

    Raises:
        LookupError: the encoding is not known.
        ValueError: the encoding is neither UTF-8 nor None.
    """

    __slots__ = ("__weakref__", "_encoding", "_kind", "_lock", "_room", "_stretch")

    # A thread that holds the lock may change the counter, or read more of it than one number. A
    # signal handler may interrupt that thread after any call and use the counter too, so the lock
    # is reentrant. (From `_thread`: `threading` loads slowly.) A chunk of up to `_room` bytes is
    # appended to the stretch in place, by one call of the library. `_read` and `_merge` take more
    # than one, and set `_room` to -1 until they are done: updates by a signal handler then replace
    # the stretch, and the old one stays as it is.

    def __init__(
        self, data: BytesLike = b"", *, encoding: str | None = None, tally: bool = False
    ) -> None:
        if encoding is not None and codecs.lookup(encoding).name != _UTF8:
            raise ValueError(f"a DoubleCounter counts bytes or UTF-8, not {encoding}")
        self._begin(None if encoding is None else _UTF8, Stretch(tally=tally, is_part=True))
        self.update(data)

    def _begin(self, encoding: str | None, stretch: Stretch) -> None:
        self._encoding = encoding
        self._kind = BYTES if encoding is None else UTF8
        self._lock = RLock()
        self._room = stretch.slice_size
        self._stretch = stretch

    def update(self, chunk: BytesLike) -> None:
        """Append a chunk: any C-contiguous buffer of one-byte items.

        An update by a signal handler that interrupts this one is counted too, before this chunk if
        that is longer than a few megabytes, else before or after it. An exception from the handler
        leaves this chunk counted, or the counter as the handler left it.

        Raises:
            TypeError, BufferError, ValueError: as `count_doubles`.
            UnicodeDecodeError: the chunk can't come next in UTF-8. Its `start` and `end` are
                positions in all that was appended, its `object` holds the wrong bytes alone. The
                counter stays as it was.
        """
        if type(chunk) is bytes:
            self._append(chunk, len(chunk))
        else:
            with lock(chunk) as array:
                self._append(array, len(array))

    def _append(self, pointer: Pointer, size: int) -> None:
        if size <= self._room:
            mutex = self._lock
            # `with` takes longer, which shows for short chunks. A signal handler's exception can
            # come from `acquire` while it waits, or right after it has the lock.
            try:
                mutex.acquire()
                stretch = self._stretch
                stretch.end += size  # No handler runs between this and the call.
                status = self._kind.update(stretch.summary, stretch.tally, pointer, size, 0)
            except BaseException:
                if mutex._is_owned():  # type: ignore[attr-defined]
                    mutex.release()
                raise
            if status == 0:
                mutex.release()
                return
            self._stretch.end -= size
            mutex.release()
        part = Stretch(tally=bool(self._stretch.tally), is_part=True)
        try:
            part.append(self._kind, pointer, size, 0)
        except UnicodeDecodeError:
            # Raises it again, with its position in all that was appended.
            self._read(Stretch.copy).append(self._kind, pointer, size, 0)
            raise
        self._merge(part)

    def _read(self, function: Callable[[Stretch], _Result]) -> _Result:
        """Return the result of a function of the stretch, which does not change during the call."""
        with self._lock:
            room, self._room = self._room, -1
            try:
                return function(self._stretch)
            finally:
                self._room = room

    def _merge(self, right: Stretch) -> None:
        """Append a stretch that nobody else changes."""

        def merge(left: Stretch) -> None:
            while True:
                merged = left.copy()
                merged.merge(right)
                if self._stretch is left:  # No handler runs between this and the next line.
                    self._stretch = merged
                    return
                left = self._stretch

        self._read(merge)

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
        if not self._stretch.tally:
            return None
        return self._read(lambda stretch: stretch.read_tally(text=self._encoding is not None))

    def copy(self) -> Self:
        """Return an independent copy."""
        other = type(self).__new__(type(self))
        other.__setstate__(self.__getstate__())
        return other

    def __add__(self, right: object) -> Self:
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
        right._read(both._merge)
        return both

    def __eq__(self, other: object) -> bool:
        """Return whether both have counted the same so far, and will count alike what follows."""
        if not isinstance(other, DoubleCounter):
            return NotImplemented
        return self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]  # It changes.

    def _state(self) -> tuple[Any, ...]:
        return self._encoding, self._read(Stretch.__getstate__)

    def __getstate__(self) -> tuple[Any, ...]:
        """Return everything as plain objects, and the attributes that a subclass has added."""
        names = {*_slotnames(type(self)), *getattr(self, "__dict__", ())} - {
            *DoubleCounter.__slots__
        }
        return *self._state(), {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Become the counter whose `__getstate__` returned the state."""
        encoding, state_of_stretch, attributes = state
        stretch = Stretch.__new__(Stretch)
        stretch.__setstate__(state_of_stretch)
        self._begin(encoding, stretch)
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Show the encoding, the length and the count."""
        encoding = "" if self._encoding is None else f"encoding={self._encoding!r}, "
        length, count = self._read(lambda stretch: (stretch.length, stretch.count))
        return f"{type(self).__name__}({encoding}length={length}, count={count})"
