"""The count, and the historic counters that lead up to it."""

from __future__ import annotations

import codecs
import operator
import sys
from typing import TYPE_CHECKING

from doubles_ffi._buffers import hold_still, lock, utf8
from doubles_ffi._library import check, ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from doubles_ffi._buffers import BytesLike, Data, Pointer

    Rung = Callable[[Pointer, int], int]

__all__ = [
    "count_doubles",
    "count_doubles_once",
    "count_doubles_once_bytes",
    "count_doubles_slice",
    "count_doubles_slice_parallel",
    "count_doubles_zip",
]

# Bytes per call into the library. Python handles signals between calls: at 5 GB/s, every 13 ms.
_SLICE = 64 * 1024 * 1024

# Code points per block of text that is not ASCII: 256 KiB as UTF-32, which stays in the cache.
_BLOCK = 64 * 1024

# Marks by which these encodings tell their byte order. Without one, `bytes.decode` takes the
# machine's order, where an incremental decoder gives up.
_BYTE_ORDER_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}


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
    limit = 0 if threads is None else _at_least_one(threads)
    if isinstance(data, str):
        if encoding is not None:
            raise TypeError("a str is already decoded: it takes no encoding")
        return _count_text(data, limit)
    if encoding is not None:
        return _count_encoded(data, encoding, limit)
    if type(data) is bytes and len(data) <= _SLICE:
        return _count_bytes(data, len(data), limit)
    with lock(data) as array:
        return _count_bytes(array, len(array), limit)


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


def _at_least_one(threads: int) -> int:
    threads = operator.index(threads)
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    return min(threads, sys.maxsize)


def _count_bytes(pointer: Pointer, length: int, threads: int) -> int:
    """Count in slices that overlap by one byte, so that each pair lies within one of them."""
    if length <= _SLICE:
        return check(lib.doubles_count_bytes(pointer, length, threads))
    total = 0
    for end in range(_SLICE, length + _SLICE, _SLICE):
        start = max(end - _SLICE - 1, 0)
        size = min(end, length) - start
        total += check(lib.doubles_count_bytes(pointer + start, size, threads))
    return total


def _count_text(text: str, threads: int) -> int:
    if text.isascii():
        return _count_bytes(*utf8(text), threads)
    total = 0
    for end in range(_BLOCK, len(text) + _BLOCK, _BLOCK):
        block = text[max(end - _BLOCK - 1, 0) : end]
        units = block.encode("utf-32-le", "surrogatepass")
        total += check(lib.doubles_count_utf32(units, len(units)))
    return total


def _count_encoded(data: BytesLike, encoding: str, threads: int) -> int:
    "".encode(encoding)  # A LookupError also for the codecs that are no text encodings.
    total = 0
    last = ""
    for text in _decode(data, encoding):
        total += _count_text(last + text, threads)
        last = text[-1:] or last
    return total


def _decode(data: BytesLike, encoding: str) -> Iterator[str]:
    """Yield the text of `data`, block by block; raise what `bytes.decode` would raise."""
    with lock(data) as array:
        memory = ffi.buffer(array)
        name = codecs.lookup(encoding).name
        if not memory[:4].startswith(_BYTE_ORDER_MARKS.get(name, b"")):
            encoding = f"{name}-{'le' if sys.byteorder == 'little' else 'be'}"
        decoder = codecs.getincrementaldecoder(encoding)()
        for start in range(0, max(len(memory), 1), _BLOCK):
            pending = len(decoder.getstate()[0])
            final = start + _BLOCK >= len(memory)
            try:
                yield decoder.decode(memory[start : start + _BLOCK], final)
            except UnicodeDecodeError as error:
                offset = start - pending
                raise UnicodeDecodeError(
                    error.encoding,
                    hold_still(data),
                    offset + error.start,
                    offset + error.end,
                    error.reason,
                ) from None


def _count_chars(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        count = rung(*utf8(data))
    else:
        data = hold_still(data)
        count = rung(data, len(data))
        if count == lib.DOUBLES_STATUS_INVALID_UTF8:
            data.decode()
    return check(count)


def _count_units(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        return check(rung(*utf8(data)))
    with lock(data) as array:
        return check(rung(array, len(array)))
