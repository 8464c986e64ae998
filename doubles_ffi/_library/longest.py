"""The longest run of a stream, measured by the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doubles_ffi._decoding import utf8_error
from doubles_ffi._library import InvalidUtf8Error, check
from doubles_ffi._library.loading import ffi
from doubles_ffi._library.memory import slices, view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from doubles_ffi._library.memory import Chunk

# Bytes per call into the library, between which Python handles signals.
_SLICE = 64 * 1024 * 1024


def measure_longest(chunks: Iterable[Chunk]) -> tuple[int, int, int] | None:
    """Return start, length and unit of the longest run of adjacent chunks, the first of equals.

    None if there is no unit.

    Raises:
        UnicodeDecodeError: a chunk must be UTF-8 and is not.
    """
    longest = ffi.new("DoublesLongest *")
    end = 0  # bytes measured
    for kind, pointer, size in slices(chunks, _SLICE):
        try:
            check(kind.measure(longest, pointer, size))
        except InvalidUtf8Error:
            raise _fault(longest, end, bytes(view(pointer, size))) from None
        end += size
    if longest.tail_len:
        raise _fault(longest, end, b"")
    return (longest.start, longest.longest, longest.unit) if longest.longest else None


def _fault(longest: Any, end: int, new: bytes) -> Exception:
    """Return the exception for UTF-8 that can't follow the `end` bytes measured so far."""
    tail = bytes(longest.tail)[: longest.tail_len]
    return utf8_error([tail, new], end - len(tail))
