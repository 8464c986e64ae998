"""The only place that decides which input is accepted, and how it becomes pointer and length."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import ffi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    Pointer = Any  # a cffi pointer, or bytes, which cffi passes as one
    BytesLike = Buffer
    Data = str | BytesLike

__all__ = ["POINTER_PAYS", "exact", "hold_still", "lock", "utf8", "utf32_blocks"]

# From this length on, asking CPython for the bytes of an ASCII str costs less than copying them.
POINTER_PAYS = 16 * 1024

# Code points per block of other text: 256 KiB as UTF-32, which stays in the cache.
_BLOCK = 64 * 1024

_UTF32 = f"utf-32-{'le' if sys.byteorder == 'little' else 'be'}"


def lock(data: BytesLike) -> Any:
    """Return a bytes-like object's memory as a cffi array, without a copy.

    The memory can neither move nor shrink until the array is released: use it in a `with`.

    Raises:
        TypeError: `data` has no buffer, or its items are larger than a byte.
        BufferError: its items do not lie side by side.
        ValueError: it is released or closed.
    """
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"expected str or a bytes-like object, not {type(data).__name__}") from None
    with view:
        if view.itemsize != 1:
            raise TypeError(
                f"items of format {view.format!r} take {view.itemsize} bytes each; to count their "
                'bytes, pass .view(numpy.uint8) or memoryview(x).cast("B")'
            )
        if not view.c_contiguous:
            raise BufferError("the buffer is not C-contiguous; pass a copy")
    return ffi.from_buffer("uint8_t[]", data)


def exact(text: str) -> str:
    """Return a str itself, or as one what a subclass holds, which may claim another length."""
    return text if type(text) is str else str.__str__(text)


def utf8(text: str) -> tuple[Pointer, int]:
    """Return the UTF-8 of a str as pointer and length, without a copy where it is long and ASCII.

    The pointer is good for as long as the caller holds `text` and the tuple.

    Raises:
        UnicodeEncodeError: `text` has a lone surrogate, for which UTF-8 has no bytes.
    """
    if len(text) < POINTER_PAYS:
        encoded = text.encode()
        return encoded, len(encoded)
    if text.isascii() and sys.implementation.name == "cpython":
        return ffi.cast("uint8_t *", _as_utf8()(text, None)), len(text)
    array = ffi.from_buffer("uint8_t[]", text.encode())
    return array, len(array)


def utf32_blocks(text: str) -> Iterator[tuple[Pointer, int]]:
    """Yield a str as UTF-32, in the machine's byte order, block by block.

    Each block begins with the last code point of the one before, so that each pair lies in a block.
    Lone surrogates are kept. A pointer is good until the next block.
    """
    ends = range(_BLOCK, len(text) + _BLOCK, _BLOCK)
    blocks = (text[max(end - _BLOCK - 1, 0) : end] for end in ends)
    if len(text) < POINTER_PAYS or sys.implementation.name != "cpython":
        for block in blocks:
            units = block.encode(_UTF32, "surrogatepass")
            yield units, len(units)
        return
    as_ucs4 = _as_ucs4()
    buffer = ffi.new("uint32_t[]", _BLOCK + 1)
    address = int(ffi.cast("uintptr_t", buffer))
    pointer = ffi.cast("uint8_t *", buffer)
    for block in blocks:
        as_ucs4(block, address, len(block), 0)
        yield pointer, len(block) * ffi.sizeof("uint32_t")


def hold_still(data: BytesLike) -> bytes:
    """Return the bytes of `data` where no other thread can change them: themselves, or a copy.

    Raises:
        TypeError, BufferError, ValueError: as `lock`.
    """
    if type(data) is bytes:  # A subclass may claim another length than it has.
        return data
    with lock(data) as array:
        return bytes(ffi.buffer(array))


# Two functions of CPython's stable ABI. They hold the GIL, and ctypes raises their exceptions.
# Source: https://docs.python.org/3/c-api/unicode.html


@functools.cache
def _as_utf8() -> Callable[[str, None], int]:
    """Return PyUnicode_AsUTF8AndSize: where the UTF-8 of a str is; for ASCII, its own memory."""
    import ctypes

    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return prototype(("PyUnicode_AsUTF8AndSize", ctypes.pythonapi))


@functools.cache
def _as_ucs4() -> Callable[[str, int, int, int], int]:
    """Return PyUnicode_AsUCS4, which widens a str into a buffer of so many units."""
    import ctypes

    arguments = (ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, *arguments)
    return prototype(("PyUnicode_AsUCS4", ctypes.pythonapi))
