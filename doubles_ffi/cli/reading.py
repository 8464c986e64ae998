"""The base of the subcommands that read files."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TextIO

from doubles_ffi.cli.names import named
from doubles_ffi.cli.reasons import reason_of
from doubles_ffi.cli.streams import FAILED, complain, json_line, until_the_reader_leaves

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable


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

    def refuse(self, name: str, error: Exception) -> None:
        """Report a file that can't be read, or not to its end."""
        reason = reason_of(error, name, self.options)
        self.fail(name, reason)
        if self.options.json and not self.options.total_only:
            self.write(json_line({"file": name, "error": reason}))

    def fail(self, name: str, reason: str) -> None:
        """Report an error, after the results that come before it."""
        self._status = FAILED
        sys.stdout.flush()
        self.make_room(sys.stderr)
        complain(name, reason)

    def write(self, line: str) -> None:
        """Write a line of the results."""
        self.make_room(sys.stdout)
        print(line)

    def make_room(self, stream: TextIO) -> None:  # noqa: B027 (find shows nothing else)
        """Prepare for a line on a stream: a subclass may show something on the same terminal."""
