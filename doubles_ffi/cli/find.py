"""The subcommand `doubles find`."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import num_threads
from doubles_ffi._library.search import Search
from doubles_ffi.cli.formats import Format, Json, Lines, Page
from doubles_ffi.cli.inputs import Inputs, file_size
from doubles_ffi.cli.reading import Reading
from doubles_ffi.cli.streams import has_colors
from doubles_ffi.cli.system import on_ctrl_c
from doubles_ffi.cli.view import View, end_highlight
from doubles_ffi.files.engine import WORTH_SPLITTING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator

# Bytes that are searched at a time. With 64 KiB, two threads take a quarter longer, as they wait
# for each other and for Python's lock. 512 KiB are within noise, and the runs may take twice the
# memory.
_SLICE = 256 * 1024


class Find(Reading):
    """One run of `doubles find`."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._inputs = Inputs(decompress=options.decompress)
        self._new_format: Callable[[str, str | None], Format]
        # A view highlights the runs in their lines. With runs of one character, that is everything;
        # and once it is known which run is the longest, its line is forgotten.
        has_view = options.min_run > 1 and not options.longest
        if options.json:
            self._new_format = Json
        elif has_view and has_colors(sys.stdout):
            self._new_format = View
        else:
            self._new_format = functools.partial(Lines, page=Page())
        # A view shows the text, and has no more of it than was read last.
        self._threads = 1 if self._new_format is View else num_threads()

    def read_all(self) -> None:
        """Search all files."""
        is_view = self._new_format is View
        with on_ctrl_c(end_highlight) if is_view else contextlib.nullcontext():
            for name in self.names():
                if name is None:
                    sys.stdout.flush()
                else:
                    self._search(name)

    def _search(self, name: str) -> None:
        found = self._found = self._new_format(name, self.encoding)
        left = self.options.max_count or sys.maxsize
        size = file_size(name)
        is_live = size is None  # Runs are shown before more is waited for.
        is_large = size is not None and size >= WORTH_SPLITTING
        answers = self._answers(name, found, is_large=is_large)
        with contextlib.closing(self.attempted(name, answers)) as answered:
            for runs, number in answered:
                found.show(runs, min(number, left))
                left -= min(number, left)
                if is_live:
                    sys.stdout.flush()
                if left == 0:
                    break
        found.end()

    def refuse(self, name: str, error: Exception) -> None:
        """Report a file that can't be searched, after the runs before the fault."""
        self._found.end()
        super().refuse(name, error)

    def _answers(self, name: str, found: Format, *, is_large: bool) -> Generator[tuple[Any, int]]:
        """Yield runs as `Search` does; in a large file, another thread searches for them."""
        if not is_large or self._threads == 1:
            return self._runs(name, found, 1)
        from doubles_ffi._threads import AHEAD, run_ahead  # Takes 2 ms.

        return run_ahead(self._runs(name, found, 1 + AHEAD))

    def _runs(self, name: str, found: Format, rooms: int) -> Generator[tuple[Any, int]]:
        with self._inputs.open(name) as file:
            search = Search(self.options.min_run, slice_size=_SLICE, rooms=rooms)
            find = search.longest if self.options.longest else search.runs
            yield from find(found.chunks(file))
