"""The subcommand `doubles find`."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._input.text import text_pieces
from doubles_ffi._library import GLYPH_LENGTH, new_array, num_threads, run_columns, view, write_runs
from doubles_ffi.cli.glyphs import can_encode, code, glyph, is_mark
from doubles_ffi.cli.inputs import Inputs
from doubles_ffi.cli.names import file_size, named
from doubles_ffi.cli.reasons import reason_of
from doubles_ffi.cli.streams import (
    FAILED,
    complain,
    discard,
    has_colors,
    json_line,
    on_ctrl_c,
    shown,
    write_past_buffers,
)
from doubles_ffi.files import WORTH_SPLITTING, read_pieces, read_texts
from doubles_ffi.finding import Search

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeAlias

    from doubles_ffi._input import Piece

    _Format: TypeAlias = "_Json | _Lines | _View"

__all__ = ["find"]

# Bytes that are searched at a time. With 64 KiB, two threads take a quarter longer, as they wait
# for each other and for Python's lock. 512 KiB are within noise, and the runs may take twice the
# memory.
_CHUNK = 256 * 1024

# Units whose ends of JSON objects are kept: to make one takes 4 us.
_KNOWN = 1 << 12

# Bytes that are written at a time.
_PAGE = 256 * 1024

# Characters of a long line that are shown before its first double, and in all.
_BEFORE = 100
_WIDTH = 400

_HIGHLIGHT, _PLAIN = "\x1b[7;31m", "\x1b[m"


def find(options: argparse.Namespace) -> int:
    """Show where doubles are in files."""
    return _Find(options).run()


class _Find:
    """One run of `doubles find`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._encoding = None if options.bytes else options.encoding
        self._inputs = Inputs(decompress=options.decompress)
        self._status = 0
        self._threads = num_threads()
        self._is_highlighted = False
        self._format: Callable[[str], _Format]
        if options.json:
            self._format = lambda name: _Json(name, self._encoding)
        elif has_colors(sys.stdout):
            self._format = lambda name: _View(name, self._encoding)
            self._is_highlighted = True
            self._threads = 1  # It shows the text, and has no more of it than was read last.
        else:
            pages = _Pages()
            self._format = lambda name: _Lines(name, self._encoding, pages)

    def run(self) -> int:
        """Search all files, and return the exit status."""
        try:
            with contextlib.ExitStack() as stack:
                if self._is_highlighted:
                    stack.enter_context(on_ctrl_c(_end_highlight))
                for name in named(self._options, self._fail):
                    if name is None:
                        sys.stdout.flush()
                    else:
                        self._search(name)
            sys.stdout.flush()
        except BrokenPipeError:  # The reader has seen enough; an error before that stays one.
            discard(sys.stdout)
        return self._status

    def _search(self, name: str) -> None:
        found = self._format(name)
        left = self._options.max_count
        size = file_size(name)
        is_live = size is None  # What is found is shown before more is waited for.
        is_large = size is not None and size >= WORTH_SPLITTING
        with contextlib.closing(self._answers(name, found, is_large=is_large)) as answers:
            while left is None or left > 0:
                try:
                    answer = next(answers, None)
                except (OSError, ValueError, MemoryError) as error:  # As in scheduling.py.
                    found.end()
                    self._refuse(name, reason_of(error, name, self._options))
                    return
                if answer is None:
                    break
                runs, number = answer
                if left is not None:
                    number = min(number, left)
                    left -= number
                found.show(runs, number)
                if is_live:
                    sys.stdout.flush()
            found.end()

    def _answers(self, name: str, found: _Format, *, is_large: bool) -> Generator[tuple[Any, int]]:
        """Yield runs as `Search` does; in a large file, another thread searches for them."""
        if not is_large or self._threads == 1:
            return self._runs(name, found, 1)
        from doubles_ffi._threads import AHEAD, run_ahead  # Takes 2 ms.

        return run_ahead(self._runs(name, found, 1 + AHEAD))

    def _runs(self, name: str, found: _Format, rooms: int) -> Generator[tuple[Any, int]]:
        with self._inputs.open(name) as file:
            search = Search(self._options.min_run, chunk=_CHUNK, rooms=rooms)
            yield from search.runs(found.pieces(file))

    def _refuse(self, name: str, reason: str) -> None:
        """Report a file that can't be searched, or not to its end."""
        self._fail(name, reason)
        if self._options.json:
            print(json_line({"file": name, "error": reason}))

    def _fail(self, name: str, reason: str) -> None:
        self._status = FAILED
        sys.stdout.flush()  # On a terminal, what comes before the error stands before it.
        complain(name, reason)


def _end_highlight() -> None:
    write_past_buffers(_PLAIN, sys.stdout)


class _Pages:
    """What lines are written with: a table of glyphs by unit, and room for many lines."""

    def __init__(self) -> None:
        self.glyphs = new_array(0)  # It grows: all code points would take 17.8 MB.
        self.out = new_array(_PAGE)

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
            number = min(1 << unit.bit_length(), sys.maxunicode + 1)
            larger = new_array(GLYPH_LENGTH * number)
            view(larger)[: len(self.glyphs)] = view(self.glyphs)
            self.glyphs = larger
        view(self.glyphs)[start : start + len(cell)] = cell


