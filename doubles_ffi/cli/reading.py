"""The base of the subcommands that read files."""

from __future__ import annotations

import contextlib
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TextIO, TypeVar

from doubles_ffi.cli.names import named
from doubles_ffi.cli.streams import (
    FAILED,
    complain,
    json_line,
    reason,
    until_the_reader_leaves,
)
from doubles_ffi.cli.system import usual

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterable

Item = TypeVar("Item")


class Reading(ABC):
    """One run of a subcommand that reads files, and writes a result for each.

    A file that can't be read is reported, and the others are read.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.encoding = None if options.bytes else options.encoding
        self._status = 0

    def run(self) -> int:
        """Read all files, and return the exit status."""
        with until_the_reader_leaves():
            self.read_all()
            sys.stdout.flush()
        return self._status  # An error before the reader has left still counts.

    @abstractmethod
    def read_all(self) -> None:
        """Read all files, and write their results."""

    def names(self) -> Iterable[str | None]:
        """Return the names of the files; after None among them, the next one may take a while."""
        return named(self.options, self.fail)

    def attempted(self, name: str, items: Generator[Item]) -> Generator[Item]:
        """Yield what a file gives, and report an error that prevents the next item."""
        with contextlib.closing(items):
            while True:
                try:
                    item = next(items, None)
                except (OSError, ValueError, MemoryError) as error:  # As in scheduling.py.
                    self.refuse(name, error)
                    return
                if item is None:
                    return
                yield item

    def refuse(self, name: str, error: Exception) -> None:
        """Report a file that can't be read, or not to its end."""
        why = self._reason(error, name)
        self.fail(name, why)
        if self.options.json and not self.options.total_only:
            self.write(json_line({"file": name, "error": why}))

    def _reason(self, error: Exception, name: str) -> str:
        """Return why a file could not be read, and which option may help."""
        options = self.options
        can_enter = "recursive" in options and not (name == "-" or options.cluster)
        error = usual(error, name)
        if isinstance(error, IsADirectoryError) and can_enter:
            return f"{reason(error)}; try -r"
        if not isinstance(error, UnicodeError):
            return reason(error)
        if name != "-" and not (options.decompress or options.cluster):
            from doubles_ffi.files.decompression import compression_of

            compression = compression_of(name)
            if compression:
                return f"compressed with {compression}; try -z"
        where: object = error
        if isinstance(error, UnicodeDecodeError):
            where = f"{error.reason} at byte {error.start}"
        return f"not {options.encoding}: {where}; try --bytes, or --encoding NAME"

    def fail(self, name: str, why: str) -> None:
        """Report an error, after the results that come before it."""
        self._status = FAILED
        sys.stdout.flush()
        self.make_room(sys.stderr)
        complain(name, why)

    def write(self, line: str) -> None:
        """Write a line of the results."""
        self.make_room(sys.stdout)
        print(line)

    def make_room(self, stream: TextIO) -> None:  # noqa: B027 (find shows nothing else)
        """Prepare for a line on a stream: a subclass may show something on the same terminal."""
