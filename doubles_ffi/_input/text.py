"""Where the characters of a str lie."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from doubles_ffi._library import BYTES, UTF32, address_of, new_array, pointer_to, with_buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from doubles_ffi._library import Kind, Pointer

__all__ = ["IS_CPYTHON", "POINTER_PAYS", "blank_ascii", "exact", "text_pieces", "utf8"]

# Others have neither this API nor strings that are arrays.
IS_CPYTHON = sys.implementation.name == "cpython"

# From this length on, asking CPython for the bytes of an ASCII str costs less than copying them.
POINTER_PAYS = 16 * 1024

# Characters per block of UTF-32, which takes 256 KiB and stays in cache.
_BLOCK = 64 * 1024

_UTF32 = f"utf-32-{'le' if sys.byteorder == 'little' else 'be'}"


def exact(text: str) -> str:
    """Return a str itself, or what a subclass, which may claim another length, holds as a str."""
    return text if type(text) is str else str.__str__(text)


def utf8(text: str) -> tuple[Pointer, int]:
    """Return the UTF-8 of a str as pointer and length, without a copy where it is long and ASCII.

    The pointer is valid for as long as the caller holds `text` and the tuple.

    Raises:
        UnicodeEncodeError: `text` has a lone surrogate, for which UTF-8 has no bytes.
    """
    if len(text) < POINTER_PAYS:
        encoded = text.encode()
        return encoded, len(encoded)
    if text.isascii() and IS_CPYTHON:
        return pointer_to(_as_utf8()(text, None)), len(text)
    array = with_buffer(text.encode())
    return array, len(array)


def blank_ascii(length: int) -> tuple[str, Pointer]:
    """Return a new ASCII str and where to write its characters, before anyone else sees it.

    Making a str from written bytes takes another copy, whose fresh pages cost more than the text.

    Raises:
        MemoryError: memory can't hold that much text.
    """
    text = _new_unicode()(length, 127)
    return text, pointer_to(_as_utf8()(text, None))


def text_pieces(text: str) -> Iterator[tuple[Kind, Pointer, int]]:
    """Yield a str as adjacent pieces, its lone surrogates included."""
    if text.isascii():
        yield BYTES, *utf8(text)
        return
    blocks = (text[start : start + _BLOCK] for start in range(0, len(text), _BLOCK))
    if len(text) < POINTER_PAYS or not IS_CPYTHON:
        for block in blocks:
            units = block.encode(_UTF32, "surrogatepass")
            yield UTF32, units, len(units)
        return
    as_ucs4 = _as_ucs4()
    room = new_array(4 * _BLOCK)
    address = address_of(room)
    for block in blocks:
        as_ucs4(block, address, len(block), 0)
        yield UTF32, room, 4 * len(block)


# Functions of CPython, the first two of its stable ABI; https://docs.python.org/3/c-api/unicode.html
# describes them. They hold the GIL, and ctypes raises their exceptions.


@functools.cache
def _as_utf8() -> Callable[[str, None], int]:
    """Return PyUnicode_AsUTF8AndSize: where the UTF-8 of a str is; for ASCII, its own memory."""
    import ctypes

    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return prototype(("PyUnicode_AsUTF8AndSize", ctypes.pythonapi))


@functools.cache
def _as_ucs4() -> Callable[[str, int, int, int], int]:
    """Return PyUnicode_AsUCS4, which widens a str into a buffer of a given number of units."""
    import ctypes

    arguments = (ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, *arguments)
    return prototype(("PyUnicode_AsUCS4", ctypes.pythonapi))


@functools.cache
def _new_unicode() -> Callable[[int, int], str]:
    """Return PyUnicode_New, which makes a str of a given length for its caller to write."""
    import ctypes

    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_ssize_t, ctypes.c_uint32)
    return prototype(("PyUnicode_New", ctypes.pythonapi))
