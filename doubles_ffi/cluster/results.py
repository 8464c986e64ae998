"""The result of a count on a cluster, and the exceptions of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class FileChangedError(OSError):
    """A file has changed since it was listed, or another one has its name."""


class ClusterError(RuntimeError):
    """The cluster could not be reached, or was lost during the count.

    Attributes:
        result: the files that were counted before. Files that were not finished have this error.
    """

    def __init__(self, message: str, result: Result | None = None) -> None:
        super().__init__(message)
        self.result = result or Result(())


@dataclass(frozen=True)
class FileCount:
    """The count of one file, or its error.

    Attributes:
        url: the file, as it was given. Each file that matches a pattern has its own entry.
        count: doubles; 0 if there is an error.
        length: code points or bytes; 0 if there is an error.
        tally: doubles of each unit, if asked for.
        size: bytes, as listed; None if the store does not say.
        error: why the file could not be counted.
    """

    url: str
    count: int = 0
    length: int = 0
    tally: Counter[Any] = field(default_factory=Counter)
    size: int | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Result:
    """The counts of all files, and their sums without the files that have errors."""

    files: tuple[FileCount, ...]

    @property
    def count(self) -> int:
        """Doubles in all files. None is counted across two files."""
        return sum(file.count for file in self.files)

    @property
    def length(self) -> int:
        """Code points or bytes in all files."""
        return sum(file.length for file in self.files)

    @property
    def tally(self) -> Counter[Any]:
        """Doubles of each unit in all files, if asked for."""
        total: Counter[Any] = Counter()
        for file in self.files:
            total.update(file.tally)
        return total

    def raise_for_errors(self) -> None:
        """Raise the error of the first file that has one."""
        for file in self.files:
            if file.error is not None:
                raise file.error
