"""Turning the bytes of a file into units: marks are skipped, and most encodings are decoded."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from doubles_ffi._decoding import decode_chunks, is_incremental
from doubles_ffi._input.encodings import kind_of, utf8_mark
from doubles_ffi._input.text import text_chunks
from doubles_ffi._library.memory import MARK, UTF32
from doubles_ffi.files.reading import Reads, new_buffer, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from doubles_ffi._library.memory import Chunk, Kind
    from doubles_ffi.files.reading import BinaryFile, Path

# The encodings whose text may begin with a mark, and the bytes of the longest one.
_MARKED = {"utf-8-sig", "utf-16", "utf-32"}
_LONGEST_MARK = 4


def kind_in_file(encoding: str | None) -> tuple[Kind, codecs.CodecInfo]:
    """Return the kind of units in a file, UTF-32 if it is decoded first, and the codec of its text.

    Raises:
        LookupError: the encoding is unknown.
    """
    # In Latin-1 each byte is a unit, as it is without an encoding.
    return kind_of("latin-1" if encoding is None else encoding)


def content(reads: Reads, kind: Kind, codec: codecs.CodecInfo) -> Iterator[Chunk]:
    """Yield each read as kind, pointer and length in bytes. A pointer is valid until the next.

    UTF-8 is left to the library to check.

    Raises:
        UnicodeDecodeError: the bytes are not text.
    """
    if kind is UTF32:
        for text in _texts(reads, codec):
            yield from text_chunks(text)
        return
    sizes = iter(reads)
    size = next(sizes)
    mark = utf8_mark(reads.buffer, size, codec.name)
    if mark:
        yield MARK, reads.buffer, mark
    yield kind, reads.buffer + mark, size - mark
    for size in sizes:
        yield kind, reads.buffer, size


def read_chunks(file: Path | BinaryFile, encoding: str | None) -> Iterator[Chunk]:
    """Yield the content of a file, as `content` does, as soon as it can be read.

    Arguments and exceptions are those of `count_file`.
    """
    kind, codec = kind_in_file(encoding)
    with opened(file) as stream:
        yield from content(_available(stream, codec), kind, codec)


def read_texts(file: Path | BinaryFile, encoding: str | None) -> Iterator[str]:
    """Yield the content of a file as text, as soon as it can be read.

    Arguments and exceptions are those of `count_file`. Without an encoding, a byte becomes the
    character of the same number.
    """
    codec = codecs.lookup("latin-1" if encoding is None else encoding)
    with opened(file) as stream:
        yield from _texts(_available(stream, codec), codec)


def _available(file: BinaryFile, codec: codecs.CodecInfo) -> Reads:
    """Return reads of the bytes that are available; a decoder needs all of a mark at once."""
    first = _LONGEST_MARK if codec.name in _MARKED else 1
    return Reads(file, new_buffer(), full=False, first=first)


def _texts(reads: Reads, codec: codecs.CodecInfo) -> Iterable[str]:
    """Decode read by read if the codec can, else all at once."""
    chunks = (bytes(reads.memory[:size]) for size in reads if size)
    if is_incremental(codec):
        return decode_chunks(chunks, codec)
    return [b"".join(chunks).decode(codec.name)]
