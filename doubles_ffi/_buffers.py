"""The only place that decides which input is accepted, and how it becomes pointer and length.

`pieces` is the way in: any input becomes pieces that the library can take, of one of three kinds. A
piece begins with the last unit of the one before, so that each pair of neighbours lies within one.
"""

from __future__ import annotations

import codecs
import functools
import itertools
import operator
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import check, ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    Pointer = Any  # a cffi pointer, or bytes, which cffi passes as one
    BytesLike = Buffer
    Data = str | BytesLike
    Piece = tuple["Kind", Pointer, int]

__all__ = [
    "CONTINUATION",
    "IS_CPYTHON",
    "POINTER_PAYS",
    "SLICE",
    "TALLY_SLICE",
    "Kind",
    "adjacent_pieces",
    "blank_ascii",
    "decode_blocks",
    "exact",
    "hold_still",
    "in_blocks",
    "kind_of",
    "lock",
    "moved_error",
    "pieces",
    "thread_limit",
    "utf8",
    "utf8_error",
    "utf8_mark",
]

# Bytes per piece of what lies in memory already. Python handles signals between pieces: at 5 GB/s,
# every 13 ms.
SLICE = 64 * 1024 * 1024

# The same for a tally: text that is all doubles goes at 0.3 GB/s.
TALLY_SLICE = 8 * 1024 * 1024

# Others have neither this API nor strings that are arrays.
IS_CPYTHON = sys.implementation.name == "cpython"

# From this length on, asking CPython for the bytes of an ASCII str costs less than copying them.
POINTER_PAYS = 16 * 1024

# Bytes per call of a decoder, and code points per block of UTF-32: 256 KiB, which stay in cache.
_BLOCK = 64 * 1024

_ENDIAN = "le" if sys.byteorder == "little" else "be"

# Codecs whose incremental decoders do not decode (punycode, idna), or keep all there is (utf-7).
_NOT_IN_BLOCKS = {"idna", "punycode", "utf-7"}

# How text begins for these decoders. Without a mark, `bytes.decode` takes the machine's order.
_BYTE_ORDER_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}

# The names of UTF-8 without and with a mark at its beginning.
_UTF8 = {"utf-8", "utf-8-sig"}

# The bytes of a code point after its first, in UTF-8.
CONTINUATION = range(0x80, 0xC0)


class Kind(Enum):
    """What the units of a piece are."""

    BYTES = "bytes"
    UTF8 = "code points as UTF-8, which the library validates"
    UTF32 = "code points as UTF-32, in the machine's byte order"


def pieces(data: Data, encoding: str | None, size: int | None = None) -> Iterator[Piece]:
    """Yield any input as kind, pointer and length in bytes, piece by piece.

    What lies in memory as the library takes it comes in pieces of `size` bytes, or of SLICE. A
    pointer is good until the next piece is asked for.

    Raises:
        TypeError, BufferError, ValueError: as `lock`; TypeError for a str with an encoding.
        LookupError: the encoding is not known.
        UnicodeDecodeError: the bytes are not text in that encoding. UTF-8 is left to the library to
            check, and `utf8_error` makes the exception.
    """
    size = size or SLICE
    if isinstance(data, str):
        if encoding is not None:
            raise TypeError("a str is already decoded: it takes no encoding")
        return _text(exact(data), size)
    if encoding is None:
        return _bytes(data, size)
    kind, codec = kind_of(encoding)
    if kind is Kind.BYTES:
        return _bytes(data, size)
    if kind is Kind.UTF8:
        return _utf8(data, codec.name, size)
    return _decoded(data, encoding, codec, size)


def kind_of(encoding: str) -> tuple[Kind, codecs.CodecInfo]:
    """Return what text in an encoding is counted as, and its codec; as UTF-32, after decoding it.

    Raises:
        LookupError: the encoding is not known.
    """
    codec = codecs.lookup(encoding)
    if codec.name == "iso8859-1":  # latin-1: a code point is a byte
        return Kind.BYTES, codec
    if codec.name in _UTF8:
        return Kind.UTF8, codec
    "".encode(encoding)  # A LookupError for the codecs that are no text encodings.
    return Kind.UTF32, codec


def thread_limit(threads: int | None) -> int:
    """Return a limit on threads as the library takes it: 0 is its own choice.

    Raises:
        ValueError: `threads` is below 1.
    """
    if threads is None:
        return 0
    threads = operator.index(threads)
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    return min(threads, sys.maxsize)