class _Lines:
    """Writes a line for each run."""

    def __init__(self, name: str, encoding: str | None, pages: _Pages) -> None:
        self._name = os.fsencode(shown(name, sys.stdout))
        self._encoding = encoding
        self._pages = pages

    def pieces(self, file: Any) -> Iterator[Piece]:
        return read_pieces(file, self._encoding)

    def show(self, runs: Any, number: int) -> None:
        done = 0
        while done < number:
            pages = self._pages
            lines, size = write_runs(
                runs + done, number - done, self._name, pages.glyphs, pages.out
            )
            rest = view(pages.out)[:size]
            while rest:  # Where Python does not buffer, a write may take only a part.
                rest = rest[sys.stdout.buffer.write(rest) :]
            done += lines
            if done < number:  # Its unit is new, or the page is full.
                pages.add(runs[done].unit, is_byte=self._encoding is None)

    def end(self) -> None:
        pass


class _Json:
    """Writes a JSON object for each run."""

    def __init__(self, name: str, encoding: str | None) -> None:
        self._file = json_line({"file": name})[:-1]
        self._encoding = encoding
        self._unit = functools.lru_cache(_KNOWN)(self._unit_and_end)

    def pieces(self, file: Any) -> Iterator[Piece]:
        return read_pieces(file, self._encoding)

    def show(self, runs: Any, number: int) -> None:
        columns = run_columns(runs, number, "line", "column", "start", "length", "unit")
        sys.stdout.writelines(
            f'{self._file}, "line": {line}, "column": {column}, "start": {start}, '
            f'"length": {length}, {self._unit(unit)}\n'
            for line, column, start, length, unit in zip(*columns)
        )

    def _unit_and_end(self, unit: int) -> str:
        shown = code(unit) if self._encoding is None else chr(unit)
        return json_line({"unit": shown})[1:]

    def end(self) -> None:
        pass


class _View:
    """Shows lines with their runs highlighted, and of long lines what is near the runs."""

    def __init__(self, name: str, encoding: str | None) -> None:
        self._name = shown(name, sys.stdout)
        self._encoding = encoding
        self._text = ""  # what was read last
        self._start = 0  # characters before it
        self._excerpt: _Excerpt | None = None

    @property
    def _end(self) -> int:
        return self._start + len(self._text)

    def pieces(self, file: Any) -> Iterator[Piece]:
        for text in read_texts(file, self._encoding):
            kept = self._end - _BEFORE - _WIDTH
            if self._excerpt:
                kept = min(kept, self._excerpt.start)
            forgotten = max(kept - self._start, 0)
            self._text = self._text[forgotten:] + text
            self._start += forgotten
            yield from text_pieces(text)

    def show(self, runs: Any, number: int) -> None:
        fields = ("start", "length", "line", "column", "unit")
        for start, length, line, column, unit in zip(*run_columns(runs, number, *fields)):
            if self._excerpt and (line != self._excerpt.line or start >= self._excerpt.limit):
                self._write(self._excerpt)
            if not self._excerpt:
                self._excerpt = self._begin(start, line, column, chr(unit))
            self._excerpt.runs.append((start, start + length))
        if self._excerpt and self._stop(self._excerpt) is not None:
            self._write(self._excerpt)

    def end(self) -> None:
        if self._excerpt:
            self._write(self._excerpt)

    def _begin(self, start: int, line: int, column: int, unit: str) -> _Excerpt:
        line_start = start - column + 1
        begin = max(line_start, start - _BEFORE)
        text = None
        if begin < self._start:  # It has been read so long ago that all since is of this run.
            begin, text = start, unit * _WIDTH
        return _Excerpt(line, column, begin, text, is_cut=begin > line_start)

    def _stop(self, excerpt: _Excerpt) -> int | None:
        """Return where an excerpt ends, if that is known."""
        start, end = excerpt.runs[-1]
        if excerpt.text or end > excerpt.limit:
            return excerpt.limit
        if self._text[start - self._start] == "\n":
            return end
        newline = self._text.find("\n", end - self._start, excerpt.limit + 1 - self._start)
        if newline >= 0:
            return self._start + newline
        return excerpt.limit if self._end > excerpt.limit else None

    def _write(self, excerpt: _Excerpt) -> None:
        self._excerpt = None
        stop = self._stop(excerpt)
        if stop is None:
            stop = self._end
        follows = self._text[stop - self._start : stop - self._start + 1]
        is_longer = excerpt.runs[-1][1] > stop or follows not in {"", "\n"}
        first = excerpt.start
        text = excerpt.text or self._text[first - self._start : stop - self._start]
        parts = ["..." * excerpt.is_cut]
        done = first
        for start, end in excerpt.runs:
            before, run = text[done - first : start - first], text[start - first : end - first]
            if is_mark(run[0]):  # It would join what stands before it, which is not highlighted.
                run = "".join(map(glyph, run))
            parts += [self._visible(before), _HIGHLIGHT, self._visible(run), _PLAIN]
            done = end
        is_cut = stop == excerpt.limit and is_longer
        parts += [self._visible(text[done - first :]), "..." * is_cut]
        print(f"{self._name}:{excerpt.line}:{excerpt.column}: {''.join(parts)}")

    def _visible(self, text: str) -> str:
        """Return text that a terminal only shows, and that its encoding has."""
        if self._encoding is None:
            text = "".join(c if "\x20" <= c < "\x7f" else glyph(ord(c)) for c in text)
        elif not text.isprintable():
            text = "".join(c if c.isprintable() else glyph(c) for c in text)
        encoding = sys.stdout.encoding
        return text.encode(encoding, "backslashreplace").decode(encoding)


class _Excerpt:
    """A part of a line: all of it, if it is short."""

    def __init__(
        self, line: int, column: int, start: int, text: str | None, *, is_cut: bool
    ) -> None:
        self.line = line
        self.column = column
        self.start = start
        self.limit = start + _WIDTH
        self.text = text  # if it is not in what was read last
        self.is_cut = is_cut  # at its beginning
        self.runs: list[tuple[int, int]] = []  # their starts and ends
