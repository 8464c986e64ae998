"""Counting files.

A file is read in blocks, into buffers that are used again, and never mapped: a mapped file that
shrinks kills the process. Threads read and count pieces of a large regular file, and the pieces are
merged in order. If that stops early (the file has shrunk, a piece is not valid or can't be read),
sequential reading resumes there, meets the same fault and can report its position.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import functools
import io
import math
import operator
import os
import stat
import sys
from collections import Counter  # noqa: TC003 (annotations resolve at run time)
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, overload

from doubles_ffi._decoding import decode_chunks, is_incremental
from doubles_ffi._input.encodings import kind_of, utf8_mark
from doubles_ffi._input.text import text_pieces
from doubles_ffi._library import num_threads, thread_limit
from doubles_ffi._library.memory import UTF32, Kind, new_array, view
from doubles_ffi._library.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi._library.memory import Piece, Pointer

    IsStopped = Callable[[], bool]
    Read = Callable[[memoryview, int], int | None]  # into memory, given the bytes read before


class BinaryFile(Protocol):
    """What can be read into a buffer."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Read, and return how many bytes; zero is the end."""


Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Progress = Callable[[int, int | None], object]

__all__ = [
    "WORTH_SPLITTING",
    "FileCounter",
    "StoppedError",
    "can_start_anywhere",
    "count_file",
    "count_range",
    "opened",
    "read_available",
    "read_pieces",
    "read_texts",
    "tally_file",
]

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

# The encodings whose text may begin with a mark, and the bytes of the longest one.
_MARKED = {"utf-8-sig", "utf-16", "utf-32"}
_LONGEST_MARK = 4

# The kind of bytes that are a mark: no units, but they count in the positions of errors.
_MARK = Kind(update=lambda *_: 0, find=lambda *_: 0)

