"""The one way to sum up a stretch of input: append, merge, finish."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from doubles_ffi._decoding import CONTINUATION, utf8_error
from doubles_ffi._library import (
    NO_TALLY,
    InvalidUtf8Error,
    add_to_tally,
    check,
    merge,
    new_summary,
    new_summary_of,
    new_tally,
    tally_entries,
    view,
    with_buffer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi._library import Kind, Pointer

__all__ = ["SLICE", "TALLY_SLICE", "Stretch"]

# Bytes per call into the library. Python handles signals in between: at 5 GB/s, every 13 ms.
SLICE = 64 * 1024 * 1024

# The same for a tally: text that is all doubles is tallied at 0.3 GB/s.
TALLY_SLICE = 8 * 1024 * 1024

# Bytes that are decoded at a time in search of an error.
_BLOCK = 64 * 1024


class Stretch:
    """A stretch of input, summed up by the library: a summary and, if asked for, a tally.

    Args:
        tally: also count how many doubles each unit makes.
        is_part: the stretch may begin in the middle of a code point.
    """

    __slots__ = ("end", "is_part", "slice_size", "summary", "tally")

    def __init__(self, *, tally: bool, is_part: bool) -> None:
        self.summary = new_summary()
        self.tally = new_tally() if tally else NO_TALLY
        self.is_part = is_part
        self.slice_size = TALLY_SLICE if tally else SLICE
        self.end = 0  # bytes appended

    def append(self, kind: Kind, pointer: Pointer, size: int, limit: int) -> None:
        """Append `size` bytes, counting on at most `limit` threads.

        What fails leaves the stretch as it was, if the bytes are no more than a slice.

        Raises:
            UnicodeDecodeError: they have to be UTF-8, and are not; with positions in the stretch.
        """
        if size > self.slice_size:
            if isinstance(pointer, bytes):
                pointer = with_buffer(pointer)
            for start in range(0, size, self.slice_size):
                part = min(self.slice_size, size - start)
                self.append(kind, pointer + start, part, limit)
            return
        # No function in between: one more call shows in the time of a short chunk.
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
        """Append the stretch that follows this one. What fails leaves this one as it was.

        Raises:
            UnicodeDecodeError: UTF-8 can't have been cut between them; with positions in both.
        """
        try:
            merge(self.summary, self.tally, right.summary)
        except InvalidUtf8Error:
            raise self._error(memoryview(right.beginning)) from None
        if not self.is_part:
            self._check_head()
        if self.tally:
            add_to_tally(self.tally, *tally_entries(right.tally))
        self.end += right.end

    def finish(self) -> None:
        """Declare the end of the text.

        Raises:
            UnicodeDecodeError: it is in the middle of a code point.
        """
        if self.summary.tail_len:
            raise utf8_error([self.tail], self.end - len(self.tail))

    def _check_head(self) -> None:
        if self.summary.head_len:
            raise utf8_error([self.head], self.end)

    def copy(self) -> Stretch:
        """Return an independent copy."""
        other = Stretch(tally=bool(self.tally), is_part=self.is_part)
        other.summary[0] = self.summary[0]
        other.end = self.end
        if self.tally:
            add_to_tally(other.tally, *tally_entries(self.tally))
        return other

    def __getstate__(self) -> tuple[Any, ...]:
        """Return all there is to know, in plain objects."""
        s = self.summary
        entries = None
        if self.tally:
            units, counts = tally_entries(self.tally)
            entries = dict(zip(units, counts))
        numbers = (s.length, s.count, s.first, s.last)
        return (*numbers, self.head, self.tail, self.end, self.is_part, entries)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Become what `__getstate__` returned."""
        *numbers, head, tail, end, is_part, entries = state
        Stretch.__init__(self, tally=entries is not None, is_part=is_part)
        self.summary = new_summary_of(*numbers, list(head), len(head), list(tail), len(tail))
        self.end = end
        if entries:
            add_to_tally(self.tally, list(entries), list(entries.values()))

    @property
    def count(self) -> int:
        """Doubles."""
        return int(self.summary.count)

    @property
    def length(self) -> int:
        """Units: bytes, or whole code points."""
        return int(self.summary.length)

    def read_tally(self, *, text: bool) -> Counter[Any]:
        """Return how many doubles each unit makes, a character or a byte."""
        if not self.tally:
            return Counter()
        units, counts = tally_entries(self.tally)
        return Counter(dict(zip(map(chr, units) if text else units, counts)))

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
        """The first bytes of text, as many as can show that they do not follow others."""
        first = chr(self.summary.first).encode() if self.length else self.tail
        return self.head + first

    def _error(self, new: memoryview) -> Exception:
        """Return the exception for UTF-8 that can't come next."""
        position = self.end
        if self.is_part and self.summary.length == 0 and not self.tail:
            # The end of a code point may come first, if all of it together is at most three bytes.
            room = 3 - len(self.head)
            beginning = bytes(new[:room])
            skipped = len(beginning) - len(beginning.lstrip(CONTINUATION))
            position, new = position + skipped, new[skipped:]

        def blocks() -> Iterator[bytes]:
            yield self.tail
            for start in range(0, len(new), _BLOCK):
                yield bytes(new[start : start + _BLOCK])

        return utf8_error(blocks(), position - len(self.tail))
