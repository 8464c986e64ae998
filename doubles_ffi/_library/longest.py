"""The longest run of a stream, measured by the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._library import utf8_fault
from doubles_ffi._library.loading import ffi
from doubles_ffi._library.memory import check_text, slices

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
        check_text(kind.measure(longest, pointer, size), longest, end, pointer, size)
        end += size
    if longest.tail_len:
        raise utf8_fault(longest, end)
    return (longest.start, longest.longest, longest.unit) if longest.longest else None
