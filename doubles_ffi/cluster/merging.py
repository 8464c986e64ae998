"""A file that is counted: its parts, and their summaries, merged in order."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from doubles_ffi._library.memory import UTF8
from doubles_ffi._library.stretch import Stretch
from doubles_ffi.cluster.results import FileChangedError, FileCount, Result

if TYPE_CHECKING:
    from doubles_ffi.cluster.sources import Source

    # The summary up to the first fault, and the bytes at the fault, if there is one; or an error.
    Outcome = tuple[Stretch, bytes] | Exception


class File:
    """A file that is counted: its ranges, and the merged summary of the first of them."""

    def __init__(self, source: Source, *, tally: bool) -> None:
        self.source = source
        self.error = source.error
        self.parts = 0  # how many ranges
        self._failed: int | None = None  # the first range with an error, of those that are done
        self._range_size: int | None = None  # None: one part, the whole file
        self._stretch = Stretch(tally=tally, is_part=False)
        self._merged = 0  # how many ranges are in the summary
        self._early: dict[int, Outcome] = {}  # of ranges that follow one that is not done

    def cut(self, size: int | None) -> None:
        """Cut it into ranges of `size` bytes, or leave it whole."""
        source = self.source
        self.parts = 1
        if size is None or not source.size or source.compression is not None:
            return
        if source.system is None and source.size <= size:
            return  # In /proc and /sys a file may end elsewhere than its size says.
        self.parts = -(-source.size // size)
        self._range_size = size

    def part(self, number: int) -> range | None:
        """Return a range, or None for the whole file."""
        if self._range_size is None:
            return None
        start = number * self._range_size
        return range(start, min(start + self._range_size, self.source.size or 0))

    def size_of(self, number: int) -> int:
        """Return how many bytes a part has, as listed."""
        part = self.part(number)
        return (self.source.size or 0) if part is None else len(part)

    def needs(self, number: int) -> bool:
        """Return whether a part matters: none does that follows one with an error."""
        return self.error is None and (self._failed is None or number < self._failed)

    def add(self, number: int, outcome: Outcome) -> None:
        """Take the outcome of a part, and merge the parts that can be merged now."""
        if self.needs(number) and (isinstance(outcome, Exception) or outcome[1]):
            self._failed = number
        self._early[number] = outcome
        while self.error is None and self._merged in self._early:
            try:
                self._merge(self._early.pop(self._merged))
            except Exception as error:  # noqa: BLE001 (whatever a store raises)
                self.error = error
        if self.error is not None:
            self._early.clear()

    def _merge(self, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            raise outcome
        stretch, fault = outcome
        if self._range_size is None:
            self._stretch = stretch
        else:
            self._stretch.merge(stretch)
            if fault:
                self._stretch.append(UTF8, fault, len(fault), 1)
                raise FileChangedError(errno.ESTALE, "the file has changed", self.source.name)
        self._merged += 1
        if self._merged == self.parts:
            self._stretch.finish()

    def abandon(self, error: Exception) -> None:
        """Give it an error, unless it is done."""
        if self.error is None and self._merged < self.parts:
            self.error = error

    def result(self, encoding: str | None) -> FileCount:
        """Return its count, or its error."""
        source, stretch = self.source, self._stretch
        if self.error is not None:
            return FileCount(source.name, size=source.size, error=self.error)
        tally = stretch.read_tally(text=encoding is not None)
        return FileCount(source.name, stretch.count, stretch.length, tally, source.size)


def result_of(files: list[File], encoding: str | None) -> Result:
    """Return the counts of files."""
    return Result(tuple(file.result(encoding) for file in files))