def lock(data: BytesLike, *, writable: bool = False) -> Any:
    """Return a bytes-like object's memory as a cffi array, without a copy.

    The memory can neither move nor shrink until the array is released: use it in a `with`.

    Raises:
        TypeError: `data` has no buffer, or its items are larger than a byte.
        BufferError: its items do not lie side by side, or can't be written though they have to be.
        ValueError: it is released or closed.
    """
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"expected str or a bytes-like object, not {type(data).__name__}") from None
    with view:
        if view.itemsize != 1:
            raise TypeError(
                f"items of format {view.format!r} take {view.itemsize} bytes each; to count their "
                'bytes, pass .view(numpy.uint8) or memoryview(x).cast("B")'
            )
        if not view.c_contiguous:
            raise BufferError("the buffer is not C-contiguous; pass a copy")
        if writable and view.readonly:
            raise BufferError("the buffer is read-only")
    return ffi.from_buffer("uint8_t[]", data, require_writable=writable)


def exact(text: str) -> str:
    """Return a str itself, or as one what a subclass holds, which may claim another length."""
    return text if type(text) is str else str.__str__(text)


def utf8(text: str) -> tuple[Pointer, int]:
    """Return the UTF-8 of a str as pointer and length, without a copy where it is long and ASCII.

    The pointer is good for as long as the caller holds `text` and the tuple.

    Raises:
        UnicodeEncodeError: `text` has a lone surrogate, for which UTF-8 has no bytes.
    """
    if len(text) < POINTER_PAYS:
        encoded = text.encode()
        return encoded, len(encoded)
    if text.isascii() and IS_CPYTHON:
        return ffi.cast("uint8_t *", _as_utf8()(text, None)), len(text)
    array = ffi.from_buffer("uint8_t[]", text.encode())
    return array, len(array)


def blank_ascii(length: int) -> tuple[str, Pointer]:
    """Return a new ASCII str and where to write its characters, before anyone else sees it.

    Making a str from written bytes takes another copy, whose fresh pages cost more than the text.

    Raises:
        MemoryError: so much text does not fit the memory.
    """
    text = _new_unicode()(length, 127)
    return text, ffi.cast("uint8_t *", _as_utf8()(text, None))


def hold_still(data: BytesLike) -> bytes:
    """Return the bytes of `data` where no other thread can change them: themselves, or a copy.

    Raises:
        TypeError, BufferError, ValueError: as `lock`.
    """
    if type(data) is bytes:  # A subclass may claim another length than it has.
        return data
    with lock(data) as array:
        return bytes(ffi.buffer(array))


def utf8_error(data: Any, encoding: str | None) -> Exception:
    """Return the exception that `bytes.decode` raises for bytes that turned out not to be UTF-8."""
    with lock(data) as array:
        mark = utf8_mark(ffi.buffer(array), codecs.lookup(encoding or "utf-8").name)
        start = check(lib.doubles_valid_utf8(array + mark, len(array) - mark))
        # What is wrong shows within the four bytes that a code point has at most.
        wrong = bytes(ffi.buffer(array)[mark + start : mark + start + 4])
    try:
        wrong.decode()
    except UnicodeDecodeError as error:
        text = hold_still(data)[mark:]
        return UnicodeDecodeError("utf-8", text, start, start + error.end, error.reason)
    return RuntimeError("the buffer was changed while it was counted")


def utf8_mark(memory: Any, name: str) -> int:
    """Return how many bytes at the beginning are no text but a mark that says it is UTF-8."""
    length = len(codecs.BOM_UTF8)
    return length if name == "utf-8-sig" and memory[:length] == codecs.BOM_UTF8 else 0


def moved_error(error: UnicodeDecodeError, offset: int) -> UnicodeDecodeError:
    """Return the exception for bytes that begin at an offset, holding the wrong ones only."""
    wrong = error.object[error.start : error.end]
    start, end = offset + error.start, offset + error.end
    return UnicodeDecodeError(error.encoding, wrong, start, end, error.reason)


def _bytes(data: BytesLike, size: int) -> Iterator[Piece]:
    with lock(data) as array:
        yield from _slices(array, len(array), size)


def _slices(pointer: Pointer, length: int, size: int) -> Iterator[Piece]:
    for end in range(size, length + size, size):
        start = max(end - size - 1, 0)
        yield Kind.BYTES, pointer + start, min(end, length) - start


