"""Squeezers of the library: text and bytes whose runs are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._decoding import utf8_error
from doubles_ffi._library import InvalidUtf8Error, check
from doubles_ffi._library.loading import ffi
from doubles_ffi._library.memory import view

if TYPE_CHECKING:
    from doubles_ffi._library.memory import Kind, Pointer

# Bytes per call into the library, between which Python handles signals. Input that is one long run
# is squeezed to two units at 0.2 GB/s.
SLICE = 8 * 1024 * 1024


class Squeezer:
    """Squeezes one stream: each run is cut to at most `most` units.

    Args:
        most: units of a run that are kept, at least 1.
        only: a bit for each unit whose runs are cut, the lowest of the first byte for unit 0; or
            None for all.
    """

    __slots__ = ("_end", "_most", "_only", "_squeezer")

    def __init__(self, most: int, only: bytes | None) -> None:
        self._squeezer = ffi.new("DoublesSqueezer *")
        self._most = min(most, 2**64 - 1)
        self._only = only
        self._end = 0  # bytes squeezed

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
        try:
            written = check(status)
        except InvalidUtf8Error:
            raise self._fault(bytes(view(pointer, size))) from None
        self._end += size
        return written

    def finish(self) -> None:
        """Declare the end of the stream.

        Raises:
            UnicodeDecodeError: it is in the middle of a code point.
        """
        if self._squeezer.tail_len:
            raise self._fault(b"")

    def _fault(self, new: bytes) -> Exception:
        """Return the exception for UTF-8 that can't follow."""
        tail = bytes(self._squeezer.tail)[: self._squeezer.tail_len]
        return utf8_error([tail, new], self._end - len(tail))
