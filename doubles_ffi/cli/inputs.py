"""The files that a command reads, by their names; the name - is standard input."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi.cli.streams import identity, standard_input

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Inputs:
    """Opens the files that a command reads.

    A regular file that is also the output is refused: the command would read its own output and
    never reach the end.

    Args:
        decompress: yield the decompressed content of compressed files.
    """

    def __init__(self, *, decompress: bool = False) -> None:
        self._decompress = decompress
        self._output = identity(sys.stdout)

    def open(self, name: str) -> AbstractContextManager[Any]:
        """Return a path or a binary file, as the functions of `files` take it, for a `with`.

        Raises:
            OSError: as `open` raises it, standard input is closed, or the file is also the output.
            ValueError: no file can have this name.
        """
        status = _status(name) if self._output else None
        if status and self._output == (status.st_dev, status.st_ino):
            raise OSError(errno.EINVAL, "is also the output")
        file = standard_input() if name == "-" else name
        if not self._decompress:
            return contextlib.nullcontext(file)
        from doubles_ffi.files.decompression import decompressed

        return decompressed(file)


def file_size(name: str) -> int | None:
    """Return the size of a regular file, 0 if there is no such file, None for pipes and devices."""
    status = _status(name)
    if status is None:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _status(name: str) -> os.stat_result | None:
    try:
        return os.fstat(0) if name == "-" else os.stat(name)
    except (OSError, ValueError):
        return None
