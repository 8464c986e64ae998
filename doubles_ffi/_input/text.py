"""The memory of a str."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._library.memory import BYTES, UTF32, str_storage, utf32, with_buffer

if TYPE_CHECKING:
    from collections.abc import Generator

    from doubles_ffi._library.memory import Kind, Pointer

# From this length on, asking CPython for the address of an ASCII str costs less than copying it.
POINTER_PAYS = 16 * 1024

# Characters per chunk of UTF-32, which takes 256 KiB and stays in cache.
_CHUNK = 64 * 1024


def exact(text: str) -> str:
    """Return the exact str that a str is or holds. A subclass may claim another length."""
    return text if type(text) is str else str.__str__(text)


def utf8(text: str) -> tuple[Pointer, int]:
    """Return the UTF-8 of a str as pointer and length. A long ASCII str is not copied.

    The pointer is valid for as long as the caller holds `text` and the tuple.

    Raises:
        UnicodeEncodeError: `text` has a lone surrogate, for which UTF-8 has no bytes.
    """
    if len(text) < POINTER_PAYS:
        encoded = text.encode()
        return encoded, len(encoded)
    if text.isascii() and (storage := str_storage(text)):
        _, pointer, size = storage
        return pointer, size
    array = with_buffer(text.encode())
    return array, len(array)


def text_chunks(text: str) -> Generator[tuple[Kind, Pointer, int]]:
    """Yield a str as adjacent chunks, lone surrogates included, without a copy if possible."""
    if text.isascii():
        yield BYTES, *utf8(text)
    elif storage := str_storage(text):
        yield storage
    else:
        for start in range(0, len(text), _CHUNK):
            units = utf32(text[start : start + _CHUNK])
            yield UTF32, units, len(units)
