"""Where the characters of a str lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._library import BYTES, UTF32, str_storage, utf32, with_buffer

if TYPE_CHECKING:
    from collections.abc import Generator

    from doubles_ffi._library import Kind, Pointer

__all__ = ["POINTER_PAYS", "exact", "text_pieces", "utf8"]

# From this length on, asking CPython where an ASCII str lies costs less than copying it.
POINTER_PAYS = 16 * 1024

# Characters per block of UTF-32, which takes 256 KiB and stays in cache.
_BLOCK = 64 * 1024


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
    if text.isascii() and (storage := str_storage(text)):
        _, pointer, size = storage
        return pointer, size
    array = with_buffer(text.encode())
    return array, len(array)


def text_pieces(text: str) -> Generator[tuple[Kind, Pointer, int]]:
    """Yield a str as adjacent pieces, its lone surrogates included: if possible, where it lies."""
    if text.isascii():
        yield BYTES, *utf8(text)
    elif storage := str_storage(text):
        yield storage
    else:
        for start in range(0, len(text), _BLOCK):
            units = utf32(text[start : start + _BLOCK])
            yield UTF32, units, len(units)
