"""How `doubles find` shows runs on a terminal: highlighted, in their lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._input.text import text_chunks
from doubles_ffi._library.search import run_columns
from doubles_ffi.cli.formats import Format
from doubles_ffi.cli.glyphs import glyph, is_mark
from doubles_ffi.cli.streams import shown, visible, write_past_buffers
from doubles_ffi.files.content import read_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi._library.memory import Chunk

# Characters of a long line that are shown before its first double, and in all.
_BEFORE = 100
_WIDTH = 400

_HIGHLIGHT, _PLAIN = "\x1b[7;31m", "\x1b[m"


def end_highlight() -> None:
    """Leave no highlight on the terminal, from the handler of a signal."""
    write_past_buffers(_PLAIN, sys.stdout)


class View(Format):
    """Shows lines with their runs highlighted, and only the parts of long lines near the runs."""

    def __init__(self, name: str, encoding: str | None) -> None:
        super().__init__(name, encoding)
        self._shown = shown(name, sys.stdout)
        self._text = ""  # the text that was read last
        self._start = 0  # characters before it
        self._excerpt: _Excerpt | None = None

    @property
    def _end(self) -> int:
        return self._start + len(self._text)

    def chunks(self, file: Any) -> Iterator[Chunk]:
        """Yield the chunks of a file, and keep the text that may be shown."""
        for text in read_texts(file, self.encoding):
            kept = self._end - _BEFORE - _WIDTH
            if self._excerpt:
                kept = min(kept, self._excerpt.start)
            forgotten = max(kept - self._start, 0)
            self._text = self._text[forgotten:] + text
            self._start += forgotten
            yield from text_chunks(text)

    def show(self, runs: Any, number: int) -> None:
        """Show the lines whose ends have been read."""
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
        """Show the last line."""
        if self._excerpt:
            self._write(self._excerpt)

    def _begin(self, start: int, line: int, column: int, unit: str) -> _Excerpt:
        line_start = start - column + 1
        begin = max(line_start, start - _BEFORE)
        text = None
        if begin < self._start:  # Forgotten, and the text since then is this run alone.
            begin, text = start, unit * _WIDTH
        return _Excerpt(line, column, begin, text, is_cut=begin > line_start)

    def _stop(self, excerpt: _Excerpt) -> int | None:
        """Return where an excerpt ends, or None if that is not known yet."""
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
            if is_mark(run[0]):  # It would join the character before it, which is not highlighted.
                run = "".join(map(glyph, run))
            parts += [self._visible(before), _HIGHLIGHT, self._visible(run), _PLAIN]
            done = end
        is_cut = stop == excerpt.limit and is_longer
        parts += [self._visible(text[done - first :]), "..." * is_cut]
        print(f"{self._shown}:{excerpt.line}:{excerpt.column}: {''.join(parts)}")

    def _visible(self, text: str) -> str:
        """Return text with escapes for the characters that the terminal would act on or lacks."""
        if self.encoding is None:
            text = "".join(c if "\x20" <= c < "\x7f" else glyph(ord(c)) for c in text)
        else:
            text = visible(text)
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
        self.text = text  # if it is no longer in the text that was read last
        self.is_cut = is_cut  # at its beginning
        self.runs: list[tuple[int, int]] = []  # their starts and ends
