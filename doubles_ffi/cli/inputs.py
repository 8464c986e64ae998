"""The files that a command reads."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi.cli.streams import regular_file, standard_input
from doubles_ffi.files.reading import opened

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inputs:
    """Opens the files that a command reads.

    A regular file that is also the output is refused: the command would read what it has written,
    and never reach the end.

    Args:
        decompress: give the content of compressed files.
    """

    def __init__(self, *, decompress: bool = False) -> None:
        self._decompress = decompress
        self._output = regular_file(sys.stdout)

    def open(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """Open a file for a `with`; the name - is standard input.

        Raises:
            OSError: as `open` raises it, standard input is closed, or the file is also the output.
            ValueError: no file can have this name.
        """
        file = standard_input() if name == "-" else name
        if self._output or self._decompress:
            return self._opened(file)
        return opened(file)  # Without a generator, which takes as long as to open a file.

    @contextlib.contextmanager
    def _opened(self, file: Any) -> Iterator[Any]:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(opened(file))
            if self._output and regular_file(file) == self._output:
                raise OSError(errno.EINVAL, "is also the output")
            if self._decompress:
                from doubles_ffi.files.decompression import decompressed

                file = stack.enter_context(decompressed(file))
            yield file


def file_size(name: str) -> int | None:
    """Return the size of a regular file, 0 if there is no such file, None for pipes and devices."""
    try:
        status = os.fstat(0) if name == "-" else os.stat(name)  # noqa: PTH116 (a Path forgets a slash at the end)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None
