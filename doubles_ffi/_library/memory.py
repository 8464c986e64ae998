"""Memory: pointers to Python's objects, and the units in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import IS_CPYTHON
from doubles_ffi._library.loading import _native, ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

Pointer = Any  # of cffi; or bytes, which cffi passes as one


def new_array(size: int) -> Pointer:
    """Return a new array of zeros, which is freed automatically."""
    return ffi.new("uint8_t[]", size)


def with_buffer(data: Any, *, writable: bool = False) -> Pointer:
    """Return the memory of a contiguous buffer as an array. Use it in a `with`."""
    return ffi.from_buffer("uint8_t[]", data, require_writable=writable)


def pointer_to(address: int) -> Pointer:
    """Return an address as a pointer."""
    return ffi.cast("uint8_t *", address)


def view(pointer: Pointer, size: int = -1) -> memoryview:
    """Return a memoryview of an array, or of `size` bytes from a pointer on."""
    if isinstance(pointer, bytes):
        return memoryview(pointer)
    return memoryview(ffi.buffer(pointer, size))


class Kind:
    """The units in some memory, by the functions of the library for them.

    `update` takes a summary, a tally or NULL, a pointer, a number of bytes and a limit on threads.
    It returns zero, or a status for `check`.

    `find` takes a finder, a pointer, a number of bytes, the least length of a run, and an array of
    runs with its length, which is at least half the number of bytes and two more. It returns the
    number of runs that it has written, or a status for `check`.
    """

    __slots__ = ("find", "update")

    def __init__(
        self,
        update: Callable[[Any, Any, Pointer, int, int], int],
        find: Callable[[Any, Pointer, int, int, Any, int], int],
    ) -> None:
        self.update = update
        self.find = find


BYTES = Kind(lib.doubles_update_bytes, lib.doubles_find_bytes)
UTF8 = Kind(lib.doubles_update_utf8, lib.doubles_find_utf8)
# In the machine's byte order. Units are never interpreted, so a lone surrogate is a unit.
UTF16 = Kind(lib.doubles_update_utf16, lib.doubles_find_utf16)
UTF32 = Kind(lib.doubles_update_utf32, lib.doubles_find_utf32)

Piece = tuple[Kind, Pointer, int]  # with the number of bytes

# By the bytes of a unit. A str of one-byte units is ASCII or Latin-1, whose bytes are code points.
_UNITS = {1: BYTES, 2: UTF16, 4: UTF32}


def str_storage(text: str) -> tuple[Kind, Pointer, int] | None:
    """Return the units of a str, a pointer to them and their number of bytes.

    None on PyPy, and with the stable ABI for text that is not ASCII. The pointer is valid for as
    long as the caller holds `text`, which must be an exact str.
    """
    found = _native.str_storage(text) if IS_CPYTHON else None
    if found is None:
        return None
    unit, address, size = found
    return _UNITS[unit], pointer_to(address), size


def new_ascii(length: int) -> tuple[str, Pointer] | None:
    """Return a new ASCII str, and a pointer to write its characters before anyone else sees it.

    None on PyPy and with the stable ABI. To make a str from bytes would copy them, and the fresh
    pages of the copy would cost more than the text.

    Raises:
        MemoryError: memory can't hold that much text.
    """
    found = _native.new_ascii(length) if IS_CPYTHON else None
    if found is None:
        return None
    text, address = found
    return text, pointer_to(address)


def utf32(text: str) -> bytes:
    """Return the UTF-32 of a str, lone surrogates included, in the machine's byte order."""
    if not IS_CPYTHON:  # pragma: no cover: the tests need CPython
        return text.encode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")
    return _native.ucs4(text)  # A tenth of the time that str.encode takes.