# Bytes that a pipe should hold. With Linux's own choice of 64 KiB, writer and reader wake each
# other four times as often, and a pipe takes four times as long.
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
        file: a path; or a file that is open in binary mode, which is read from its current
            position to its end. It needs a method `readinto`, which pipes, `gzip.open` and many
            others have.
        encoding: says that the bytes are text in this encoding, and counts its code points.
        threads: use at most this many threads; 1 stays on the calling thread, None chooses.
        progress: is called on the calling thread, every now and then and at the end, with the bytes
            read so far and the bytes in all, or None where that is not known.

    Raises:
        OSError: as `open` and reading raise it.
        TypeError: `file` is neither a path nor open in binary mode.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding. It is as `bytes.decode` raises
            it, except that its `object` holds the wrong bytes alone, and that its positions are
            those in what was read: they include the mark of `utf-8-sig`.
        ValueError: `threads` is below 1, the file is closed, or a path has a null character.
    """
    return FileCounter(encoding, threads).count(file, progress).count


@overload
def tally_file(
    file: Path | BinaryFile,
    *,
    encoding: str,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Counter[str]: ...
@overload
def tally_file(
    file: Path | BinaryFile,
    *,
    encoding: None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Counter[int]: ...
def tally_file(
    file: Path | BinaryFile,
    *,
    encoding: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Counter[str] | Counter[int]:
    """Count how many doubles each unit of a file makes: characters of text, numbers for bytes.

    >>> import io
    >>> tally_file(io.BytesIO(b"Mississippi"), encoding="utf-8").most_common(1)
    [('s', 2)]

    Arguments and exceptions are those of `count_file`. The sum of the counts is what it returns.
    """
    stretch = FileCounter(encoding, threads, tally=True).count(file, progress)
    return stretch.read_tally(text=encoding is not None)


def count_range(
    file: Any, start: int, stop: int, *, encoding: str | None = None, tally: bool = False
) -> Stretch:
    """Sum up the bytes of an open file from `start` to `stop`, which may cut a code point.

    Merged in order into an empty `Stretch`, adjacent ranges give what the whole file does.

    Args:
        file: is open in binary mode, and has `seek` and `readinto`.
        start: the first byte.
        stop: the byte after the last.
        encoding: as for `count_file`, where a byte is a unit or the library validates UTF-8.
        tally: also count how many doubles each unit makes.

    Raises:
        OSError: the file ends before `stop`; or as reading raises it.
        UnicodeDecodeError: with positions in the range, and the wrong bytes alone as its `object`.
        LookupError: the encoding is not known.
        ValueError: text in that encoding can't be read from the middle.
    """
    kind, _ = _kind(encoding)
    if not can_start_anywhere(encoding):
        raise ValueError(f"text in {encoding} can only be counted from its beginning")
    file.seek(start)
    stretch = Stretch(tally=tally, is_part=True)
    buffer = new_array(_BLOCK)
    _append_range(stretch, kind, lambda room, _: file.readinto(room), stop - start, buffer)
    return stretch


def can_start_anywhere(encoding: str | None) -> bool:
    """Return whether a range of a file in an encoding can be summed up by itself.

    Raises:
        LookupError: the encoding is not known.
    """
    kind, codec = _kind(encoding)
    return kind is not UTF32 and codec.name != "utf-8-sig"


def read_pieces(file: Path | BinaryFile, encoding: str | None) -> Iterator[Piece]:
    """Yield what is in a file as kind, pointer and length in bytes, as soon as it can be read.

    Arguments and exceptions are those of `count_file`. UTF-8 is left to the library to check. A
    pointer is valid until the next piece is asked for.
    """
    kind, codec = _kind(encoding)
    if kind is UTF32:
        for text in read_texts(file, encoding):
            yield from text_pieces(text)
        return
    buffer = new_array(_BLOCK)
    mark = None
    for size in _read_sizes(file, view(buffer), codec):
        if mark is None:
            mark = utf8_mark(buffer, size, codec.name)
            yield _MARK, buffer, mark
            yield kind, buffer + mark, size - mark
        else:
            yield kind, buffer, size


def read_texts(file: Path | BinaryFile, encoding: str | None) -> Iterator[str]:
    """Yield what is in a file as text, as soon as it can be read.

    Arguments and exceptions are those of `count_file`. A byte that is not of text is the character
    of the same number.
    """
    codec = codecs.lookup("latin-1" if encoding is None else encoding)
    memory = view(new_array(_BLOCK))
    return _decoded((bytes(memory[:size]) for size in _read_sizes(file, memory, codec)), codec)


def _read_sizes(
    file: Path | BinaryFile, memory: memoryview, codec: codecs.CodecInfo
) -> Iterator[int]:
    """Read what there is into memory, again and again, and yield how many bytes."""
    with opened(file) as stream:
        size = read_available(stream, memory)
        if size and codec.name in _MARKED:
            while size < _LONGEST_MARK and (more := read_available(stream, memory[size:])):
                size += more
        while size:
            yield size
            size = read_available(stream, memory)


def read_available(file: Any, memory: memoryview) -> int:
    """Read what is available, at least a byte, and return how many; zero is the end.

    The memory is of about the same length at each call: into longer memory, `readinto1` of an
    `io.BufferedReader` reads once more even if its own buffer has something.
    """
    # What has a buffer of its own waits for more to fill ours, unless it is asked not to.
    read = getattr(file, "readinto1", file.readinto)
    return _checked(read(memory), memory)


def _decoded(blocks: Iterator[bytes], codec: codecs.CodecInfo) -> Iterator[str]:
    """Decode block by block where that can be done, else all at once."""
    if is_incremental(codec):
        return decode_chunks(blocks, codec)
    return iter([b"".join(blocks).decode(codec.name)])


class StoppedError(Exception):
    """The result is no longer wanted."""


class FileCounter:
    """Counts files, all in the same way; the arguments are those of `count_file`.

    Args:
        tally: also count how many doubles each unit makes.
    """

    def __init__(
        self, encoding: str | None, threads: int | None = None, *, tally: bool = False
    ) -> None:
        self._kind, self._codec = _kind(encoding)
        self._limit = thread_limit(threads)
        self._tally = tally
        self._buffers: list[Pointer] = []  # those which are not in use

    def count(
        self,
        file: Path | BinaryFile,
        progress: Progress | None = None,
        is_stopped: IsStopped | None = None,
    ) -> Stretch:
        """Count one file. The stretch ends where reading did.

        Raises:
            StoppedError: `is_stopped`, which is asked before each block, says so.
        """
        stretch = Stretch(tally=self._tally, is_part=False)
        with self._buffer() as buffer, opened(file) as stream:
            blocks = _Blocks(stream, buffer, progress, is_stopped)
            if self._kind is UTF32:
                self._append_decoded(stretch, blocks)
            else:
                self._append(stretch, blocks)
        stretch.end = blocks.end
        return stretch

    def threads(self) -> int:
        """Return how many threads it may use."""
        return min(_most_threads(), self._limit) if self._limit else _most_threads()

    def _append(self, stretch: Stretch, blocks: _Blocks) -> None:
        """Append the undecoded bytes of the file."""
        sizes = iter(blocks)
        size = next(sizes)
        mark = utf8_mark(blocks.buffer, size, self._codec.name)
        stretch.append(_MARK, blocks.buffer, mark, 1)
        stretch.append(self._kind, blocks.buffer + mark, size - mark, 1)
        if size == len(blocks.memory):
            blocks.enlarge_pipe()
            self._merge_pieces(stretch, blocks)
        for size in sizes:
            stretch.append(self._kind, blocks.buffer, size, 1)
        stretch.finish()

    def _append_decoded(self, stretch: Stretch, blocks: _Blocks) -> None:
        """Append what Python decodes."""
        data = (bytes(blocks.memory[:size]) for size in blocks if size)
        for text in _decoded(data, self._codec):
            for kind, pointer, size in text_pieces(text):
                stretch.append(kind, pointer, size, 1)

    def _merge_pieces(self, stretch: Stretch, blocks: _Blocks) -> None:
        """Append what is left of a large regular file, for as long as nothing is wrong."""
        region = blocks.region()
        if region is None or region.size < WORTH_SPLITTING:
            return
        descriptor, start, size = region
        stop = start + size
        threads = min(self.threads(), math.ceil(size / _PIECE))
        if threads == 1:
            return
        from doubles_ffi._threads import in_order  # Takes 2 ms.

        count_piece = functools.partial(self._count_piece, descriptor)
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

    def _count_piece(self, descriptor: int, piece: range, is_stopped: IsStopped) -> Stretch | None:
        """Count a piece of a file. Return None if anything prevents it."""

        def read(room: memoryview, before: int) -> int:
            return os.preadv(descriptor, [room], piece.start + before)

        try:
            part = Stretch(tally=self._tally, is_part=True)
            with self._buffer() as buffer:
                _append_range(part, self._kind, read, len(piece), buffer, is_stopped)
        except (OSError, MemoryError, UnicodeDecodeError, StoppedError):
            return None
        return part

    @contextlib.contextmanager
    def _buffer(self) -> Iterator[Pointer]:
        """Lend a buffer that is not in use. To make one takes as long as to open a file."""
        try:
            buffer = self._buffers.pop()
        except IndexError:
            buffer = new_array(_BLOCK)
        try:
            yield buffer
        finally:
            self._buffers.append(buffer)


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
        buffer: Pointer,
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
        size = whole = len(self.memory)
        while size == whole:
            if self._is_stopped and self._is_stopped():
                raise StoppedError
            size = _fill(self.memory, self._read, self.end)
            self._report(size)
            yield size

    def _read(self, room: memoryview, _: int) -> int | None:
        size: int | None = self._file.readinto(room)
        return size

    def skip(self, size: int) -> None:
        """Go on after bytes that are counted already."""
        self._file.seek(size, os.SEEK_CUR)
        self._report(size)

    def _report(self, size: int) -> None:
        self.end += size
        if self._progress:
            total = self._total
            self._progress(self.end, total if total is None else max(total, self.end))

    def region(self) -> _Region | None:
        """Return the rest of a regular file, if threads can read it from anywhere."""
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


def _append_range(  # noqa: PLR0913, PLR0917 (an inner loop)
    stretch: Stretch,
    kind: Kind,
    read: Read,
    size: int,
    buffer: Pointer,
    is_stopped: IsStopped | None = None,
) -> None:
    """Read `size` bytes, block by block, and append them to a stretch."""
    memory = view(buffer)
    while (left := size - stretch.end) > 0:
        if is_stopped and is_stopped():
            raise StoppedError
        room = memory[:left]
        filled = _fill(room, read, stretch.end)
        stretch.append(kind, buffer, filled, 1)
        if filled < len(room):
            raise OSError(errno.ENODATA, f"the file ends {left - filled} bytes early")


def _fill(memory: memoryview, read: Read, before: int) -> int:
    """Read until the memory is full or the file ends, and return how many bytes."""
    filled = 0
    while filled < len(memory):
        room = memory[filled:]
        size = _checked(read(room, before + filled), room)
        if size == 0:
            break
        filled += size
    return filled


def _checked(answer: int | None, room: memoryview) -> int:
    """Return how many bytes were read, as `readinto` has answered."""
    if answer is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    size = operator.index(answer)  # An int of its own class may compare as it likes.
    if not 0 <= size <= len(room):  # Other memory follows the buffer.
        raise OSError(errno.EIO, f"readinto returned {size}")
    return size


def _kind(encoding: str | None) -> tuple[Kind, codecs.CodecInfo]:
    """Return what is counted in a file, and the codec of its text."""
    # In Latin-1 each byte is a unit, as it is without an encoding.
    return kind_of("latin-1" if encoding is None else encoding)


@functools.cache
def _most_threads() -> int:
    """Return how many threads the library allows; asked once, as it looks into the environment."""
    return num_threads()


def opened(file: Path | BinaryFile) -> contextlib.AbstractContextManager[Any]:
    """Open a path, or take a binary file, which stays open afterwards; for a `with`."""
    if isinstance(file, (str, bytes, os.PathLike)):
        return open(file, "rb", buffering=0)  # noqa: PTH123 (a Path forgets a slash at the end)
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
