"""Which input is accepted, and how it becomes pointers and lengths.

`chunks` accepts one text or one buffer. The chunks of an input are adjacent and share no unit, so a
`Stretch` adds them up one by one. `columns` and `rows` accept many texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from doubles_ffi._decoding import decode_chunks, is_incremental
from doubles_ffi._input.buffers import BytesLike, hold_still, lock
from doubles_ffi._input.encodings import kind_of, utf8_mark, with_object
from doubles_ffi._input.text import exact, text_chunks
from doubles_ffi._library.memory import BYTES, UTF32, view

if TYPE_CHECKING:
    import codecs
    from collections.abc import Generator

    from doubles_ffi._library.memory import Chunk, Kind


Data = str | BytesLike

# Bytes per call of a decoder. They stay in cache.
_CHUNK = 64 * 1024


class Opened:
    """The chunks of an input, for a `with`, where an error of its text gets all of its bytes.

    Arguments and exceptions are those of `chunks`.
    """

    # contextlib.contextmanager would add 3 us to a call, this adds 1 (Zen 4).
    __slots__ = ("_chunks", "_data", "_encoding")

    def __init__(self, data: Data, encoding: str | None) -> None:
        self._data, self._encoding = data, encoding
        self._chunks = chunks(data, encoding)

    def __enter__(self) -> Generator[Chunk]:
        """Return the chunks."""
        return self._chunks

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Unlock a buffer now: PyPy would collect the generator some time later."""
        self._chunks.close()
        if isinstance(error, UnicodeDecodeError):
            # Only bytes with an encoding are decoded.
            data, encoding = cast("BytesLike", self._data), cast("str", self._encoding)
            raise with_object(error, data, encoding) from None


def chunks(data: Data, encoding: str | None) -> Generator[Chunk]:
    """Yield an input chunk by chunk: kind, pointer and length in bytes.

    A pointer is valid until the next chunk is asked for. A buffer is locked until the generator
    ends or is closed.

    Raises:
        TypeError, BufferError, ValueError: as `lock`; TypeError for a str with an encoding.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding. The library checks UTF-8 later.
    """
    if isinstance(data, str):
        if encoding is not None:
            raise TypeError("a str is already decoded: it takes no encoding")
        return text_chunks(exact(data))
    if encoding is None:
        return _whole(data, BYTES, accepted="str or a bytes-like object")
    kind, codec = kind_of(encoding)
    if kind is UTF32:
        return _decoded(data, encoding, codec)
    return _whole(data, kind, codec.name)


def _whole(
    data: BytesLike, kind: Kind, codec: str = "", accepted: str = "a bytes-like object"
) -> Generator[Chunk]:
    if type(data) is bytes and codec != "utf-8-sig":
        yield kind, data, len(data)
        return
    with lock(data, accepted) as array:
        mark = utf8_mark(array, len(array), codec)
        yield kind, array + mark, len(array) - mark


def _decoded(data: BytesLike, encoding: str, codec: codecs.CodecInfo) -> Generator[Chunk]:
    """Decode chunk by chunk if the codec can, else all at once."""
    with lock(data) as array:
        if not is_incremental(codec):
            yield from text_chunks(hold_still(data).decode(encoding))
            return
        memory = view(array)
        encoded = (bytes(memory[i : i + _CHUNK]) for i in range(0, len(memory), _CHUNK))
        for text in decode_chunks(encoded, codec):
            yield from text_chunks(text)
