"""Bytes that are text: the units to count them in, and marks at their beginning.

The library validates and counts UTF-8 as it is. Other encodings are decoded by Python, chunk by
chunk, so that memory does not grow and Ctrl-C stops it.
"""

from __future__ import annotations

import codecs
import contextlib
from typing import TYPE_CHECKING

from doubles_ffi._decoding import is_incremental, moved
from doubles_ffi._input.buffers import lock
from doubles_ffi._library.memory import BYTES, UTF8, UTF32, view

if TYPE_CHECKING:
    from doubles_ffi._input.buffers import BytesLike
    from doubles_ffi._library.memory import Kind, Pointer

# The names of UTF-8 without and with a mark at its beginning.
_UTF8 = {"utf-8", "utf-8-sig"}

# The most bytes that are copied into an exception.
_COPIED = 1024 * 1024


def kind_of(encoding: str) -> tuple[Kind, codecs.CodecInfo]:
    """Return the units of text in an encoding, and its codec. UTF-32 is for decoded text.

    Raises:
        LookupError: the encoding is not known.
    """
    codec = codecs.lookup(encoding)
    if codec.name == "iso8859-1":  # latin-1: a code point is a byte
        return BYTES, codec
    if codec.name in _UTF8:
        return UTF8, codec
    with contextlib.suppress(UnicodeError):  # "undefined" raises nothing else.
        "".encode(encoding)  # A LookupError for the codecs that are no text encodings.
    return UTF32, codec


def utf8_mark(pointer: Pointer, size: int, name: str) -> int:
    """Return the length of the mark at the beginning of text in the encoding utf-8-sig, else 0."""
    if name != "utf-8-sig":
        return 0
    mark = codecs.BOM_UTF8
    return len(mark) if bytes(view(pointer, size)[: len(mark)]) == mark else 0


def with_object(error: UnicodeDecodeError, data: BytesLike, encoding: str) -> UnicodeDecodeError:
    """Return the exception with all of the bytes as its `object`, if that needs no large copy."""
    _, codec = kind_of(encoding)
    if not is_incremental(codec):
        return error  # `bytes.decode` has raised it.
    with lock(data) as array:
        memory = view(array)[utf8_mark(array, len(array), codec.name) :]
        if type(data) is bytes and len(data) == len(memory):
            return moved(error, data)
        if len(memory) <= _COPIED:
            return moved(error, bytes(memory))
    return error