def _utf8(data: BytesLike, name: str, size: int) -> Iterator[Piece]:
    with lock(data) as array:
        start, length = utf8_mark(ffi.buffer(array), name), len(array)
        while start < length:
            end = min(start + size, length)
            if end < length:
                end = _code_point_start(array, end)
            yield Kind.UTF8, array + start, end - start
            start = _code_point_start(array, end - 1) if end < length else length


def _code_point_start(array: Pointer, index: int) -> int:
    """Return where the code point begins that has a byte at `index`; if it is one, else near it."""
    for start in range(index, max(index - 3, 0), -1):
        if array[start] not in CONTINUATION:
            return start
    return max(index - 3, 0)


def adjacent_pieces(text: str) -> Iterator[Piece]:
    """Yield a str as pieces that share no unit, for summaries."""
    for start in range(0, len(text), _BLOCK):
        yield from _text(text[start : start + _BLOCK], SLICE)


def _text(text: str, size: int) -> Iterator[Piece]:
    if text.isascii():
        pointer, length = utf8(text)
        if isinstance(pointer, bytes):
            yield Kind.BYTES, pointer, length
        else:
            yield from _slices(pointer, length, size)
    else:
        yield from _utf32(text)


def _utf32(text: str) -> Iterator[Piece]:
    """Lone surrogates are kept."""
    ends = range(_BLOCK, len(text) + _BLOCK, _BLOCK)
    blocks = (text[max(end - _BLOCK - 1, 0) : end] for end in ends)
    if len(text) < POINTER_PAYS or not IS_CPYTHON:
        for block in blocks:
            units = block.encode(f"utf-32-{_ENDIAN}", "surrogatepass")
            yield Kind.UTF32, units, len(units)
        return
    as_ucs4 = _as_ucs4()
    buffer = ffi.new("uint32_t[]", _BLOCK + 1)
    address = int(ffi.cast("uintptr_t", buffer))
    pointer = ffi.cast("uint8_t *", buffer)
    for block in blocks:
        as_ucs4(block, address, len(block), 0)
        yield Kind.UTF32, pointer, len(block) * ffi.sizeof("uint32_t")


def _decoded(data: BytesLike, encoding: str, codec: codecs.CodecInfo, size: int) -> Iterator[Piece]:
    """Decode block by block where that can be done, else all at once."""
    with lock(data) as array:
        if not in_blocks(codec):
            yield from _text(hold_still(data).decode(encoding), size)
            return
        memory = ffi.buffer(array)
        blocks = (memory[i : i + _BLOCK] for i in range(0, len(memory), _BLOCK))
        last = ""
        try:
            for text in decode_blocks(blocks, codec):
                yield from _text(last + text, size)
                last = text[-1:] or last
        except UnicodeError:
            hold_still(data).decode(encoding)  # Raises the same, with all of the bytes.
            raise


def in_blocks(codec: codecs.CodecInfo) -> bool:
    """Tell whether a codec can decode block by block."""
    return codec.incrementaldecoder is not None and codec.name not in _NOT_IN_BLOCKS


def decode_blocks(blocks: Iterator[bytes], codec: codecs.CodecInfo) -> Iterator[str]:
    """Decode the blocks of a text, the first of which has four bytes or is all there is.

    Raises:
        UnicodeDecodeError: with positions in all of the text.
    """
    first = next(blocks, b"")
    if not first.startswith(_BYTE_ORDER_MARKS.get(codec.name, b"")):
        codec = codecs.lookup(f"{codec.name}-{_ENDIAN}")
    decoder = codec.incrementaldecoder()
    end = 0
    try:
        for block in itertools.chain([first], blocks):
            end += len(block)
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # Its object is what the decoder had kept, and the block.
        raise moved_error(error, end - len(error.object)) from None


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
    """Return PyUnicode_AsUCS4, which widens a str into a buffer of so many units."""
    import ctypes

    arguments = (ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, *arguments)
    return prototype(("PyUnicode_AsUCS4", ctypes.pythonapi))


@functools.cache
def _new_unicode() -> Callable[[int, int], str]:
    """Return PyUnicode_New, which makes a str of so many characters, for its caller to write."""
    import ctypes

    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_ssize_t, ctypes.c_uint32)
    return prototype(("PyUnicode_New", ctypes.pythonapi))
