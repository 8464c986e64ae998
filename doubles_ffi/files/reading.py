"""Opening files, and reading any of them in order."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import operator
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from doubles_ffi._library.memory import new_array, view
from doubles_ffi.files.system import rest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi._library.memory import Pointer
    from doubles_ffi._threads import IsStopped


class BinaryFile(Protocol):
    """A file that can be read into a buffer."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Read, and return the number of bytes; zero is the end."""


Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Progress = Callable[[int, int | None], object]

# Bytes per read. For a cached file, 256 KiB to 1 MiB are within noise of each other; 128 KiB loses
# a tenth.
READ_SIZE = 512 * 1024


def opened(file: Path | BinaryFile) -> contextlib.AbstractContextManager[Any]:
    """Open a path, or take a binary file, which stays open afterwards; for a `with`."""
    if isinstance(file, (str, bytes, os.PathLike)):
        return open(file, "rb", buffering=0)
    if isinstance(file, (io.TextIOBase, codecs.StreamReader, codecs.StreamReaderWriter)):
        raise TypeError("the file is open in text mode; open it in binary mode")
    if not hasattr(file, "readinto"):
        raise TypeError(f"expected a path or a binary file, not {type(file).__name__}")
    if sys.implementation.name == "pypy" and type(file) is io.BufferedRandom:  # pragma: no cover
        return contextlib.nullcontext(_ByRead(file))
    return contextlib.nullcontext(file)


class _ByRead:  # pragma: no cover: the tests need CPython
    """A file open for reading and writing: PyPy 8.0's `readinto` claims more than it has read."""

    def __init__(self, file: io.BufferedRandom) -> None:
        self._file = file

    def readinto(self, room: memoryview) -> int:
        data = self._file.read(len(room))
        room[: len(data)] = data
        return len(data)


class StoppedError(Exception):
    """The result is no longer wanted."""


def new_buffer() -> Pointer:
    """Return memory for one read."""
    return new_array(READ_SIZE)


class Reads:
    """The reads of a file, from its current position to its end, one after the other.

    Args:
        file: has `readinto`.
        buffer: memory for one read.
        full: whether each read waits until the buffer is full or the file ends. If False, a read
            returns what is available, so that the content of a live pipe is used at once.
        first: how many bytes the first read waits for, if not for a full buffer.
        progress: as for `count_file`.
        is_stopped: is asked before each read whether the rest is no longer wanted.
    """

    def __init__(  # noqa: PLR0913 (keywords, each with a default)
        self,
        file: Any,
        buffer: Pointer,
        *,
        full: bool = True,
        first: int = 1,
        progress: Progress | None = None,
        is_stopped: IsStopped | None = None,
    ) -> None:
        self.file = file
        self.buffer = buffer
        self.memory = view(buffer)
        self.end = 0  # bytes read
        self.is_full = False  # whether the last read has filled the buffer
        self._least = len(self.memory) if full else 1
        self._first = max(self._least, first)
        self._progress = progress
        self._is_stopped = is_stopped
        rest = rest_of(file) if progress else None
        self._total = rest.size if rest and rest.size else None

    def __iter__(self) -> Iterator[int]:
        """Read into the buffer, and yield the number of bytes, again and again; once at least.

        Raises:
            StoppedError: `is_stopped` has returned True.
            BlockingIOError: the file is in non-blocking mode, and nothing is available.
            OSError: as reading raises it.
        """
        least = self._first
        while True:
            if self._is_stopped and self._is_stopped():
                raise StoppedError
            size = fill(self.file, self.memory, least)
            self.is_full = size == len(self.memory)
            self.end += size
            if self._progress:
                self._report(self._progress)
            yield size
            if size < least:
                return
            least = self._least

    def skip(self, size: int) -> None:
        """Continue after bytes that are counted already."""
        self.file.seek(size, os.SEEK_CUR)
        self.end += size
        if self._progress:
            self._report(self._progress)

    def _report(self, progress: Progress) -> None:
        progress(self.end, self._total and max(self._total, self.end))


def fill(file: Any, room: memoryview, least: int = 1) -> int:
    """Read until at least `least` bytes are in memory or the file ends. Return how many bytes.

    A file must always be given memory of about the same length. For longer memory, `readinto1` of
    an `io.BufferedReader` waits for another read, although its own buffer is not empty.
    """
    # The `readinto` of a file with a buffer of its own waits until all of the memory is filled.
    read = file.readinto if least == len(room) else getattr(file, "readinto1", file.readinto)
    filled = 0
    rest = room
    while filled < least:
        size = _checked(read(rest), rest)
        if size == 0:
            break
        filled += size
        rest = room[filled:]
    return filled


def _checked(answer: int | None, room: memoryview) -> int:
    """Return the number of bytes that `readinto` has read, if it can be true."""
    if answer is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    size = operator.index(answer)  # A subclass of int may compare as it likes.
    if not 0 <= size <= len(room):  # Other memory follows the buffer.
        raise OSError(errno.EIO, f"readinto returned {size}")
    return size


class FirstBytes:
    """A file that ends after the next `size` bytes of another file."""

    def __init__(self, file: Any, size: int) -> None:
        self._file = file
        self._left = size

    def readinto(self, room: memoryview) -> int:
        """Read into memory.

        Raises:
            OSError: the file ends before that number of bytes.
        """
        room = room[: self._left]
        if not room:
            return 0
        size = _checked(self._file.readinto(room), room)
        if size == 0:
            raise OSError(errno.ENODATA, f"the file ends {self._left} bytes early")
        self._left -= size
        return size
