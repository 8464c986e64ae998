"""Summaries and tallies of the library, as one object: append, merge, finish."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from doubles_ffi._decoding import CONTINUATION, utf8_error
from doubles_ffi._library import InvalidUtf8Error, check, made, utf8_fault
from doubles_ffi._library.loading import ffi, lib
from doubles_ffi._library.memory import view, with_buffer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi._library.memory import Kind, Pointer

# Bytes per call into the library. Python handles signals in between: at 5 GB/s, every 13 ms.
SLICE = 64 * 1024 * 1024

# Bytes per call with a tally: text that is all doubles is tallied at 0.3 GB/s.
TALLY_SLICE = 8 * 1024 * 1024

# Bytes that are decoded at a time in search of an error.
_CHUNK = 64 * 1024


class Stretch:
    """A stretch of input, summed up: its length, its doubles, and the units at its ends.

    Append bytes and merge the stretches that follow, in any order that keeps them adjacent. Call
    `finish` at the end of text, then read `count`, `length` and `read_tally`.

    Args:
        tally: also count how many doubles each unit makes.
        is_part: the stretch may begin in the middle of a code point.
    """

    __slots__ = ("end", "is_part", "slice_size", "summary", "tally")

    def __init__(self, *, tally: bool, is_part: bool) -> None:
        self.summary = ffi.new("DoublesSummary *")
        self.tally = ffi.NULL
        if tally:
            self.tally = ffi.gc(made(lib.doubles_tally_new()), lib.doubles_tally_free)
        self.is_part = is_part
        self.slice_size = TALLY_SLICE if tally else SLICE
        self.end = 0  # bytes appended

    def append(self, kind: Kind, pointer: Pointer, size: int, limit: int) -> None:
        """Append `size` bytes, counting on at most `limit` threads.

        An error leaves the stretch as it was, unless there is more than one slice.

        Raises:
            UnicodeDecodeError: the bytes must be UTF-8 and are not; with positions in the stretch.
        """
        if size > self.slice_size:
            if isinstance(pointer, bytes):
                pointer = with_buffer(pointer)
            for start in range(0, size, self.slice_size):
                part = min(self.slice_size, size - start)
                self.append(kind, pointer + start, part, limit)
            return
        # Not wrapped: one more call in Python shows in the time of a short chunk.
        status = kind.update(self.summary, self.tally, pointer, size, limit)
        if status:
            try:
                check(status)
            except InvalidUtf8Error:
                raise self._error(view(pointer, size)) from None
        if not self.is_part:
            self._check_head()
        self.end += size

    def merge(self, right: Stretch) -> None:
        """Append the stretch that follows this one. An error leaves this one as it was.

        Raises:
            UnicodeDecodeError: UTF-8 can't have been cut between them; with positions in both.
        """
        try:
            check(lib.doubles_merge(self.summary, self.tally, right.summary))
        except InvalidUtf8Error:
            raise self._error(memoryview(right.beginning)) from None
        if not self.is_part:
            self._check_head()
        if self.tally:
            self._add(*right._entries())
        self.end += right.end

    def finish(self) -> None:
        """Declare the end of the text.

        Raises:
            UnicodeDecodeError: the text ends in the middle of a code point.
        """
        if self.summary.tail_len:
            raise utf8_fault(self.summary, self.end)

    def _check_head(self) -> None:
        if self.summary.head_len:
            raise utf8_error([self.head], self.end)

    def copy(self) -> Stretch:
        """Return an independent copy."""
        other = Stretch(tally=bool(self.tally), is_part=self.is_part)
        other.summary[0] = self.summary[0]
        other.end = self.end
        if self.tally:
            other._add(*self._entries())
        return other

    def __getstate__(self) -> tuple[Any, ...]:
        """Return everything as plain objects."""
        s = self.summary
        entries = None
        if self.tally:
            entries = dict(zip(*self._entries()))
        numbers = (s.length, s.count, s.first, s.last)
        return (*numbers, self.head, self.tail, self.end, self.is_part, entries)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Become the stretch whose `__getstate__` returned the state."""
        *numbers, head, tail, end, is_part, entries = state
        Stretch.__init__(self, tally=entries is not None, is_part=is_part)
        fields = (*numbers, list(head), len(head), list(tail), len(tail))  # As in the struct.
        self.summary = ffi.new("DoublesSummary *", fields)
        self.end = end
        if entries:
            self._add(list(entries), list(entries.values()))

    @property
    def count(self) -> int:
        """Doubles."""
        return int(self.summary.count)

    @property
    def length(self) -> int:
        """Units: bytes, or whole code points."""
        return int(self.summary.length)

    def read_tally(self, *, text: bool) -> Counter[Any]:
        """Return how many doubles each unit makes: characters of text, numbers for bytes."""
        if not self.tally:
            return Counter()
        units, counts = self._entries()
        tally: Counter[Any] = Counter()
        # Counter's constructor checks types first, which takes 0.4 us (Zen 4).
        dict.update(tally, zip(map(chr, units) if text else units, counts))
        return tally

    @property
    def head(self) -> bytes:
        """The end of a code point that began before the stretch."""
        return bytes(self.summary.head)[: self.summary.head_len]

    @property
    def tail(self) -> bytes:
        """The beginning of a code point that ends after the stretch."""
        return bytes(self.summary.tail)[: self.summary.tail_len]

    @property
    def beginning(self) -> bytes:
        """The first bytes of text: enough to see whether they can follow other text."""
        first = chr(self.summary.first).encode() if self.length else self.tail
        return self.head + first

    def _entries(self) -> tuple[Any, Any]:
        """Return the units in the tally and their counts."""
        length = check(lib.doubles_tally_len(self.tally))
        units, counts = ffi.new("uint32_t[]", length), ffi.new("uint64_t[]", length)
        check(lib.doubles_tally_read(self.tally, units, counts, length))
        return units, counts

    def _add(self, units: Any, counts: Any) -> None:
        check(lib.doubles_tally_add(self.tally, units, counts, len(units)))

    def _error(self, new: memoryview) -> Exception:
        """Return the exception for UTF-8 that can't come next."""
        position = self.end
        if self.is_part and self.summary.length == 0 and not self.tail:
            # The end of a code point may come first, if all of it together is at most three bytes.
            room = 3 - len(self.head)
            beginning = bytes(new[:room])
            skipped = len(beginning) - len(beginning.lstrip(CONTINUATION))
            position, new = position + skipped, new[skipped:]

        def chunks() -> Iterator[bytes]:
            yield self.tail
            for start in range(0, len(new), _CHUNK):
                yield bytes(new[start : start + _CHUNK])

        return utf8_error(chunks(), position - len(self.tail))
