"""What the commands do, once it is parsed what they are to do."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import stat
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, TextIO

from doubles_ffi._library import ffi
from doubles_ffi.files import FileCounter, standard_input
from doubles_ffi.generate import Source

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from doubles_ffi.summary import Stretch

__all__ = [
    "FAILED",
    "MOST_DOUBLED",
    "SHELLS",
    "complain",
    "completions",
    "count",
    "discard",
    "random",
]

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
        try:
            print(f"doubles: {name}: {reason}", file=sys.stderr, flush=True)
        except OSError:  # There is nobody to tell.
            discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Let what could not be written go nowhere, or the interpreter tries again when it ends."""
    with contextlib.suppress(io.UnsupportedOperation):  # It is no file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
            for name, result in counter.count_each(self._names(), self._bar.callback):
                self._named += 1
                if isinstance(result, Exception):
                    self._fail(name, self._reason(result))
                else:
                    self._add(name, result)
        self._conclude()
        return self._status

    def _names(self) -> Iterable[str]:
        source = self._options.files_from
        if source is None:
            return self._bar.measured(self._options.files or ["-"])
        names = itertools.chain(self._options.files, self._listed(source))
        # A list that is still being written is counted as it comes.
        return self._bar.measured(names) if _size(source) else names

    def _listed(self, source: str) -> Iterator[str]:
        try:
            for name in _split(source, b"\0" if self._options.null else b"\n"):
                if name == source == "-":
                    self._fail(name, "is the list of files")
                else:
                    yield name
        except OSError as error:
            self._fail(source, error.strerror)

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
            self._plot()

    def _plot(self) -> None:
        import signal

        from doubles_ffi import chart

        sys.stdout.flush()
        # Ctrl-C in matplotlib: it takes long to end, or fails in its own ways.
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            chart.draw(self._most_doubled(self._tally), self._options.plot)
        except (ImportError, OSError, ValueError) as error:
            self._fail(self._options.plot, self._reason(error))
        finally:
            signal.signal(signal.SIGINT, before)

    def _most_doubled(self, tally: Counter[Any]) -> list[tuple[Any, int]]:
        by_doubles = sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))
        return by_doubles[: self._most]

    def _write_json(
        self, known: dict[str, Any], doubles: int, length: int, tally: Counter[Any]
    ) -> None:
        import json

        entry = {**known, "count": doubles, "length": length}
        if self._options.tally:
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
        self._bar.make_room(sys.stdout)
        print(line)

    def _fail(self, name: str, reason: str | None) -> None:
        self._status = FAILED
        self._bar.make_room(sys.stderr)
        complain(name, reason)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return error.strerror or str(error)
        if isinstance(error, UnicodeError):
            return f"not {self._encoding}: {_where(error)}; try --bytes, or --encoding NAME"
        if isinstance(error, MemoryError):
            return "not enough memory"
        return str(error)


def _where(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start}"
    return str(error)


def _split(path: str, separator: bytes) -> Iterator[str]:
    """Yield the names in a file as they come, but for empty ones."""
    with contextlib.ExitStack() as stack:
        file = standard_input() if path == "-" else stack.enter_context(open(path, "rb"))  # noqa: PTH123 (a Path forgets a slash at the end)
        parts: list[bytes] = []  # of the name that is not yet at its end
        while block := file.read1(_LIST_BLOCK):
            first, *others = block.split(separator)
            parts.append(first)
            for part in others:
                if name := b"".join(parts):
                    yield os.fsdecode(name)
                parts = [part]
        if name := b"".join(parts):
            yield os.fsdecode(name)


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
        self._is_drawn = False

    def measured(self, names: Iterable[str]) -> Iterable[str]:
        """Return the names; read to the end if there may be a bar, which shows their total size."""
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
        done += self._before
        try:
            if self._bar is not None:
                self._is_drawn |= bool(self._bar.update(done - self._bar.n))
            elif time.monotonic() >= self._from:
                self._start(done)
        except OSError:  # There is nobody to show it to.
            discard(sys.stderr)

    def _start(self, done: int) -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # Or it starts a thread.
        sizes = [_size(name) for name in self._names]
        total = sum(filter(None, sizes)) if sizes and None not in sizes else None
        self._bar = tqdm(
            initial=done,
            total=total,
            unit="B",
            unit_scale=True,
            dynamic_ncols=True,
            leave=False,
            file=sys.stderr,
        )
        self._is_drawn = True

    def make_room(self, stream: TextIO) -> None:
        """Wipe it out until it is next drawn, for a line on the same terminal."""
        if self._is_drawn and (stream is sys.stderr or stream.isatty()):
            self._is_drawn = False
            self._bar.clear()

    def close(self) -> None:
        """Wipe it out."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.close()
            self._is_drawn = False


def _size(name: str) -> int | None:
    """Return how many bytes there are to read: None if that is not known, 0 if there is no file."""
    try:
        status = os.fstat(0) if name == "-" else os.stat(name)  # noqa: PTH116 (as in _split)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None
