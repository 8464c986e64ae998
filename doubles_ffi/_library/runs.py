"""Runs as columns, in memory of the library."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from doubles_ffi._library import check, made
from doubles_ffi._library.loading import ffi, lib
from doubles_ffi._library.memory import export, held, view

if TYPE_CHECKING:
    from collections.abc import Mapping

# The columns, how memoryviews call the type of each, and its number of bytes.
_FORMATS: dict[str, Literal["q", "I"]] = {"row": "q", "start": "q", "length": "q", "unit": "I"}
_SIZES = {"q": 8, "I": 4}


class Columns:
    """Runs, one array for each of their facts: fill them, then read or export them.

    They are freed with the last object that uses their memory.

    Args:
        rows: whether each run has the number of a row, too.
    """

    __slots__ = ("handle",)

    def __init__(self, *, rows: bool = False) -> None:
        self.handle = ffi.gc(made(lib.doubles_runs_new(rows)), lib.doubles_runs_free)

    @classmethod
    def of_bytes(cls, columns: Mapping[str, Any]) -> Columns:
        """Return runs from the bytes of each column.

        Raises:
            MemoryError: memory can't hold them.
        """
        self = cls(rows="row" in columns)
        arrays = [
            ffi.from_buffer("uint32_t[]" if name == "unit" else "int64_t[]", columns[name])
            if name in columns
            else ffi.NULL
            for name in _FORMATS
        ]
        check(lib.doubles_runs_append(self.handle, *arrays, len(arrays[-1])))
        return self

    def memory(self) -> dict[str, memoryview]:
        """Return the columns, read-only. They are valid for as long as nothing is added."""
        found = ffi.new("DoublesRunsView *")
        check(lib.doubles_runs_view(self.handle, found))
        pointers = (found.rows, found.starts, found.lengths, found.units)
        columns = {}
        for (name, form), pointer in zip(_FORMATS.items(), pointers):
            if pointer != ffi.NULL:
                values = view(held(pointer, self.handle), found.length * _SIZES[form])
                columns[name] = values.cast(form).toreadonly()
        return columns

    def export(self, start: int, length: int) -> tuple[Any, Any]:
        """Return some of the runs in Arrow's capsules of a type and an array."""
        return export(partial(lib.doubles_runs_export, self.handle, start, length))
