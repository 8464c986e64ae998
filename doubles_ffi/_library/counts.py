"""Nullable counts of rows, in memory of the library."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from doubles_ffi._library import check, made
from doubles_ffi._library.loading import _native, ffi, lib
from doubles_ffi._library.memory import export, held

if TYPE_CHECKING:
    from doubles_ffi._library.memory import Pointer


class Numbers:
    """Nullable 64-bit numbers, one for each row: append to them, then read or export them.

    They are freed with the last object that uses their memory.
    """

    __slots__ = ("handle",)

    def __init__(self) -> None:
        self.handle = ffi.gc(made(lib.doubles_counts_new()), lib.doubles_counts_free)

    def append(self, values: Any, validity: Any, length: int) -> None:
        """Append numbers, and one bit for each that is 0 for a null.

        Raises:
            MemoryError: memory can't hold them.
        """
        values = ffi.from_buffer("int64_t[]", values)
        validity = ffi.from_buffer("uint8_t[]", validity)
        check(lib.doubles_counts_append(self.handle, values, validity, length))

    def memory(self) -> tuple[Pointer, Pointer, int]:
        """Return pointers to the numbers and to the bits, and the number of rows.

        Both are valid for as long as the first pointer lives and nothing is appended.
        """
        found = ffi.new("DoublesCountsView *")
        check(lib.doubles_counts_view(self.handle, found))
        return held(found.values, self.handle), found.validity, found.length

    def export(self, start: int, length: int) -> tuple[Any, Any]:
        """Return some of the numbers in Arrow's capsules of a type and an array."""
        return export(partial(lib.doubles_counts_export, self.handle, start, length))


def unpack(pointer: Pointer, length: int) -> list[int]:
    """Return numbers as a list."""
    return cast("list[int]", ffi.unpack(pointer, length))


# Counts the first rows of a list or a tuple in C. Only a module for one version of CPython has it.
count_rows = getattr(_native, "count_rows", None)
