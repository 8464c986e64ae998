"""Counting files.

A file is read in blocks, into buffers that are used again, and never mapped: a mapped file that
shrinks kills the process. Pieces of a large regular file are read and counted side by side, and
merged in their order. Whatever ends that early (the file has shrunk, a piece is not valid, or can't
be read), reading in order goes on from there: it meets the same again, and knows where it is.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import functools
import io
import math
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from doubles_ffi._input.encodings import decode_blocks, in_blocks, kind_of, utf8_mark
from doubles_ffi._input.text import text_pieces
from doubles_ffi._library import UTF32, new_array, num_threads, thread_limit, view
from doubles_ffi._stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    class BinaryFile(Protocol):
        """What can be read into a buffer."""

        def readinto(self, buffer: Any, /) -> int | None:
            """Read, and return how much; zero is the end."""

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    Progress = Callable[[int, int | None], object]
    IsStopped = Callable[[], bool]

__all__ = ["WORTH_SPLITTING", "FileCounter", "count_file"]

# Bytes per read. Of a cached file, 256 KiB to 1 MiB are within noise of each other; 128 KiB loses a
# tenth.
_BLOCK = 512 * 1024

# Bytes that a thread reads and counts at a time. With two threads, 8 and 16 MiB are within noise of
# each other; 4 MiB loses a sixth.
_PIECE = 16 * 1024 * 1024

# Below this many bytes, threads take longer to load and to start than they save. In a new process,
# one thread and two take 9 ms each for 32 MiB of UTF-8, and 19 and 15 for 64 MiB; bytes break even
# at 256 MiB.
WORTH_SPLITTING = 64 * 1024 * 1024

# Bytes that a pipe is to hold. With Linux's own choice of 64 KiB, writer and reader wake each other
# four times as often, and a pipe takes four times as long.
_PIPE = 256 * 1024


def count_file(
    file: Path | BinaryFile,
    *,
    encoding: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Count the pairs of equal neighbours in a file: bytes, or code points of text.

    >>> import io
    >>> count_file(io.BytesIO(b"Mississippi"))
    3

    Args:
        file: a path; or a file that is open in binary mode, which is read from where it stands to
            its end. It needs a method `readinto`, which pipes, `gzip.open` and many others have.
        encoding: says that the bytes are text in this encoding, and counts its code points.
        threads: use at most so many; 1 stays on the calling thread, None decides by itself.
        progress: is called on the calling thread, every now and then and at the end, with the bytes
            done and with all there are, or None where that is not known.

    Raises:
        OSError: as `open` and reading raise it.
        TypeError: `file` is neither a path nor open in binary mode.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding. It is as `bytes.decode` raises
            it, but its `object` holds the wrong bytes alone.
        ValueError: `threads` is below 1, the file is closed, or a path has a null character.
    """
    return FileCounter(encoding, threads).count(file, progress).count


class FileCounter:
    """Counts files, all in the same way; the arguments are those of `count_file`.

    Args:
        tally: also count how many doubles each unit makes.
    """

    def __init__(
        self, encoding: str | None, threads: int | None = None, *, tally: bool = False
    ) -> None:
        # In Latin-1 each byte is a unit, as it is without an encoding.
        self._kind, self._codec = kind_of("latin-1" if encoding is None else encoding)
        self._limit = thread_limit(threads)
        self._tally = tally
        self._buffers: list[Any] = []  # those which are not in use

    def count(
        self,
        file: Path | BinaryFile,
        progress: Progress | None = None,
        is_stopped: IsStopped | None = None,
    ) -> Stretch:
        """Count one file. Where the stretch ends is how many bytes were read.

        Raises:
            StoppedError: `is_stopped`, which is asked before each block, says so.
        """
        stretch = Stretch(tally=self._tally, is_part=False)
        buffer = self._take_buffer()
        try:
            with _opened(file) as opened:
                blocks = _Blocks(opened, buffer, progress, is_stopped)
                if self._kind is UTF32:
                    self._append_decoded(stretch, blocks)
                else:
                    self._append(stretch, blocks)
        finally:
            self._buffers.append(buffer)
        stretch.end = blocks.end
        return stretch

    def _append(self, stretch: Stretch, blocks: _Blocks) -> None:
        """Append what is counted as it stands in the file."""
        kind = self._kind
        sizes = iter(blocks)
        size = next(sizes)
        mark = utf8_mark(blocks.memory[:size], self._codec.name)
        text = blocks.memory[mark:size]
        stretch.append(kind, blocks.buffer + mark, len(text), 1)
        if size == _BLOCK:
            blocks.enlarge_pipe()
            self._append_pieces(stretch, blocks)
        for size in sizes:
            stretch.append(kind, blocks.buffer, size, 1)
        stretch.finish()

    def _append_pieces(self, stretch: Stretch, blocks: _Blocks) -> None:
        """Append what is left of a large regular file, for as long as nothing is wrong."""
        region = blocks.region()
        if region is None or region.size < WORTH_SPLITTING:
            return
        descriptor, start, size = region
        stop = start + size
        threads = min(self.threads(), math.ceil(size / _PIECE))
        if threads == 1:
            return

        def count_piece(piece: range, is_stopped: IsStopped) -> Stretch | None:
            buffer = self._take_buffer()
            try:
                return self._count_piece(descriptor, piece, buffer, is_stopped)
            finally:
                self._buffers.append(buffer)

        from doubles_ffi._threads import in_order  # Takes 2 ms.

        pieces = (range(i, min(i + _PIECE, stop)) for i in range(start, stop, _PIECE))
        with contextlib.closing(in_order(count_piece, pieces, threads)) as parts:
            for part in parts:
                if part is None:
                    break
                try:
                    stretch.merge(part)
                except UnicodeDecodeError:
                    break
                blocks.skip(part.end)

    def _count_piece(
        self, descriptor: int, piece: range, buffer: Any, is_stopped: IsStopped
    ) -> Stretch | None:
        """Count a piece of a file. Return None if that is not to be, for whatever reason."""
        memory = view(buffer)
        part = Stretch(tally=self._tally, is_part=True)
        try:
            while part.end < len(piece) and not is_stopped():
                room = memory[: len(piece) - part.end]
                size = os.preadv(descriptor, [room], piece.start + part.end)
                if size == 0:
                    return None
                part.append(self._kind, buffer, size, 1)
        except (OSError, UnicodeDecodeError):
            return None
        return part if part.end == len(piece) else None

    def _take_buffer(self) -> Any:
        """Return a buffer that is not in use. To make one takes as long as to open a file."""
        try:
            return self._buffers.pop()
        except IndexError:
            return new_array(_BLOCK)

    def threads(self) -> int:
        """Return how many threads it may use."""
        return min(_most_threads(), self._limit) if self._limit else _most_threads()

    def _append_decoded(self, stretch: Stretch, blocks: _Blocks) -> None:
        """Append what Python decodes."""
        data = (bytes(blocks.memory[:size]) for size in blocks)
        if in_blocks(self._codec):
            texts = decode_blocks(data, self._codec)
        else:
            texts = iter([self._codec.decode(b"".join(data))[0]])
        for text in texts:
            for kind, pointer, size in text_pieces(text):
                stretch.append(kind, pointer, size, 1)


