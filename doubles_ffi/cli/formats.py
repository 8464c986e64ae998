"""The formats in which `doubles find` writes runs to pipes and files."""

from __future__ import annotations

import functools
import os
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import GLYPH_LENGTH
from doubles_ffi._library.memory import new_array, view
from doubles_ffi._library.search import run_columns, write_runs
from doubles_ffi.cli.glyphs import can_encode, code, glyph
from doubles_ffi.cli.streams import json_line, shown, write_all
from doubles_ffi.files.content import read_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi._library.memory import Chunk

# Units whose ends of JSON objects are kept: to make one takes 4 us.
_KNOWN = 1 << 12

# Bytes that are written at a time.
_PAGE = 256 * 1024


class Format(ABC):
    """Writes the runs of one file.

    The file is searched in the chunks that `chunks` yields. `show` gets the runs as they are found,
    and `end` is called after the last ones.
    """

    def __init__(self, name: str, encoding: str | None) -> None:
        self.name = name
        self.encoding = encoding

    def chunks(self, file: Any) -> Iterator[Chunk]:
        """Yield the chunks of a file that are searched."""
        return read_chunks(file, self.encoding)

    @abstractmethod
    def show(self, runs: Any, number: int) -> None:
        """Write the first `number` runs of an array, or keep them until more is known."""

    def end(self) -> None:  # noqa: B027 (most keep none)
        """Write the runs that were kept."""


class Json(Format):
    """Writes a JSON object for each run."""

    def __init__(self, name: str, encoding: str | None) -> None:
        super().__init__(name, encoding)
        self._file = json_line({"file": name})[:-1]
        self._unit = functools.lru_cache(_KNOWN)(self._unit_and_end)

    def show(self, runs: Any, number: int) -> None:
        """Write an object for each run."""
        columns = run_columns(runs, number, "line", "column", "start", "length", "unit")
        sys.stdout.writelines(
            f'{self._file}, "line": {line}, "column": {column}, "start": {start}, '
            f'"length": {length}, {self._unit(unit)}\n'
            for line, column, start, length, unit in zip(*columns)
        )

    def _unit_and_end(self, unit: int) -> str:
        shown = code(unit) if self.encoding is None else chr(unit)
        return json_line({"unit": shown})[1:]


class Lines(Format):
    """Writes a line for each run, FILE:LINE:COLUMN: CHARACTER, which the library formats."""

    def __init__(self, name: str, encoding: str | None, page: Page) -> None:
        super().__init__(name, encoding)
        self._start = os.fsencode(shown(name, sys.stdout))
        self._page = page

    def show(self, runs: Any, number: int) -> None:
        """Write a line for each run."""
        done = 0
        while done < number:
            page = self._page
            lines, size = write_runs(
                runs + done, number - done, self._start, page.glyphs, page.memory
            )
            write_all(view(page.memory)[:size])
            done += lines
            if done < number:  # Its unit is new, or the page is full.
                page.add(runs[done].unit, is_byte=self.encoding is None)


class Page:
    """Memory for the lines of all files: a table of glyphs by unit, and room for many lines."""

    def __init__(self) -> None:
        self.glyphs = new_array(0)  # It grows: all code points would take 17.8 MB.
        self.memory = new_array(_PAGE)

    def add(self, unit: int, *, is_byte: bool) -> None:
        """Add the glyph of a unit, or its code if the output's encoding lacks the glyph."""
        encoding = sys.stdout.encoding
        number = unit if is_byte else chr(unit)
        text = glyph(number)
        encoded = (text if can_encode(text, encoding) else code(number)).encode(encoding)
        cell = bytes([len(encoded)]) + encoded
        start = unit * GLYPH_LENGTH
        if start >= len(self.glyphs):
            # At least twice as long, so that few copies are made; or for all code points.
            units = min(1 << unit.bit_length(), sys.maxunicode + 1)
            larger = new_array(GLYPH_LENGTH * units)
            view(larger)[: len(self.glyphs)] = view(self.glyphs)
            self.glyphs = larger
        view(self.glyphs)[start : start + len(cell)] = cell
