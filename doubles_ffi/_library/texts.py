"""Nullable texts of rows, in memory of the library."""

from __future__ import annotations

from functools import partial
from typing import Any

from doubles_ffi._library import check, made
from doubles_ffi._library.loading import ffi, lib
from doubles_ffi._library.memory import export, held, view


class Strings:
    """Nullable strings or bytes, one for each row: append to them, then read or export them.

    They are freed with the last object that uses their memory.
    """

    __slots__ = ("handle",)

    def __init__(self) -> None:
        self.handle = ffi.gc(made(lib.doubles_texts_new()), lib.doubles_texts_free)

    def memory(self) -> tuple[memoryview, memoryview, memoryview]:
        """Return where rows begin and end, their bytes, and a bit for each that is 0 for a null.

        All are read-only, and valid for as long as nothing is appended.
        """
        found = ffi.new("DoublesTextsView *")
        check(lib.doubles_texts_view(self.handle, found))
        size = found.offsets[found.length]
        pointers = (found.offsets, found.data, found.validity)
        sizes = (8 * (found.length + 1), size, (found.length + 7) // 8)
        starts, data, validity = (
            view(held(pointer, self.handle), size).toreadonly()
            for pointer, size in zip(pointers, sizes)
        )
        return starts.cast("q"), data, validity

    def export(self, start: int, length: int, form: str) -> tuple[Any, Any]:
        """Return some of the rows in Arrow's capsules of a type and an array."""
        return export(partial(lib.doubles_texts_export, self.handle, start, length, ord(form)))
