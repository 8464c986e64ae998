"""Decoders of Python: text that arrives in chunks, and the error for bytes that are not text.

The positions in an error are those that `bytes.decode` gives for the whole text. Nothing here needs
the library.
"""

from __future__ import annotations

import codecs
import itertools
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The bytes of a code point after its first, in UTF-8.
CONTINUATION = bytes(range(0x80, 0xC0))

_ENDIAN = "le" if sys.byteorder == "little" else "be"

# Codecs whose incremental decoders don't decode (idna, punycode, undefined) or keep all of the text
# until its end (utf-7).
_NOT_INCREMENTAL = {"idna", "punycode", "undefined", "utf-7"}
if sys.implementation.name == "pypy":  # pragma: no cover: the tests need CPython
    # Its decoders of text with shifts can't be set back: their state lacks the current shift.
    _NOT_INCREMENTAL |= {"hz", "iso2022_kr"}
    _NOT_INCREMENTAL |= {f"iso2022_jp{kind}" for kind in ("", "_1", "_2", "_2004", "_3", "_ext")}

# How text begins for these decoders. Without a mark, `bytes.decode` takes the machine's order.
_BYTE_ORDER_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}

# The most bytes that are kept for a decoder that refuses them.
_KEPT = 1024 * 1024


def is_incremental(codec: codecs.CodecInfo) -> bool:
    """Return whether a codec can decode chunk by chunk."""
    return codec.incrementaldecoder is not None and codec.name not in _NOT_INCREMENTAL


def decode_chunks(chunks: Iterator[bytes], codec: codecs.CodecInfo) -> Iterator[str]:
    """Decode a text that arrives in chunks, none of them empty.

    The first chunk holds four bytes, or the whole text if that is shorter.

    Raises:
        UnicodeDecodeError: as `bytes.decode` raises it for the whole text, except that its `object`
            holds only the wrong bytes. The text before them is yielded first.
    """
    first = next(chunks, b"")
    if not first.startswith(_BYTE_ORDER_MARKS.get(codec.name, b"")):
        codec = codecs.lookup(f"{codec.name}-{_ENDIAN}")
    decoder = codec.incrementaldecoder()
    end = 0
    refused = b""
    for chunk in itertools.chain([first], chunks, [b""]):
        is_last = not chunk
        end += len(chunk)
        given = refused + chunk
        state = decoder.getstate()
        try:
            text = decoder.decode(given, is_last)
        except UnicodeError as error:
            # From Python 3.13 on, a decoder that can't keep all bytes has a UnicodeDecodeError too.
            if isinstance(error, UnicodeDecodeError) and error.reason != "pending buffer overflow":
                # Its object is the bytes that the decoder had kept, and those that it was given.
                wrong = error.object[error.start : error.end]
                right = given[: max(error.start - len(error.object) + len(given), 0)]
                decoder.setstate(state)
                yield decoder.decode(right)
                raise moved(error, wrong, end - len(error.object)) from None
            # Python's decoders of ISO 2022 can keep eight bytes; an escape sequence may be longer.
            refused = given
            if is_last or len(refused) > _KEPT:
                raise
            decoder.setstate(state)
        else:
            refused = b""
            yield text


def utf8_error(chunks: Iterable[bytes], start: int, where: str = "") -> Exception:
    """Return the exception for chunks of text that are not UTF-8.

    Args:
        chunks: the text, from a position in front of the wrong bytes on.
        start: that position.
        where: added to the reason.

    Returns:
        A UnicodeDecodeError whose `object` holds only the wrong bytes; or a RuntimeError if the
        text is UTF-8: it was changed after the library had refused it.
    """
    try:
        for _ in decode_chunks(filter(None, chunks), codecs.lookup("utf-8")):
            pass
    except UnicodeDecodeError as error:
        error.reason += where
        return moved(error, error.object, start)
    return RuntimeError("the input was changed while it was counted")


def moved(error: UnicodeDecodeError, data: bytes, offset: int = 0) -> UnicodeDecodeError:
    """Return the exception with another object, for bytes that begin at an offset."""
    start, end = offset + error.start, offset + error.end
    return UnicodeDecodeError(error.encoding, data, start, end, error.reason)
