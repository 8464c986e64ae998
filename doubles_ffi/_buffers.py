"""The only place that decides which input is accepted, and how it becomes pointer and length."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import ffi

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Pointer = Any  # a cffi pointer, or bytes, which cffi passes as one
    BytesLike = Buffer
    Data = str | BytesLike

__all__ = ["hold_still", "lock", "utf8"]

# From this length on, asking CPython for the bytes of an ASCII str costs less than copying them:
# 0.7 us against 1 us for every 10 KB.
_POINTER_PAYS = 16 * 1024


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


def utf8(text: str) -> tuple[Pointer, int]:
    """Return the UTF-8 of a str as pointer and length, without a copy where it is long and ASCII.

    The pointer is good for as long as the caller holds `text` and the tuple.

    Raises:
        UnicodeEncodeError: `text` has a lone surrogate, for which UTF-8 has no bytes.
    """
    if len(text) < _POINTER_PAYS:
        encoded = text.encode()
        return encoded, len(encoded)
    if text.isascii() and sys.implementation.name == "cpython":
        return ffi.cast("uint8_t *", _address(text)), len(text)
    array = ffi.from_buffer("uint8_t[]", text.encode())
    return array, len(array)


def hold_still(data: BytesLike) -> bytes:
    """Return the bytes of `data` where no other thread can change them: themselves, or a copy.

    Raises:
        TypeError, BufferError, ValueError: as `lock`.
    """
    if isinstance(data, bytes):
        return data
    with lock(data) as array:
        return bytes(ffi.buffer(array))


def _address(text: str) -> int:
    """Return where CPython keeps the UTF-8 of `text`, which for ASCII is the str's own memory.

    Source: https://docs.python.org/3/c-api/unicode.html#c.PyUnicode_AsUTF8AndSize, stable ABI.
    """
    as_utf8 = ctypes.pythonapi.PyUnicode_AsUTF8AndSize
    as_utf8.argtypes = [ctypes.py_object, ctypes.c_void_p]
    as_utf8.restype = ctypes.c_void_p
    address: int = as_utf8(text, None)
    return address
