"""Counting the reads of a file, with several threads if it is large.

The threads count pieces of the file, which are merged in order. If that stops early, because the
file has shrunk or because a piece is invalid or unreadable, sequential reading continues at the
first piece that is missing. It meets the same fault, and reports its position.
"""

from __future__ import annotations

import contextlib
import functools
import math
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import num_threads, thread_limit
from doubles_ffi._library.memory import MARK, UTF32
from doubles_ffi._library.stretch import Stretch
from doubles_ffi.files.content import content, kind_in_file
from doubles_ffi.files.reading import FirstBytes, Reads, StoppedError, new_buffer, opened
from doubles_ffi.files.system import enlarge_pipe, piece_from, rest_of

if TYPE_CHECKING:
    from doubles_ffi._library.memory import Kind, Pointer
    from doubles_ffi._threads import IsStopped
    from doubles_ffi.files.reading import BinaryFile, Path, Progress

# Bytes of a piece. With two threads, 8 and 16 MiB are within noise of each other; 4 MiB loses a
# sixth.
PIECE_SIZE = 16 * 1024 * 1024

# Below this many bytes, threads take longer to load and to start than they save. In a new process,
# one thread and two take 9 ms each for 32 MiB of UTF-8, and 19 and 15 for 64 MiB; bytes break even
# at 256 MiB.
WORTH_SPLITTING = 64 * 1024 * 1024


class FileCounter:
    """Counts files, all in the same way; the arguments are those of `count_file`.

    Args:
        tally: also count how many doubles each unit makes.
    """

    def __init__(
        self, encoding: str | None, threads: int | None = None, *, tally: bool = False
    ) -> None:
        self._kind, self._codec = kind_in_file(encoding)
        self._limit = thread_limit(threads)
        self._tally = tally
        self._buffers: list[Pointer] = []  # those which are not in use

    def count(
        self,
        file: Path | BinaryFile,
        progress: Progress | None = None,
        is_stopped: IsStopped | None = None,
    ) -> Stretch:
        """Count one file. The end of the stretch is the number of bytes read.

        Raises:
            StoppedError: `is_stopped`, which is asked before each read, has returned True.
        """
        stretch = Stretch(tally=self._tally, is_part=False)
        buffer = self._take_buffer()
        try:
            with opened(file) as stream:
                reads = Reads(stream, buffer, progress=progress, is_stopped=is_stopped)
                self._append(stretch, reads)
        finally:
            self._buffers.append(buffer)
        stretch.end = reads.end
        return stretch

    def threads(self) -> int:
        """Return how many threads it may use."""
        return min(_most_threads(), self._limit) if self._limit else _most_threads()

    def _append(self, stretch: Stretch, reads: Reads) -> None:
        can_split = self._kind is not UTF32
        for kind, pointer, size in content(reads, self._kind, self._codec):
            stretch.append(kind, pointer, size, 1)
            if can_split and reads.is_full and kind is not MARK:
                can_split = False
                enlarge_pipe(reads.file)
                self._merge_pieces(stretch, reads)
        stretch.finish()

    def _merge_pieces(self, stretch: Stretch, reads: Reads) -> None:
        """Append the rest of a large regular file, up to the first piece that has a fault."""
        rest = rest_of(reads.file)
        if rest is None or rest.size < WORTH_SPLITTING:
            return
        stop = rest.start + rest.size
        threads = min(self.threads(), math.ceil(rest.size / PIECE_SIZE))
        if threads == 1:
            return
        from doubles_ffi._threads import in_order  # Takes 2 ms.

        count_piece = functools.partial(self._count_piece, rest.descriptor)
        starts = range(rest.start, stop, PIECE_SIZE)
        pieces = (range(start, min(start + PIECE_SIZE, stop)) for start in starts)
        with contextlib.closing(in_order(count_piece, pieces, threads)) as parts:
            for part in parts:
                if part is None:
                    break
                try:
                    stretch.merge(part)
                except UnicodeDecodeError:
                    break
                reads.skip(part.end)

    def _count_piece(self, descriptor: int, piece: range, is_stopped: IsStopped) -> Stretch | None:
        """Count a piece of a file. Return None if anything prevents it."""
        try:
            part = Stretch(tally=self._tally, is_part=True)
            buffer = self._take_buffer()
            try:
                with piece_from(descriptor, piece.start) as file:
                    _append(part, self._kind, file, len(piece), buffer, is_stopped)
            finally:
                self._buffers.append(buffer)
        except (OSError, MemoryError, UnicodeDecodeError, StoppedError):
            return None
        return part

    def _take_buffer(self) -> Pointer:
        """Return a buffer that is not in use. To make one takes as long as to open a file."""
        try:
            return self._buffers.pop()
        except IndexError:
            return new_buffer()


def count_range(
    file: Any, start: int, stop: int, *, encoding: str | None = None, tally: bool = False
) -> Stretch:
    """Count the bytes of an open file from `start` to `stop`, which may cut a code point.

    Merged in order into an empty `Stretch`, adjacent ranges give the same result as the whole file.

    Args:
        file: is open in binary mode, and has `seek` and `readinto`.
        start: the first byte.
        stop: the byte after the last.
        encoding: as for `count_file`, if `can_start_anywhere` allows it.
        tally: also count how many doubles each unit makes.

    Raises:
        OSError: the file ends before `stop`; or as reading raises it.
        UnicodeDecodeError: with positions in the range, and the wrong bytes alone as its `object`.
        LookupError: the encoding is unknown.
        ValueError: text in that encoding can't be read from the middle.
    """
    kind, _ = kind_in_file(encoding)
    if not can_start_anywhere(encoding):
        raise ValueError(f"text in {encoding} can only be counted from its beginning")
    file.seek(start)
    part = Stretch(tally=tally, is_part=True)
    _append(part, kind, file, stop - start, new_buffer())
    return part


def can_start_anywhere(encoding: str | None) -> bool:
    """Return whether a range of a file in an encoding can be counted by itself.

    Raises:
        LookupError: the encoding is unknown.
    """
    kind, codec = kind_in_file(encoding)
    return kind is not UTF32 and codec.name != "utf-8-sig"


def _append(  # noqa: PLR0913, PLR0917 (all that a range or a piece is)
    part: Stretch,
    kind: Kind,
    file: Any,
    size: int,
    buffer: Pointer,
    is_stopped: IsStopped | None = None,
) -> None:
    """Append the next `size` bytes of a file."""
    reads = Reads(FirstBytes(file, size), buffer, is_stopped=is_stopped)
    for length in reads:
        part.append(kind, buffer, length, 1)


@functools.cache
def _most_threads() -> int:
    """Return how many threads the library allows. It looks into the environment: ask once."""
    return num_threads()
