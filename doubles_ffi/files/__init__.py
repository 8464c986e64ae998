"""Counting files.

A file is read into buffers that are used again. It is never mapped, because the process is killed
if a mapped file shrinks. Several threads read and count a large regular file; all other files are
read in order.

`system` depends on the operating system, `reading` reads any file in order, `decompression` reads
the content of compressed ones, `content` turns bytes into units, and `engine` counts them.
"""

from __future__ import annotations

from collections import Counter  # noqa: TC003 (annotations resolve at run time)
from typing import overload

from doubles_ffi.files.engine import FileCounter
from doubles_ffi.files.reading import BinaryFile, Path, Progress

__all__ = ["BinaryFile", "Path", "Progress", "count_file", "tally_file"]


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
        file: a path; or a file that is open in binary mode, which is read from its current position
            to its end. It needs a method `readinto`, which pipes, `gzip.open` and many others have.
        encoding: says that the bytes are text in this encoding, and counts its code points.
        threads: use at most this many threads; 1 stays on the calling thread, None chooses.
        progress: is called on the calling thread, from time to time and at the end, with the number
            of bytes read so far and the total, or None if the total is unknown.

    Raises:
        OSError: as `open` and reading raise it.
        TypeError: `file` is neither a path nor open in binary mode.
        LookupError: the encoding is unknown.
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

    Arguments and exceptions are those of `count_file`, and the counts add up to what it returns.
    """
    stretch = FileCounter(encoding, threads, tally=True).count(file, progress)
    return stretch.read_tally(text=encoding is not None)
