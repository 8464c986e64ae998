"""The subcommand `doubles squeeze`."""

from __future__ import annotations

import codecs
import sys
from typing import TYPE_CHECKING

from doubles_ffi._decoding import moved
from doubles_ffi._library.memory import new_array, view
from doubles_ffi._library.squeezer import SLACK, Squeezer, selection
from doubles_ffi.cli.inputs import Inputs
from doubles_ffi.cli.reading import Reading
from doubles_ffi.cli.streams import write_all
from doubles_ffi.files import reading
from doubles_ffi.files.content import read_chunks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterator

    from doubles_ffi._library.memory import Chunk


class Squeeze(Reading):
    """One run of `doubles squeeze`. Runs continue from one file into the next, as after `cat`."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._inputs = Inputs(decompress=options.decompress)
        only = None if options.only is None else selection(options.only)
        self._squeezer = Squeezer(options.most, only)
        self._room = new_array(reading.READ_SIZE + SLACK)

    def read_all(self) -> None:
        """Squeeze all files."""
        for name in self.options.files or ["-"]:
            for part in self.attempted(name, self._squeezed(name)):
                write_all(part)
                sys.stdout.flush()  # The next read may wait.

    def _squeezed(self, name: str) -> Generator[memoryview]:
        """Squeeze a file, and yield each part as soon as it is read."""
        is_ascii = self.encoding == "ascii"
        with self._inputs.open(name) as file:
            chunks = read_chunks(file, "latin-1" if is_ascii else self.encoding)
            yield from self._squeezer.squeeze(_ascii(chunks) if is_ascii else chunks, self._room)


def _ascii(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield chunks of bytes, and raise UnicodeDecodeError after those that are ASCII."""
    end = 0
    for kind, pointer, size in chunks:
        try:
            codecs.ascii_decode(view(pointer, size))
        except UnicodeDecodeError as error:
            yield kind, pointer, error.start
            raise moved(error, b"", end) from None
        yield kind, pointer, size
        end += size
