"""The count, and the historic counters that lead up to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from doubles_ffi._buffers import (
    POINTER_PAYS,
    SLICE,
    TALLY_SLICE,
    Kind,
    exact,
    hold_still,
    lock,
    pieces,
    thread_limit,
    utf8,
    utf8_error,
)
from doubles_ffi._library import check, fast_path, lib, new_tally, read_tally

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from doubles_ffi._buffers import BytesLike, Data, Pointer

    Rung = Callable[[Pointer, int], int]

__all__ = [
    "count_doubles",
    "count_doubles_once",
    "count_doubles_once_bytes",
    "count_doubles_slice",
    "count_doubles_slice_parallel",
    "count_doubles_zip",
    "tally_doubles",
]

# Looked up once: in a short call, each look-up shows.
_library_count_bytes = lib.doubles_count_bytes


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
            array('B'), numpy.uint8), which is read where it lies.
        encoding: says that bytes are text in this encoding, and counts its code points.
        threads: use at most so many; 1 stays on the calling thread, None decides by itself.

    Raises:
        TypeError: `data` is neither str nor bytes-like, has items larger than a byte, or is a str
            with an `encoding`.
        BufferError: the buffer is not C-contiguous.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding; as `bytes.decode` raises it.
        ValueError: `threads` is below 1.
    """
    limit = 0 if threads is None else thread_limit(threads)
    if encoding is None:
        # The short way, for input so short that all else would cost more than the count.
        if type(data) is bytes:
            length = len(data)
            if length <= SLICE:
                count = _library_count_bytes(data, length, limit)
                return count if count >= 0 else check(count)
        elif type(data) is str and len(data) < POINTER_PAYS and data.isascii():
            count = _library_count_bytes(data.encode(), len(data), limit)
            return count if count >= 0 else check(count)
    total = 0
    for kind, pointer, length in pieces(data, encoding):
        if kind is Kind.BYTES:
            count = lib.doubles_count_bytes(pointer, length, limit)
        elif kind is Kind.UTF8:
            count = lib.doubles_count_utf8(pointer, length, limit)
        else:
            count = lib.doubles_count_utf32(pointer, length, limit)
        if count == lib.DOUBLES_STATUS_INVALID_UTF8:
            raise utf8_error(data, encoding)
        total += check(count)
    return total


@overload
def tally_doubles(data: str, *, encoding: None = None) -> Counter[str]: ...
@overload
def tally_doubles(data: BytesLike, *, encoding: str) -> Counter[str]: ...
@overload
def tally_doubles(data: BytesLike, *, encoding: None = None) -> Counter[int]: ...
def tally_doubles(data: Data, *, encoding: str | None = None) -> Counter[str] | Counter[int]:
    """Count how many doubles each unit makes: characters of text, numbers for bytes.

    >>> tally_doubles("Mississippi").most_common(1)
    [('s', 2)]
    >>> tally_doubles(b"aaa")
    Counter({97: 2})

    Arguments and exceptions are those of `count_doubles`. The sum of the counts is what it returns.
    """
    tally = new_tally()
    for kind, pointer, length in pieces(data, encoding, TALLY_SLICE):
        if kind is Kind.BYTES:
            status = lib.doubles_tally_bytes(tally, pointer, length)
        elif kind is Kind.UTF8:
            status = lib.doubles_tally_utf8(tally, pointer, length)
        else:
            status = lib.doubles_tally_utf32(tally, pointer, length)
        if status == lib.DOUBLES_STATUS_INVALID_UTF8:
            raise utf8_error(data, encoding)
        check(status)
    return read_tally(tally, text=isinstance(data, str) or encoding is not None)


def count_doubles_zip(data: Data) -> int:
    """Count by two iterators over Rust's `char`s, zipped. Bytes are taken as UTF-8.

    Runs as one call, which Ctrl-C can't interrupt. Rust's `chars` is sound only on bytes that hold
    still, so a buffer that is not `bytes` is copied.

    >>> count_doubles_zip("aaa")
    2

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeDecodeError: the bytes are not UTF-8.
        UnicodeEncodeError: the str has a lone surrogate, which no `char` can be.
    """
    return _count_chars(lib.doubles_count_zip, data)


def count_doubles_once(data: Data) -> int:
    """Count by one iterator over Rust's `char`s. Bytes are taken as UTF-8.

    Else as `count_doubles_zip`.

    >>> count_doubles_once("aaa")
    2
    """
    return _count_chars(lib.doubles_count_once, data)


def count_doubles_once_bytes(data: Data) -> int:
    """Count by one iterator over bytes. A str is taken as UTF-8, and its bytes are counted.

    Runs as one call, which Ctrl-C can't interrupt.

    >>> count_doubles_once_bytes("aaa"), count_doubles_once_bytes("жж")
    (2, 0)

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeEncodeError: the str has a lone surrogate, for which UTF-8 has no bytes.
    """
    return _count_units(lib.doubles_count_once_bytes, data)


def count_doubles_slice(data: Data) -> int:
    """Count by windows of two bytes. A str is taken as UTF-8, and its bytes are counted.

    Else as `count_doubles_once_bytes`.

    >>> count_doubles_slice("aaa")
    2
    """
    return _count_units(lib.doubles_count_slice, data)


def count_doubles_slice_parallel(data: Data) -> int:
    """Count by windows of two bytes under rayon. A str is taken as UTF-8; its bytes are counted.

    Else as `count_doubles_once_bytes`.

    >>> count_doubles_slice_parallel("aaa")
    2
    """
    return _count_units(lib.doubles_count_slice_parallel, data)


def _count_chars(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        text = exact(data)  # A name of its own: the pointer is good for as long as it is held.
        return check(rung(*utf8(text)))
    still = hold_still(data)
    count = rung(still, len(still))
    if count == lib.DOUBLES_STATUS_INVALID_UTF8:
        raise utf8_error(still, "utf-8")
    return check(count)


def _count_units(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        text = exact(data)  # The same.
        return check(rung(*utf8(text)))
    with lock(data) as array:
        return check(rung(array, len(array)))
