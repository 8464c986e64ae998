"""The count, and the historic counters that lead up to it."""

from __future__ import annotations

import codecs
import operator
import sys
from typing import TYPE_CHECKING

from doubles_ffi._buffers import POINTER_PAYS, exact, hold_still, lock, utf8, utf32_blocks
from doubles_ffi._library import check, ffi, lib

if TYPE_CHECKING:
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
]

# Bytes per call into the library. Python handles signals between calls: at 5 GB/s, every 13 ms.
_SLICE = 64 * 1024 * 1024

# Bytes per call of a decoder.
_BLOCK = 64 * 1024

# The bytes of a code point after its first, in UTF-8.
_CONTINUATION = range(0x80, 0xC0)

# Looked up once: in a short call, each look-up shows.
_library_count_bytes = lib.doubles_count_bytes

# Codecs whose incremental decoders do not decode (punycode, idna), or keep all there is (utf-7).
_NOT_IN_BLOCKS = {"idna", "punycode", "utf-7"}

# How text begins for these decoders. Without a mark, `bytes.decode` takes the machine's order.
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
    if encoding is None and threads is None:
        # The short way for short input, where every call counts: a third of the time is the count.
        if type(data) is bytes:
            if len(data) <= _SLICE:
                count = _library_count_bytes(data, len(data), 0)
                return count if count >= 0 else check(count)
        elif type(data) is str and len(data) < POINTER_PAYS and data.isascii():
            count = _library_count_bytes(data.encode(), len(data), 0)
            return count if count >= 0 else check(count)
    limit = 0 if threads is None else _at_least_one(threads)
    if isinstance(data, str):
        if encoding is not None:
            raise TypeError("a str is already decoded: it takes no encoding")
        return _count_text(exact(data), limit)
    if encoding is not None:
        return _count_encoded(data, encoding, limit)
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
    count = lib.doubles_count_utf32
    return sum(check(count(pointer, length)) for pointer, length in utf32_blocks(text))


def _count_encoded(data: BytesLike, encoding: str, threads: int) -> int:
    name = codecs.lookup(encoding).name
    if name == "utf-8":
        return _count_utf8(data, threads)
    if name == "iso8859-1":  # latin-1: a byte is a code point
        with lock(data) as array:
            return _count_bytes(array, len(array), threads)
    "".encode(encoding)  # A LookupError for the codecs that are no text encodings.
    if name not in _NOT_IN_BLOCKS:
        try:
            return _count_decoded(data, name, threads)
        except UnicodeError:
            pass  # Whatever it is, decoding all at once says it as bytes.decode does.
    return _count_text(hold_still(data).decode(encoding), threads)


def _count_decoded(data: BytesLike, encoding: str, threads: int) -> int:
    """Decode block by block; `encoding` is a codec's own name."""
    total = 0
    last = ""
    decoder = codecs.getincrementaldecoder(encoding)()
    with lock(data) as array:
        memory = ffi.buffer(array)
        if not memory[:4].startswith(_BYTE_ORDER_MARKS.get(encoding, b"")):
            raise UnicodeError("no byte order mark, which an incremental decoder insists on")
        for end in range(_BLOCK, len(memory) + _BLOCK, _BLOCK):
            text = decoder.decode(memory[end - _BLOCK : end], end >= len(memory))
            total += _count_text(last + text, threads)
            last = text[-1:] or last
    return total


def _count_utf8(data: BytesLike, threads: int) -> int:
    """Count in slices that overlap by one code point, so that each pair lies within one of them."""
    total = 0
    with lock(data) as array:
        start, length = 0, len(array)
        while True:
            end = min(start + _SLICE, length)
            if end < length:
                end = _code_point_start(array, end)
            count = lib.doubles_count_utf8(array + start, end - start, threads)
            if count == lib.DOUBLES_STATUS_INVALID_UTF8:
                raise _utf8_error(data, array, start)
            total += check(count)
            if end == length:
                return total
            start = _code_point_start(array, end - 1)


def _code_point_start(array: Pointer, index: int) -> int:
    """Return where the code point begins that has a byte at `index`; if it is one, else near it."""
    for start in range(index, max(index - 3, 0), -1):
        if array[start] not in _CONTINUATION:
            return start
    return max(index - 3, 0)


def _utf8_error(data: BytesLike, array: Pointer, start: int) -> Exception:
    """Return the exception for what is not UTF-8 at `start` or after; up to there it is."""
    start += check(lib.doubles_valid_utf8(array + start, len(array) - start))
    try:
        # What is wrong shows within the four bytes that a code point has at most.
        bytes(ffi.buffer(array)[start : start + 4]).decode()
    except UnicodeDecodeError as error:
        end = start + error.end
        return UnicodeDecodeError(error.encoding, hold_still(data), start, end, error.reason)
    return RuntimeError("the buffer was changed while it was counted")


def _count_chars(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        count = rung(*utf8(exact(data)))
    else:
        data = hold_still(data)
        count = rung(data, len(data))
        if count == lib.DOUBLES_STATUS_INVALID_UTF8:
            data.decode()
    return check(count)


def _count_units(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        return check(rung(*utf8(exact(data))))
    with lock(data) as array:
        return check(rung(array, len(array)))
