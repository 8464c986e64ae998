"""The subcommand `doubles count`."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, TextIO

from doubles_ffi.cli.names import is_growing
from doubles_ffi.cli.progress import Bar
from doubles_ffi.cli.reading import Reading
from doubles_ffi.cli.scheduling import Scheduler
from doubles_ffi.cli.streams import has_colors, json_line, reason, shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator


class Count(Reading):
    """One run of `doubles count`."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._has_tally = bool(options.tally or options.plot)
        self._bar = Bar(options.progress)
        self._named = self._files = self._doubles = self._length = 0
        self._tally: Counter[Any] = Counter()

    def read_all(self) -> None:
        """Count all files."""
        with contextlib.closing(self._bar):
            if self.options.cluster is None:
                self._count_here()
            else:
                self._count_on_cluster()
        self._conclude()

    def _count_here(self) -> None:
        options = self.options
        scheduler = Scheduler(
            self.encoding, options.threads, tally=self._has_tally, decompress=options.decompress
        )
        for name, result in scheduler.count_each(self._measured_names(), self._bar.callback):
            if isinstance(result, Exception):
                self.refuse(name, result)
            else:
                tally = result.read_tally(text=self.encoding is not None)
                self._bar.advance(result.end)
                self._add(name, result.count, result.length, tally)

    def _count_on_cluster(self) -> None:
        from doubles_ffi.cli.clustering import count_files
        from doubles_ffi.cluster import ClusterError

        options = self.options
        progress = self._bar.show_all if self._bar.callback else None
        names = [name for name in self._measured_names() if name is not None]
        try:
            result = count_files(
                names, options.cluster, self.encoding, progress, tally=self._has_tally
            )
        except ClusterError as error:
            result = error.result
            self.fail(options.cluster, str(error))
        for file in result.files:
            if file.error is not None:
                self.refuse(file.url, file.error)
            else:
                self._add(file.url, file.count, file.length, file.tally)

    def _measured_names(self) -> Iterable[str | None]:
        """Return the names; None among them means that the next one may take a while."""
        options = self.options
        names = self.names()
        if is_growing(options):
            return _answered(names)  # The list may still be written.
        # The number of decompressed bytes is not known, and a cluster looks files up itself.
        is_unknown = options.decompress or options.cluster is not None
        return names if is_unknown else self._bar.measured(names)

    def _add(self, name: str, doubles: int, length: int, tally: Counter[Any]) -> None:
        """Add a file to the totals, and write its result."""
        self._named += 1
        self._files += 1
        self._doubles += doubles
        self._length += length
        self._tally.update(tally)
        if self.options.total_only:
            return
        if self.options.json:
            self._write_json({"file": name}, doubles, length, tally)
        else:
            self.write(f"{doubles}\t{shown(name, sys.stdout)}")

    def _conclude(self) -> None:
        options = self.options
        if options.json:
            if options.total_only:
                known = {"files": self._files}
                self._write_json(known, self._doubles, self._length, self._tally)
        elif options.total_only or self._named > 1:
            self.write(f"{self._doubles}\ttotal")
        if options.tally and not options.json:
            self._write_table()
        if options.plot:
            self._plot()

    def _plot(self) -> None:
        from doubles_ffi.cli import chart

        sys.stdout.flush()
        try:
            chart.draw(self._most_doubled(self._tally), self.options.plot)
        except (ImportError, OSError, ValueError) as error:
            self.fail(self.options.plot, reason(error))

    def _most_doubled(self, tally: Counter[Any]) -> list[tuple[Any, int]]:
        by_doubles = sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))
        return by_doubles[: self.options.top]

    def _write_json(
        self, known: dict[str, Any], doubles: int, length: int, tally: Counter[Any]
    ) -> None:
        entry = {**known, "count": doubles, "length": length}
        if self.options.tally:
            from doubles_ffi.cli.glyphs import code

            most = self._most_doubled(tally)
            entry["tally"] = {u if isinstance(u, str) else code(u): n for u, n in most}
        self.write(json_line(entry))

    def _write_table(self) -> None:
        import shutil

        from doubles_ffi.cli import chart

        lines = chart.table(
            self._most_doubled(self._tally),
            shutil.get_terminal_size().columns,
            sys.stdout.encoding or "ascii",
            color=has_colors(sys.stdout),
        )
        self.write("")
        for line in lines:
            self.write(line)

    def refuse(self, name: str, error: Exception) -> None:
        """Report a file that can't be counted."""
        self._named += 1
        super().refuse(name, error)

    def make_room(self, stream: TextIO) -> None:
        """Erase the bar from the terminal that a line is written to."""
        self._bar.make_room(stream)


def _answered(names: Iterable[str | None]) -> Iterator[str | None]:
    """Write out the results for the names so far before waiting for the next one."""
    for name in names:
        yield name
        if name is None:
            sys.stdout.flush()
