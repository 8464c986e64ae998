"""What input is accepted, and how it becomes pointers and lengths.

`pieces` is the way in for all of it. The pieces of an input are adjacent: they share no unit, so a
`Stretch` sums them up one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._input.buffers import BytesLike, hold_still, lock
from doubles_ffi._input.encodings import decode_blocks, in_blocks, kind_of, utf8_mark
from doubles_ffi._input.text import exact, text_pieces
from doubles_ffi._library import BYTES, UTF32, view

if TYPE_CHECKING:
    import codecs
    from collections.abc import Generator

    from doubles_ffi._library import Kind, Pointer

    Piece = tuple[Kind, Pointer, int]  # the pointer is valid until the next one is asked for

Data = str | BytesLike

__all__ = ["Data", "pieces"]

# Bytes per call of a decoder, which stay in cache.
_BLOCK = 64 * 1024


def pieces(data: Data, encoding: str | None) -> Generator[Piece]:
    """Yield any input as kind, pointer and length in bytes, piece by piece.

    A pointer is valid until the next piece is asked for. A buffer is held until the last one is, or
    the generator is closed.

    Raises:
        TypeError, BufferError, ValueError: as `lock`; TypeError for a str with an encoding.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding. UTF-8 is left to the library to
            check.
    """
    if isinstance(data, str):
        if encoding is not None:
            raise TypeError("a str is already decoded: it takes no encoding")
        return text_pieces(exact(data))
    if encoding is None:
        return _whole(data, BYTES, accepted="str or a bytes-like object")
    kind, codec = kind_of(encoding)
    if kind is UTF32:
        return _decoded(data, encoding, codec)
    return _whole(data, kind, codec.name)


def _whole(
    data: BytesLike, kind: Kind, codec: str = "", accepted: str = "a bytes-like object"
) -> Generator[Piece]:
    if type(data) is bytes and codec != "utf-8-sig":
        yield kind, data, len(data)
        return
    with lock(data, accepted) as array:
        mark = utf8_mark(array, len(array), codec)
        yield kind, array + mark, len(array) - mark


def _decoded(data: BytesLike, encoding: str, codec: codecs.CodecInfo) -> Generator[Piece]:
    """Decode block by block where that can be done, else all at once."""
    with lock(data) as array:
        if not in_blocks(codec):
            yield from text_pieces(hold_still(data).decode(encoding))
            return
        memory = view(array)
        blocks = (bytes(memory[i : i + _BLOCK]) for i in range(0, len(memory), _BLOCK))
        for text in decode_blocks(blocks, codec):
            yield from text_pieces(text)
