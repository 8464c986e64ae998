"""Squeezers of the library: text and bytes whose runs are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._library import utf8_fault
from doubles_ffi._library.loading import ffi
from doubles_ffi._library.memory import check_text, view

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from doubles_ffi._library.memory import Chunk, Kind, Pointer

# Bytes per call into the library, between which Python handles signals. Text of characters of
# several widths that is all doubles is squeezed to two of each run at 0.5 GB/s.
SLICE = 8 * 1024 * 1024

# Bytes that may be written for a chunk of UTF-8 beyond its length: the code point torn before it.
SLACK = 3


def selection(units: Collection[int]) -> bytes:
    """Return a bit for each unit, set for those given, as `Squeezer` takes them."""
    bits = bytearray(max(units, default=-1) // 8 + 1)
    for unit in units:
        bits[unit // 8] |= 1 << unit % 8
    return bytes(bits)


class Squeezer:
    """Squeezes one stream: each run is cut to at most `most` units.

    Args:
        most: units of a run that are kept, at least 1.
        only: a bit for each unit, set for those whose runs are cut; the lowest of the first byte is
            that of unit 0. None cuts all runs.
    """

    __slots__ = ("_end", "_most", "_only", "_squeezer")

    def __init__(self, most: int, only: bytes | None) -> None:
        self._squeezer = ffi.new("DoublesSqueezer *")
        self._most = min(most, 2**64 - 1)
        self._only = only
        self._end = 0  # bytes of this text that were squeezed

    def append(self, kind: Kind, pointer: Pointer, size: int, out: Pointer, room: int) -> int:
        """Squeeze `size` bytes, and return how many bytes were written to `out`.

        Args:
            kind: the units.
            pointer: the input.
            size: its number of bytes.
            out: where to write.
            room: bytes that may be written: the input's, and those of a torn code point before it.

        Raises:
            UnicodeDecodeError: the bytes must be UTF-8 and are not; with positions in the stream.
        """
        only, length = (ffi.NULL, 0) if self._only is None else (self._only, len(self._only))
        status = kind.squeeze(self._squeezer, pointer, size, self._most, only, length, out, room)
        written = check_text(status, self._squeezer, self._end, pointer, size)
        self._end += size
        return written

    def squeeze(self, chunks: Iterable[Chunk], out: Pointer) -> Iterator[memoryview]:
        """Squeeze one of several texts. Yield what each chunk becomes, valid until the next one.

        The first run of a text may continue the last one of the text before.

        Args:
            chunks: the text, in adjacent chunks.
            out: an array that has at least SLACK bytes more than the longest chunk.

        Raises:
            UnicodeDecodeError: the text must be UTF-8 and is not; with positions in this text. All
                before the fault is yielded first.
        """
        memory = view(out)
        try:
            for kind, pointer, size in chunks:
                try:
                    written = self.append(kind, pointer, size, out, len(memory))
                except UnicodeDecodeError as error:
                    valid = max(error.start - self._end, 0)
                    yield memory[: self.append(kind, pointer, valid, out, len(memory))]
                    raise
                yield memory[:written]
            self.finish()
        finally:
            self._squeezer.tail_len = 0
            self._end = 0

    def finish(self) -> None:
        """Declare the end of the stream.

        Raises:
            UnicodeDecodeError: it is in the middle of a code point.
        """
        if self._squeezer.tail_len:
            raise utf8_fault(self._squeezer, self._end)
