"""The subcommand `doubles count`."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from doubles_ffi.cli.progress import Bar
from doubles_ffi.cli.scheduling import Scheduler
from doubles_ffi.cli.streams import FAILED, complain, discard, shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

__all__ = ["count"]


def count(options: argparse.Namespace) -> int:
    """Count doubles in files."""
    return _Count(options).run()


class _Count:
    """One run of `doubles count`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._encoding = None if options.bytes else options.encoding
        self._has_tally = bool(options.tally or options.plot)
        self._bar = Bar(options.progress)
        self._status = 0
        self._named = self._files = self._doubles = self._length = 0
        self._tally: Counter[Any] = Counter()

    def run(self) -> int:
        """Count all files, and return the exit status."""
        try:
            with contextlib.closing(self._bar):
                if self._options.cluster is None:
                    self._count_here()
                else:
                    self._count_on_cluster()
            self._conclude()
            sys.stdout.flush()
        except BrokenPipeError:  # The reader has seen enough; an error before that stays one.
            discard(sys.stdout)
        return self._status

    def _count_here(self) -> None:
        options = self._options
        scheduler = Scheduler(
            self._encoding, options.threads, tally=self._has_tally, decompress=options.decompress
        )
        for name, result in scheduler.count_each(self._names(), self._bar.callback):
            if isinstance(result, Exception):
                self._refuse(name, self._reason(name, result))
            else:
                tally = result.read_tally(text=self._encoding is not None)
                self._bar.advance(result.end)
                self._add(name, result.count, result.length, tally)

    def _count_on_cluster(self) -> None:
        from doubles_ffi.cli.clustering import ClusterError, count_files

        options = self._options
        progress = self._bar.show_all if self._bar.callback else None
        names = [name for name in self._names() if name is not None]
        try:
            result = count_files(
                names, options.cluster, self._encoding, progress, tally=self._has_tally
            )
        except ClusterError as error:
            result = error.result
            self._fail(options.cluster, str(error))
        for file in result.files:
            if file.error is not None:
                self._refuse(file.url, self._reason(file.url, file.error))
            else:
                self._add(file.url, file.count, file.length, file.tally)

    def _names(self) -> Iterable[str | None]:
        """Return the names; None among them means that the next one may take a while."""
        options = self._options
        names: Iterable[str | None] = options.files
        is_growing = False
        if options.files_from is not None:
            from doubles_ffi.cli.names import file_size

            names = itertools.chain(names, self._listed(options.files_from))
            is_growing = not file_size(options.files_from)
        elif not options.files:
            names = ["."] if options.recursive else ["-"]
        if options.recursive:
            names = self._recursive(names)
        if is_growing:
            return _answered(names)  # Whoever writes the list may still be at it.
        # Of decompressed bytes the number is not known; a cluster looks files up itself.
        is_unknown = options.decompress or options.cluster is not None
        return names if is_unknown else self._bar.measured(names)

    def _recursive(self, names: Iterable[str | None]) -> Iterator[str | None]:
        from doubles_ffi.cli.names import below

        for name in names:
            if name is not None and os.path.isdir(name):  # noqa: PTH112 (pathlib takes 4 ms)
                yield from below(name, self._options.glob, self._fail)
            else:
                yield name

    def _listed(self, source: str) -> Iterator[str | None]:
        from doubles_ffi.cli.names import listed

        try:
            for name in listed(source, b"\0" if self._options.null else b"\n"):
                if name == source == "-":
                    self._fail(source, "is the list of files")
                else:
                    yield name
        except OSError as error:
            self._fail(source, error.strerror)

    def _add(self, name: str, doubles: int, length: int, tally: Counter[Any]) -> None:
        """Report a file that is counted."""
        self._named += 1
        self._files += 1
        self._doubles += doubles
        self._length += length
        self._tally.update(tally)
        if self._options.total_only:
            return
        if self._options.json:
            self._write_json({"file": name}, doubles, length, tally)
        else:
            self._write(f"{doubles}\t{shown(name, sys.stdout)}")

    def _conclude(self) -> None:
        options = self._options
        if options.json:
            if options.total_only:
                known = {"files": self._files}
                self._write_json(known, self._doubles, self._length, self._tally)
        elif options.total_only or self._named > 1:
            self._write(f"{self._doubles}\ttotal")
        if options.tally and not options.json:
            self._write_table()
        if options.plot:
            self._plot()

    def _plot(self) -> None:
        import signal

        from doubles_ffi.cli import chart

        sys.stdout.flush()
        # After Ctrl-C matplotlib takes long to end, or fails in its own ways: the signal ends it.
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            chart.draw(self._most_doubled(self._tally), self._options.plot)
        except (ImportError, OSError, ValueError) as error:
            self._fail(self._options.plot, _reason(error))
        finally:
            signal.signal(signal.SIGINT, before)

    def _most_doubled(self, tally: Counter[Any]) -> list[tuple[Any, int]]:
        by_doubles = sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))
        return by_doubles[: self._options.top]

    def _write_json(
        self, known: dict[str, Any], doubles: int, length: int, tally: Counter[Any]
    ) -> None:
        entry = {**known, "count": doubles, "length": length}
        if self._options.tally:
            from doubles_ffi.cli import chart

            most = self._most_doubled(tally)
            entry["tally"] = {u if isinstance(u, str) else chart.code(u): n for u, n in most}
        self._write(_json(entry))

    def _write_table(self) -> None:
        import shutil

        from doubles_ffi.cli import chart

        color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        lines = chart.table(
            self._most_doubled(self._tally),
            shutil.get_terminal_size().columns,
            sys.stdout.encoding or "ascii",
            color=color and os.environ.get("TERM") != "dumb",
        )
        self._write("")
        for line in lines:
            self._write(line)

    def _refuse(self, name: str, reason: str) -> None:
        """Report a file that can't be counted."""
        self._named += 1
        self._fail(name, reason)
        if self._options.json and not self._options.total_only:
            self._write(_json({"file": name, "error": reason}))

    def _write(self, line: str) -> None:
        self._bar.make_room(sys.stdout)
        print(line)

    def _fail(self, name: str, reason: str | None) -> None:
        self._status = FAILED
        self._bar.make_room(sys.stderr)
        complain(name, reason)

    def _reason(self, name: str, error: Exception) -> str:
        if not isinstance(error, UnicodeError):
            return _reason(error)
        if self._options.cluster is None:
            from doubles_ffi.cli.decompression import compression_of

            compression = None if name == "-" else compression_of(name)
            if compression and not self._options.decompress:
                return f"compressed with {compression}; try -z"
        return f"not {self._encoding}: {_where(error)}; try --bytes, or --encoding NAME"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, MemoryError):
        return "not enough memory"
    return str(error)


def _where(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start}"
    return str(error)


def _answered(names: Iterable[str | None]) -> Iterator[str | None]:
    """Write out the results for the names so far before waiting for the next one."""
    for name in names:
        yield name
        if name is None:
            sys.stdout.flush()


def _json(entry: dict[str, Any]) -> str:
    """Return a JSON object, its text escaped only where it can't be seen or encoded."""
    import json

    line = json.dumps(entry, ensure_ascii=sys.stdout.encoding != "utf-8")
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _json_escape(c) for c in line)


def _json_escape(character: str) -> str:
    code = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[i : i + 4]}" for i in range(0, len(code), 4))
