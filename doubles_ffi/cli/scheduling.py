"""Many files, counted side by side."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING

from doubles_ffi.cli.inputs import Inputs, file_size
from doubles_ffi.files.engine import WORTH_SPLITTING, FileCounter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from doubles_ffi._library.stretch import Stretch
    from doubles_ffi._threads import IsStopped
    from doubles_ffi.files import Progress

# Files that take fewer seconds each are counted by the calling thread: several threads would wait
# for Python's lock most of the time. Cached files of 4 KiB: 10 us each on one thread, 27 us on two.
_QUICK = 1e-4

# Small files that are not quick are handed to a thread in batches: a batch takes about this many
# seconds, and has at most this many files.
_BATCH_SECONDS = 1e-3
_BATCH_FILES = 16


class Scheduler:
    """Counts files, each on the thread that suits it; the arguments are those of `FileCounter`.

    Args:
        decompress: count the content of compressed files.
    """

    def __init__(
        self, encoding: str | None, threads: int | None, *, tally: bool, decompress: bool = False
    ) -> None:
        self._counter = FileCounter(encoding, threads, tally=tally)
        self._inputs = Inputs(decompress=decompress)
        self._seconds = _QUICK / 2  # that a small file takes, smoothed; a guess at first

    def count_each(
        self, names: Iterable[str | None], progress: Progress | None = None
    ) -> Iterator[tuple[str, Stretch | Exception]]:
        """Yield each name and its result, in their order.

        The name - is standard input. None among the names means that the next one may take a
        while: those before it are answered first. Progress is that of large files, one by one.
        """
        threads = self._counter.threads()
        names = iter(names)
        while True:
            for name in names:
                if name is not None:
                    yield name, self._count_here(name, progress)
                if self._seconds >= _QUICK and threads > 1:
                    break
            else:
                return
            from doubles_ffi._threads import in_order  # Takes 2 ms.

            batches = self._batches(names)
            with contextlib.closing(in_order(self._count_small, batches, threads)) as counted:
                for name, result in itertools.chain.from_iterable(counted):
                    yield name, self._attempt(name, progress) if result is None else result

    def _count_here(self, name: str, progress: Progress | None) -> Stretch | Exception:
        is_small = _is_small(name)
        start = time.perf_counter()
        result = self._attempt(name, progress)
        if is_small:
            self._note(time.perf_counter() - start)
        return result

    def _batches(self, names: Iterator[str | None]) -> Iterator[list[str] | None]:
        """Yield some names at a time, for as long as files are slow."""
        batch: list[str] = []
        for name in names:
            if name is not None:
                batch.append(name)
            if name is None or len(batch) >= min(_BATCH_SECONDS / self._seconds, _BATCH_FILES):
                if batch:
                    yield batch
                batch = []
                if name is None:
                    yield None
                if self._seconds < _QUICK:
                    return
        if batch:
            yield batch

    def _count_small(
        self, names: list[str], is_stopped: IsStopped
    ) -> list[tuple[str, Stretch | Exception | None]]:
        """Count the small files, and leave the others to the calling thread.

        There a large file can use all threads, and a pipe that nobody writes to can be interrupted.
        """
        start = time.perf_counter()
        results = [
            (name, self._attempt(name, None, is_stopped) if _is_small(name) else None)
            for name in names
        ]
        self._note((time.perf_counter() - start) / len(names))
        return results

    def _attempt(
        self, name: str, progress: Progress | None, is_stopped: IsStopped | None = None
    ) -> Stretch | Exception:
        try:
            with self._inputs.open(name) as file:
                return self._counter.count(file, progress, is_stopped)
        except (OSError, ValueError, MemoryError) as error:  # ValueError: not text, or not a name.
            return error

    def _note(self, seconds: float) -> None:
        """Record how long a small file took."""
        self._seconds += (seconds - self._seconds) / 8


def _is_small(name: str) -> bool:
    """Return whether a name is that of a regular file that one thread counts fastest."""
    # A file without a size may be one of /proc, where some never end.
    return name != "-" and 0 < (file_size(name) or 0) < WORTH_SPLITTING
