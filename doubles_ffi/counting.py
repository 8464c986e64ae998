"""The count and the tally of one text."""

from __future__ import annotations

from collections import Counter  # noqa: TC003 (annotations resolve at run time)
from collections.abc import Iterable
from typing import Any, overload

from doubles_ffi._input import Data, Opened
from doubles_ffi._input.buffers import BytesLike  # noqa: TC001 (the same)
from doubles_ffi._input.text import POINTER_PAYS
from doubles_ffi._library import check, count_bytes, fast_path, thread_limit
from doubles_ffi._library.stretch import SLICE, Stretch

# The advice for a column where one text is wanted.
_ROWS_TALLIED = "add up the tallies of rows with sum(map(tally_doubles, rows), Counter())"


@fast_path
def count_doubles(data: Data, *, encoding: str | None = None, threads: int | None = None) -> int:
    """Count the pairs of equal neighbours: bytes of a bytes-like object, code points of a str.

    >>> count_doubles("aaa"), count_doubles(b"aaa")
    (2, 2)
    >>> utf8 = "жж".encode()
    >>> count_doubles("жж"), count_doubles(utf8), count_doubles(utf8, encoding="utf-8")
    (1, 0, 1)

    Args:
        data: str, or any C-contiguous buffer of one-byte items (bytes, bytearray, memoryview, mmap,
            array('B'), numpy.uint8), which is read without a copy.
        encoding: the encoding of bytes that are text. Its code points are counted.
        threads: use at most this many threads; 1 stays on the calling thread, None chooses.

    Raises:
        TypeError: `data` is neither str nor bytes-like, has items larger than a byte, or is a str
            with an `encoding`.
        BufferError: the buffer is not C-contiguous.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding. It is as `bytes.decode` raises
            it, except that for a buffer of more than 1 MiB other than `bytes` its `object` holds
            only the wrong bytes.
        ValueError: `threads` is below 1.
    """
    limit = 0 if threads is None else thread_limit(threads)
    if encoding is None:
        # A short way for short input: a Stretch would take longer than the count.
        if type(data) is bytes:
            length = len(data)
            if length <= SLICE:
                count = count_bytes(data, length, limit)
                return count if count >= 0 else check(count)
        elif type(data) is str and len(data) < POINTER_PAYS and data.isascii():
            count = count_bytes(data.encode(), len(data), limit)
            return count if count >= 0 else check(count)
    return _sum_up(data, encoding, limit, tally=False).count


@overload
def tally_doubles(
    data: str, *, encoding: None = None, threads: int | None = None
) -> Counter[str]: ...
@overload
def tally_doubles(
    data: BytesLike, *, encoding: str, threads: int | None = None
) -> Counter[str]: ...
@overload
def tally_doubles(
    data: BytesLike, *, encoding: None = None, threads: int | None = None
) -> Counter[int]: ...
def tally_doubles(
    data: Any, *, encoding: str | None = None, threads: int | None = None
) -> Counter[Any]:
    """Count how many doubles each unit makes: characters of text, numbers for bytes.

    >>> tally_doubles("Mississippi").most_common(1)
    [('s', 2)]
    >>> tally_doubles(b"aaa")
    Counter({97: 2})

    Arguments and exceptions are those of `count_doubles`, which returns the total of the tally.
    Add up the tallies of several texts:

    >>> sum(map(tally_doubles, ["all", "balloon"]), Counter())
    Counter({'l': 2, 'o': 1})
    """
    limit = thread_limit(threads)
    try:
        stretch = _sum_up(data, encoding, limit, tally=True)
    except TypeError as error:
        if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
            raise
        raise TypeError(f"{error}; {_ROWS_TALLIED}") from None
    return stretch.read_tally(text=isinstance(data, str) or encoding is not None)


def _sum_up(data: Data, encoding: str | None, limit: int, *, tally: bool) -> Stretch:
    stretch = Stretch(tally=tally, is_part=False)
    with Opened(data, encoding) as found:
        for kind, pointer, size in found:
            stretch.append(kind, pointer, size, limit)
        stretch.finish()
    return stretch
