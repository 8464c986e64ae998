"""What the commands do, once it is parsed what they are to do."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import ffi
from doubles_ffi.files import FileCounter, standard_input
from doubles_ffi.generate import Source

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from doubles_ffi.summary import Stretch

__all__ = ["FAILED", "MOST_DOUBLED", "SHELLS", "complain", "completions", "count", "random"]

FAILED = 2  # As wc's cousins grep and diff: 1 would be an answer, 2 is trouble.

# Units that a tally shows if it is not told how many.
MOST_DOUBLED = 10

SHELLS = ("bash", "zsh", "fish")

# Seconds before `--progress auto` shows anything: most counts are over by then.
_PATIENCE = 0.5

# Bytes per read of a list of names.
_LIST_BLOCK = 64 * 1024

# Characters per turn of `random`: enough for all threads, and whole blocks of the generator's.
_RANDOM_BLOCK = 4 * 1024 * 1024


def complain(name: str, reason: str | None) -> None:
    """Report an error on standard error, if there is one."""
    if sys.stderr is not None:
        print(f"doubles: {name}: {reason}", file=sys.stderr)


def random(options: argparse.Namespace) -> int:
    """Write random characters."""
    source = Source(options.alphabet, options.seed, threads=None)
    buffer = ffi.new("uint8_t[]", min(options.length, _RANDOM_BLOCK))
    for start in range(0, options.length, _RANDOM_BLOCK):
        source.fill(buffer, len(buffer))
        rest = memoryview(ffi.buffer(buffer))[: options.length - start]
        while rest:  # Where Python does not buffer, a write may be a part of it.
            rest = rest[sys.stdout.buffer.write(rest) :]
    return 0


def completions(options: argparse.Namespace) -> int:
    """Write what makes a shell complete the command."""
    from doubles_ffi.completions import script

    sys.stdout.write(script(options.shell))
    return 0


def count(options: argparse.Namespace) -> int:
    """Count doubles in files."""
    return _Count(options).run()


class _Count:
    """One run of `doubles count`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._encoding = None if options.bytes else options.encoding
        self._most = options.tally or (MOST_DOUBLED if options.plot else 0)
        self._bar = _Bar(options.progress)
        self._status = 0
        self._named = self._files = self._doubles = self._length = 0
        self._tally: Counter[Any] = Counter()

    def run(self) -> int:
        """Count all files, and return the exit status."""
        counter = FileCounter(self._encoding, self._options.threads, tally=self._most > 0)
        with contextlib.closing(self._bar):
            names = self._bar.measured(self._names())
            for name, result in counter.count_each(names, self._bar.callback):
                self._named += 1
                if isinstance(result, Exception):
                    self._fail(name, self._reason(result))
                else:
                    self._add(name, result)
        self._conclude()
        return self._status

    def _names(self) -> Iterator[str]:
        yield from self._options.files
        source = self._options.files_from
        if source is not None:
            try:
                yield from _listed(source, b"\0" if self._options.null else b"\n")
            except OSError as error:
                self._fail(source, error.strerror)
        elif not self._options.files:
            yield "-"

    def _add(self, name: str, stretch: Stretch) -> None:
        self._files += 1
        self._doubles += stretch.count
        self._length += stretch.length
        tally = stretch.read_tally(text=self._encoding is not None) or Counter()
        self._tally.update(tally)
        self._bar.advance(stretch.end)
        if self._options.total_only:
            return
        if self._options.json:
            self._write_json({"file": name}, stretch.count, stretch.length, tally)
        else:
            self._write(f"{stretch.count}\t{name}")

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
            from doubles_ffi import chart

            try:
                chart.draw(self._most_doubled(self._tally), options.plot)
            except OSError as error:
                self._fail(options.plot, error.strerror)

    def _most_doubled(self, tally: Counter[Any]) -> list[tuple[Any, int]]:
        by_doubles = sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))
        return by_doubles[: self._most]

    def _write_json(
        self, known: dict[str, Any], doubles: int, length: int, tally: Counter[Any]
    ) -> None:
        import json

        entry = {**known, "count": doubles, "length": length}
        if self._most:
            from doubles_ffi import chart

            most = self._most_doubled(tally)
            entry["tally"] = {u if isinstance(u, str) else chart.code(u): n for u, n in most}
        self._write(json.dumps(entry))

    def _write_table(self) -> None:
        import shutil

        from doubles_ffi import chart

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

    def _write(self, line: str) -> None:
        with self._bar.hidden():
            print(line)

    def _fail(self, name: str, reason: str | None) -> None:
        self._status = FAILED
        with self._bar.hidden():
            complain(name, reason)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return error.strerror or str(error)
        if isinstance(error, UnicodeError):
            return f"not {self._encoding}: {_where(error)}; try --bytes, or --encoding NAME"
        return str(error)


def _where(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start}"
    return str(error)


def _listed(path: str, separator: bytes) -> Iterator[str]:
    """Yield the names in a file as they come, but for empty ones."""
    with contextlib.ExitStack() as stack:
        file = standard_input() if path == "-" else stack.enter_context(open(path, "rb"))  # noqa: PTH123 (a Path forgets a slash at the end)
        rest = b""
        while block := file.read1(_LIST_BLOCK):
            *names, rest = (rest + block).split(separator)
            yield from map(os.fsdecode, filter(None, names))
        if rest:
            yield os.fsdecode(rest)


class _Bar:
    """How far the count is, on standard error; tqdm is loaded once there is something to show."""

    def __init__(self, when: str) -> None:
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        is_wanted = is_terminal if when == "auto" else when == "always" and sys.stderr is not None
        self.callback = self._show if is_wanted else None
        self._from = time.monotonic() + (_PATIENCE if when == "auto" else 0)
        self._names: list[str] = []
        self._before = 0  # bytes of the files that are done
        self._bar: Any = None

    def measured(self, names: Iterable[str]) -> Iterable[str]:
        """Return the names, whose sizes make the bar's; read to the end if there may be a bar."""
        if self.callback:
            self._names = list(names)
            return self._names
        return names

    def advance(self, size: int) -> None:
        """Take note of a file that is done."""
        self._before += size
        if self.callback:
            self.callback(0, None)

    def _show(self, done: int, _total: int | None) -> None:
        if self._bar is None:
            if time.monotonic() < self._from:
                return
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # Or it starts a thread.
            sizes = [_size(name) for name in self._names]
            total = None if None in sizes else sum(filter(None, sizes))
            self._bar = tqdm(
                total=total, unit="B", unit_scale=True, dynamic_ncols=True, leave=False
            )
        self._bar.update(self._before + done - self._bar.n)

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Make room for a line of text."""
        if self._bar is None:
            yield
            return
        self._bar.clear()
        yield
        sys.stdout.flush()
        self._bar.refresh()

    def close(self) -> None:
        """Wipe it out."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _size(name: str) -> int | None:
    """Return the size of a regular file, or None."""
    try:
        status = os.fstat(0) if name == "-" else os.stat(name)  # noqa: PTH116 (as in _listed)
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
