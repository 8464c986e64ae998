"""Memory: pointers to Python's objects, and the units in it."""

from __future__ import annotations

import operator
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import IS_CPYTHON, InvalidUtf8Error, check, utf8_fault
from doubles_ffi._library.loading import _native, ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    _Update = Callable[[Any, Any, "Pointer", int, int], int]
    _Find = Callable[[Any, "Pointer", int, int, Any, int], int]
    _Collect = Callable[[Any, Any, "Pointer", int, int], int]
    _Squeeze = Callable[[Any, "Pointer", int, int, Any, int, "Pointer", int], int]
    _Measure = Callable[[Any, "Pointer", int], int]

Pointer = Any  # of cffi; or bytes, which cffi passes as one


def new_array(size: int) -> Pointer:
    """Return a new array of zeros, which is freed automatically."""
    return ffi.new("uint8_t[]", size)


def with_buffer(data: Any, *, writable: bool = False) -> Pointer:
    """Return the memory of a contiguous buffer as an array. Use it in a `with`."""
    return ffi.from_buffer("uint8_t[]", data, require_writable=writable)


def pointer_to(address: int) -> Pointer:
    """Return an address as a pointer."""
    return ffi.cast("uint8_t *", address)


def view(pointer: Pointer, size: int = -1) -> memoryview:
    """Return a memoryview of an array, or of `size` bytes from a pointer on."""
    if isinstance(pointer, bytes):
        return memoryview(pointer)
    return memoryview(ffi.buffer(pointer, size))


def held(pointer: Pointer, handle: Any) -> Pointer:
    """Return a pointer into the memory of a handle, which lives as long as the pointer."""
    # The callback holds the handle, does nothing and is in C: a KeyboardInterrupt that comes in a
    # callback in Python would be dropped.
    return ffi.gc(pointer, partial(operator.is_, handle))


def check_text(returned: int, state: Any, end: int, pointer: Pointer, size: int) -> int:
    """Return a result of the library for the next `size` bytes of a stream.

    Arguments are those of `utf8_fault`, and exceptions those of `check`, except for:

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8; with positions in the stream.
    """
    try:
        return check(returned)
    except InvalidUtf8Error:
        raise utf8_fault(state, end, bytes(view(pointer, size))) from None


def export(write: Callable[[Any, Any], int]) -> tuple[Any, Any]:
    """Return Arrow's capsules of a type and an array, which `write` fills in."""
    schema, schema_address = _native.new_schema_capsule()
    array, array_address = _native.new_array_capsule()
    type_ = ffi.cast("DoublesArrowSchema *", schema_address)
    check(write(type_, ffi.cast("DoublesArrowArray *", array_address)))
    return schema, array


class Kind:
    """The units in some memory, by the functions of the library for them.

    `update` takes a summary, a tally or NULL, a pointer, a number of bytes and a limit on threads.
    It returns zero, or a status for `check`.

    `find` takes a finder, a pointer, a number of bytes, the least length of a run, and an array of
    runs with its length, which is at least half the number of bytes and two more, or the number of
    bytes and two more if runs of one unit are wanted. It returns the number of runs that it has
    written, or a status for `check`.

    `collect` takes columns of runs, a finder, a pointer, a number of bytes and the least length of
    a run. It returns zero, or a status for `check`.

    `squeeze` takes a squeezer, a pointer, a number of bytes, the units of a run to keep, a bit for
    each unit that is squeezed with the number of bytes of them, and where to write with the number
    of bytes. It returns the number of bytes that it has written, or a status for `check`.

    `measure` takes the longest run so far, a pointer and a number of bytes. It returns zero, or a
    status for `check`.

    Args:
        function: returns the function of the library for a verb.
    """

    __slots__ = ("collect", "find", "measure", "squeeze", "update")

    def __init__(self, function: Callable[[str], Any]) -> None:
        self.update: _Update = function("update")
        self.find: _Find = function("find")
        self.collect: _Collect = function("runs")
        self.squeeze: _Squeeze = function("squeeze")
        self.measure: _Measure = function("longest")


def _units(name: str) -> Kind:
    return Kind(lambda verb: getattr(lib, f"doubles_{verb}_{name}"))


BYTES = _units("bytes")
UTF8 = _units("utf8")
# In the machine's byte order. Units are never interpreted, so a lone surrogate is a unit.
UTF16 = _units("utf16")
UTF32 = _units("utf32")

# Bytes that are a mark at the beginning of text: no units, but they count in positions of errors.
MARK = Kind(lambda _: lambda *_: 0)

Chunk = tuple[Kind, Pointer, int]  # with the number of bytes


def slices(chunks: Iterable[Chunk], size: int) -> Iterator[Chunk]:
    """Cut chunks that are longer than `size` bytes, a multiple of four."""
    for kind, pointer, length in chunks:
        array = with_buffer(pointer) if isinstance(pointer, bytes) else pointer
        for start in range(0, length, size):
            yield kind, array + start, min(size, length - start)


# By the bytes of a unit. A str of one-byte units is ASCII or Latin-1, whose bytes are code points.
_UNITS = {1: BYTES, 2: UTF16, 4: UTF32}


def str_storage(text: str) -> tuple[Kind, Pointer, int] | None:
    """Return the units of a str, a pointer to them and their number of bytes.

    None on PyPy, and with the stable ABI for text that is not ASCII. The pointer is valid for as
    long as the caller holds `text`, which must be an exact str.
    """
    found = _native.str_storage(text) if IS_CPYTHON else None
    if found is None:
        return None
    unit, address, size = found
    return _UNITS[unit], pointer_to(address), size


# The objects that a `Room` makes: bytes, an ASCII str, or a str stored as one of the kinds.
OF_BYTES, LARGEST_ASCII = -1, 127
LARGEST = {BYTES: 255, UTF16: 0xFFFF, UTF32: sys.maxunicode}

# Bytes of a unit of each.
_WIDTHS = {OF_BYTES: 1, LARGEST_ASCII: 1, 255: 1, 0xFFFF: 2, sys.maxunicode: 4}


class Room:
    """A str or bytes under construction: its memory is written before anyone sees the object.

    To make it of bytes that were written elsewhere would copy them, and the fresh pages of the copy
    would cost more than the text.

    Args:
        largest: the largest character that a str may have, which decides how it is stored, or
            OF_BYTES.
        size: the number of bytes in its memory.

    Raises:
        MemoryError: memory can't hold them.
        NotImplementedError: a str can't be made so, on PyPy and with the stable ABI.
    """

    __slots__ = ("_array", "_room", "_width", "pointer")

    def __init__(self, largest: int, size: int) -> None:
        self._width = _WIDTHS[largest]
        if IS_CPYTHON:
            found = _native.new_room(largest, size // self._width)
            if found is None:  # pragma: no cover: with the stable ABI
                raise NotImplementedError
            self._room, address = found
            self.pointer = pointer_to(address)
            return
        if largest >= 0:  # pragma: no cover: the tests need CPython
            raise NotImplementedError
        self.pointer = self._array = new_array(size)  # pragma: no cover: as above

    def take(self, size: int) -> Any:
        """Return the object, cut to `size` bytes. The memory must not be written afterwards."""
        if IS_CPYTHON:
            return _native.take_room(self._room, size // self._width)
        return bytes(view(self._array, size))  # pragma: no cover: the tests need CPython


def utf32(text: str) -> bytes:
    """Return the UTF-32 of a str, lone surrogates included, in the machine's byte order."""
    if not IS_CPYTHON:  # pragma: no cover: the tests need CPython
        return text.encode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")
    return _native.ucs4(text)  # A tenth of the time that str.encode takes.
