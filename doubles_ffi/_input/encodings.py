"""Bytes that are text: which encodings there are, and how they are decoded.

UTF-8 is not decoded: the library validates and counts it as it is. All else is decoded by Python,
block by block, so that memory stays flat and Ctrl-C is heard.
"""

from __future__ import annotations

import codecs
import contextlib
import itertools
import sys
from typing import TYPE_CHECKING

from doubles_ffi._input.buffers import lock
from doubles_ffi._library import BYTES, UTF8, UTF32, view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from doubles_ffi._input.buffers import BytesLike
    from doubles_ffi._library import Kind, Pointer

__all__ = [
    "CONTINUATION",
    "decode_blocks",
    "in_blocks",
    "kind_of",
    "utf8_error",
    "utf8_mark",
    "with_object",
]

# The bytes of a code point after its first, in UTF-8.
CONTINUATION = bytes(range(0x80, 0xC0))

_ENDIAN = "le" if sys.byteorder == "little" else "be"

# Codecs whose incremental decoders do not decode (idna, punycode, undefined), or keep all there is
# (utf-7).
_NOT_IN_BLOCKS = {"idna", "punycode", "undefined", "utf-7"}
if sys.implementation.name == "pypy":  # pragma: no cover: the tests need CPython
    # Its decoders of text with shifts can't be set back: they do not tell which shift they are in.
    _NOT_IN_BLOCKS |= {"hz", "iso2022_kr"}
    _NOT_IN_BLOCKS |= {f"iso2022_jp{kind}" for kind in ("", "_1", "_2", "_2004", "_3", "_ext")}

# How text begins for these decoders. Without a mark, `bytes.decode` takes the machine's order.
_BYTE_ORDER_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}

# The names of UTF-8 without and with a mark at its beginning.
_UTF8 = {"utf-8", "utf-8-sig"}

# Bytes that are copied into an exception, or kept for a decoder that refuses them, at most.
_KEPT = 1024 * 1024


def kind_of(encoding: str) -> tuple[Kind, codecs.CodecInfo]:
    """Return what text in an encoding is counted as, and its codec; as UTF-32, after decoding it.

    Raises:
        LookupError: the encoding is not known.
    """
    codec = codecs.lookup(encoding)
    if codec.name == "iso8859-1":  # latin-1: a code point is a byte
        return BYTES, codec
    if codec.name in _UTF8:
        return UTF8, codec
    with contextlib.suppress(UnicodeError):  # All that "undefined" ever raises.
        "".encode(encoding)  # A LookupError for the codecs that are no text encodings.
    return UTF32, codec


def utf8_mark(pointer: Pointer, size: int, name: str) -> int:
    """Return the length of the mark at the beginning that says that this is UTF-8."""
    if name != "utf-8-sig":
        return 0
    mark = codecs.BOM_UTF8
    return len(mark) if bytes(view(pointer, size)[: len(mark)]) == mark else 0


def in_blocks(codec: codecs.CodecInfo) -> bool:
    """Tell whether a codec can decode block by block."""
    return codec.incrementaldecoder is not None and codec.name not in _NOT_IN_BLOCKS


def decode_blocks(blocks: Iterator[bytes], codec: codecs.CodecInfo) -> Iterator[str]:
    """Decode the blocks of a text; none is empty, and the first has four bytes or is all there is.

    Raises:
        UnicodeDecodeError: as `bytes.decode` raises it for all of the text, but its `object` holds
            the wrong bytes alone. What comes before them is yielded.
    """
    first = next(blocks, b"")
    if not first.startswith(_BYTE_ORDER_MARKS.get(codec.name, b"")):
        codec = codecs.lookup(f"{codec.name}-{_ENDIAN}")
    decoder = codec.incrementaldecoder()
    end = 0
    refused = b""
    for block in itertools.chain([first], blocks, [b""]):
        is_last = not block
        end += len(block)
        given = refused + block
        state = decoder.getstate()
        try:
            text = decoder.decode(given, is_last)
        except UnicodeError as error:
            # Python 3.13 and later have a UnicodeDecodeError for what the decoder can't keep, too.
            if isinstance(error, UnicodeDecodeError) and error.reason != "pending buffer overflow":
                # Its object is what the decoder had kept, and what it was given.
                wrong = error.object[error.start : error.end]
                right = given[: max(error.start - len(error.object) + len(given), 0)]
                decoder.setstate(state)
                yield decoder.decode(right)
                raise _renewed(error, wrong, end - len(error.object)) from None
            # Python's decoders of ISO 2022 can keep eight bytes; an escape sequence may be longer.
            refused = given
            if is_last or len(refused) > _KEPT:
                raise
            decoder.setstate(state)
        else:
            refused = b""
            yield text


def utf8_error(blocks: Iterable[bytes], start: int) -> Exception:
    """Return the exception for blocks of UTF-8 that begin at a position and are not valid."""
    try:
        for _ in decode_blocks(filter(None, blocks), codecs.lookup("utf-8")):
            pass
    except UnicodeDecodeError as error:
        return _renewed(error, error.object, start)
    return RuntimeError("the buffer was changed while it was counted")


def with_object(error: UnicodeDecodeError, data: BytesLike, encoding: str) -> UnicodeDecodeError:
    """Return the exception with all of the bytes as its `object`, if that takes no large copy."""
    _, codec = kind_of(encoding)
    if not in_blocks(codec):
        return error  # As `bytes.decode` has raised it.
    with lock(data) as array:
        memory = view(array)[utf8_mark(array, len(array), codec.name) :]
        if type(data) is bytes and len(data) == len(memory):
            return _renewed(error, data)
        if len(memory) <= _KEPT:
            return _renewed(error, bytes(memory))
    return error


def _renewed(error: UnicodeDecodeError, data: bytes, offset: int = 0) -> UnicodeDecodeError:
    """Return the exception with another object, and for bytes that begin at an offset."""
    start, end = offset + error.start, offset + error.end
    return UnicodeDecodeError(error.encoding, data, start, end, error.reason)
