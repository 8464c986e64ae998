"""Finders and runs of the library: where doubles are."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import IS_CPYTHON, check, utf8_fault
from doubles_ffi._library.loading import _native, ffi, lib
from doubles_ffi._library.memory import check_text, slices, view
from doubles_ffi._library.runs import Columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from doubles_ffi._library.memory import Chunk, Kind, Pointer

# Units of the shortest run.
LEAST = 2

# Bytes of a run, and where each of its fields begins.
_RUN = ffi.sizeof("DoublesRun")
_OFFSETS = {name: field.offset for name, field in ffi.typeof("DoublesRun").fields}

# Bytes per call into the library. They stay in cache, and so do the runs in usual text.
_SLICE = 64 * 1024

# Bytes per call that collects runs, between which Python handles signals. Where the system is slow
# to give memory, runs of one unit are written at 20 MB/s of input.
COLLECTED_SLICE = 512 * 1024


class Search:
    """A search for runs in one stream.

    Args:
        least: units of the shortest run to find.
        slice_size: bytes per call into the library.
        rooms: the number of answers that stay valid, counted from the last one.
    """

    def __init__(self, least: int = LEAST, *, slice_size: int = _SLICE, rooms: int = 1) -> None:
        self._least = min(least, 2**64 - 1)
        self._slice_size = slice_size
        self._finder = ffi.new("DoublesFinder *")
        self._end = 0  # bytes searched
        self._rooms: deque[tuple[Any, int]] = deque([(None, 0)] * rooms)

    def runs(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Any, int]]:
        """Search adjacent chunks. Yield arrays of runs, each with the number of runs in it.

        Raises:
            UnicodeDecodeError: a chunk must be UTF-8 and is not. The runs before are yielded first.
        """
        try:
            for kind, pointer, size in slices(chunks, self._slice_size):
                try:
                    found = self._find(kind, pointer, size)
                except UnicodeDecodeError as error:
                    with contextlib.suppress(UnicodeDecodeError, RuntimeError):  # It was changed.
                        yield self._find(kind, pointer, max(error.start - self._end, 0))
                    raise
                yield found
                self._end += size
            if self._finder.tail_len:
                raise utf8_fault(self._finder, self._end)
        except UnicodeDecodeError:
            yield self._last()
            raise
        yield self._last()

    def longest(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Any, int]]:
        """Search adjacent chunks. Yield the first of their longest runs, or none, as `runs` does.

        Raises:
            UnicodeDecodeError: a chunk must be UTF-8 and is not. No run is yielded.
        """
        longest = ffi.new("DoublesRun[]", 1)
        found = 0
        for runs, number in self.runs(chunks):
            if number:
                (lengths,) = run_columns(runs, number, "length")
                length = max(lengths)
                longest[0] = runs[lengths.index(length)]
                found = 1
                self._least = length + 1  # Only longer runs are looked for.
        yield longest, found

    def collect(self, chunks: Iterable[Chunk]) -> Columns:
        """Search adjacent chunks, and return all of their runs.

        Raises:
            UnicodeDecodeError: a chunk must be UTF-8 and is not.
            MemoryError: memory can't hold the runs.
        """
        columns = Columns()
        for kind, pointer, size in slices(chunks, self._slice_size):
            status = kind.collect(columns.handle, self._finder, pointer, size, self._least)
            check_text(status, self._finder, self._end, pointer, size)
            self._end += size
        if self._finder.tail_len:
            raise utf8_fault(self._finder, self._end)
        check(lib.doubles_runs_end(columns.handle, self._finder, self._least))
        return columns

    def _find(self, kind: Kind, pointer: Pointer, size: int) -> tuple[Any, int]:
        runs, room = self._room(size // min(self._least, 2) + 2)  # The most that there can be.
        returned = kind.find(self._finder, pointer, size, self._least, runs, room)
        number = check_text(returned, self._finder, self._end, pointer, size)
        self._rooms.rotate(-1)  # Only now: after an error, the next array may be in use.
        return runs, number

    def _last(self) -> tuple[Any, int]:
        runs, _ = self._room(1)
        return runs, check(lib.doubles_find_end(self._finder, self._least, runs))

    def _room(self, number: int) -> tuple[Any, int]:
        """Return the array of the oldest answer if `number` runs fit, else a new one."""
        if number > self._rooms[0][1]:
            self._rooms[0] = ffi.new("DoublesRun[]", number), number
        return self._rooms[0]


def find_short(data: Any, least: int) -> list[tuple[int, int, Any]] | None:
    """Return start, length and unit of each run of a short str or bytes, found by one call into C.

    None for all other input, and on PyPy.
    """
    return _native.find_short(data, min(least, 2**64 - 1)) if IS_CPYTHON else None


def run_columns(runs: Any, number: int, *fields: str) -> list[list[int]]:
    """Return fields of the first `number` runs, a list for each field."""
    memory = view(runs, number * _RUN)
    words, halves = memory.cast("Q"), memory.cast("I")
    columns = []
    for field in fields:
        is_half = field == "unit"
        width = 4 if is_half else 8
        column = (halves if is_half else words)[_OFFSETS[field] // width :: _RUN // width]
        columns.append(column.tolist())
    return columns


def write_runs(
    runs: Any, number: int, name: bytes, glyphs: Pointer, out: Pointer
) -> tuple[int, int]:
    """Write a line for each run, until `out` is full or a unit has no glyph.

    Returns the number of lines, and the number of their bytes.
    """
    written = ffi.new("size_t *")
    lines = check(
        lib.doubles_write_runs(
            runs, number, name, len(name), glyphs, len(glyphs), out, len(out), written
        )
    )
    return lines, written[0]