class StoppedError(Exception):
    """The result is no longer wanted."""


class _Region(NamedTuple):
    """What is left of a regular file."""

    descriptor: int
    start: int
    size: int


class _Blocks:
    """The blocks of a file, read into one buffer one after the other."""

    def __init__(
        self,
        file: BinaryFile,
        buffer: Any,
        progress: Progress | None,
        is_stopped: IsStopped | None,
    ) -> None:
        self.buffer = buffer
        self.memory = view(buffer)
        self.end = 0  # bytes read
        self._file: Any = file
        self._progress = progress
        self._is_stopped = is_stopped
        region = self.region() if progress else None
        self._total = region.size if region and region.size else None

    def __iter__(self) -> Iterator[int]:
        """Read block by block, and yield their sizes. The last one is not full."""
        size = _BLOCK
        while size == _BLOCK:
            if self._is_stopped and self._is_stopped():
                raise StoppedError
            size = self._fill()
            self._report(size)
            yield size

    def _fill(self) -> int:
        filled = 0
        while filled < _BLOCK:
            size = self._file.readinto(self.memory[filled:])
            if size is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            if not 0 <= size <= _BLOCK - filled:  # Behind the buffer there is other memory.
                raise OSError(errno.EIO, f"readinto returned {size}")
            if size == 0:
                break
            filled += size
        return filled

    def skip(self, size: int) -> None:
        """Go on behind so many bytes, which are counted already."""
        self._file.seek(size, os.SEEK_CUR)
        self._report(size)

    def _report(self, size: int) -> None:
        self.end += size
        if self._progress:
            total = self._total
            self._progress(self.end, total if total is None else max(total, self.end))

    def region(self) -> _Region | None:
        """Return where the rest of a regular file lies, if it can be read from anywhere."""
        descriptor = self._descriptor()
        if descriptor is None or not hasattr(os, "preadv"):
            return None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        start = self._file.tell()
        return _Region(descriptor, start, max(status.st_size - start, 0))

    def enlarge_pipe(self) -> None:
        """Let a pipe hold more, so that its two ends wake each other less often."""
        descriptor = self._descriptor()
        if descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            import fcntl

            with contextlib.suppress(AttributeError, OSError):  # Other systems; too many pipes.
                if fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) < _PIPE:
                    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)

    def _descriptor(self) -> int | None:
        """Return the descriptor that all bytes of the file come from, if it is an ordinary one."""
        raw = self._file.raw if type(self._file) is io.BufferedReader else self._file
        return raw.fileno() if type(raw) is io.FileIO else None


@functools.cache
def _most_threads() -> int:
    """Return how many threads the library allows; asked once, for it looks into the environment."""
    return num_threads()


def _opened(file: Path | BinaryFile) -> contextlib.AbstractContextManager[Any]:
    if isinstance(file, (str, bytes, os.PathLike)):
        return open(file, "rb", buffering=0)  # noqa: PTH123 (a Path forgets a slash at the end)
    if isinstance(file, (io.TextIOBase, codecs.StreamReader, codecs.StreamReaderWriter)):
        raise TypeError("the file is open in text mode; open it in binary mode")
    if not hasattr(file, "readinto"):
        raise TypeError(f"expected a path or a binary file, not {type(file).__name__}")
    return contextlib.nullcontext(file)
