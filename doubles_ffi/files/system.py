"""What depends on the operating system: files that can be read in pieces, and pipes."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from typing import Any, NamedTuple

# Bytes that a pipe should hold. With Linux's default of 64 KiB, writer and reader wake each other
# four times as often, and reading a pipe takes four times as long.
_PIPE = 256 * 1024


class Rest(NamedTuple):
    """The bytes of a regular file from its current position to its end."""

    descriptor: int
    start: int
    size: int


def rest_of(file: Any) -> Rest | None:
    """Return the rest of a file, if it can be read in pieces."""
    descriptor = _descriptor(file)
    if descriptor is None or not (sys.platform == "win32" or hasattr(os, "preadv")):
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    start = file.tell()
    return Rest(descriptor, start, max(status.st_size - start, 0))


def piece_from(descriptor: int, start: int) -> contextlib.AbstractContextManager[Any]:
    """Return a regular file from a byte on, to read; the position of the descriptor stays.

    Raises:
        OSError: Windows can't open it again.
    """
    if sys.platform == "win32":
        from doubles_ffi import _windows

        return _windows.reopened(descriptor, start)
    return contextlib.nullcontext(_PieceFile(descriptor, start))


class _PieceFile:
    """A regular file from any byte on. Reading it leaves the position of the descriptor alone."""

    def __init__(self, descriptor: int, start: int) -> None:
        self._descriptor = descriptor
        self._position = start

    def readinto(self, room: memoryview) -> int:
        """Read into memory, and return the number of bytes; zero is the end."""
        size: int = os.preadv(self._descriptor, [room], self._position)  # type: ignore[attr-defined,unused-ignore]
        self._position += size
        return size


def enlarge_pipe(file: Any) -> None:
    """Let a pipe hold more, on Linux, so that its two ends wake each other less often."""
    descriptor = _descriptor(file)
    if sys.platform != "linux":  # pragma: no cover: other systems have no such call
        return
    if descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        import fcntl

        with contextlib.suppress(AttributeError, OSError):  # PyPy; too many pipes.
            if fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) < _PIPE:
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)


def _descriptor(file: Any) -> int | None:
    """Return the descriptor that all bytes of a file come from, unchanged, if it has one."""
    raw = file.raw if type(file) is io.BufferedReader else file
    return raw.fileno() if type(raw) is io.FileIO else None
