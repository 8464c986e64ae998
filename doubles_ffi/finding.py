"""Where doubles are: runs of equal units."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator  # noqa: TC003 (annotations resolve at run time)
from typing import TYPE_CHECKING, Any, cast, overload

from doubles_ffi._decoding import utf8_error
from doubles_ffi._input import Data, pieces
from doubles_ffi._input.buffers import BytesLike  # noqa: TC001 (the same)
from doubles_ffi._input.encodings import with_object
from doubles_ffi._library import (
    InvalidUtf8Error,
    check,
    find_end,
    new_finder,
    new_runs,
    run_columns,
    view,
    with_buffer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from doubles_ffi._input import Piece
    from doubles_ffi._library import Kind, Pointer

__all__ = ["LEAST", "Search", "find_doubles"]

# Units of the shortest run that is one.
LEAST = 2

# Bytes per call into the library, which stay in cache, and so do the runs in usual text.
_CHUNK = 64 * 1024


@overload
def find_doubles(data: str, *, encoding: None = None) -> Iterator[tuple[int, int, str]]: ...
@overload
def find_doubles(data: BytesLike, *, encoding: str) -> Iterator[tuple[int, int, str]]: ...
@overload
def find_doubles(data: BytesLike, *, encoding: None = None) -> Iterator[tuple[int, int, int]]: ...
def find_doubles(data: Data, *, encoding: str | None = None) -> Iterator[tuple[int, int, Any]]:
    """Yield where doubles are: start, length and unit of each run of equal units.

    >>> list(find_doubles("Mississippi"))
    [(2, 2, 's'), (5, 2, 's'), (8, 2, 'p')]
    >>> list(find_doubles(b"aaab"))
    [(0, 3, 97)]

    Start and length are in units, and a unit is a character of text or the number of a byte. A run
    of `n` units holds `n - 1` doubles, so that the sum of those is what `count_doubles` returns.

    The runs are found while they are asked for, some at a time. A buffer can't be resized before
    the last one has been asked for, or the iterator is closed. The iterator belongs to one thread,
    as any generator does.

    Arguments and exceptions are those of `count_doubles`; they are raised when the first run is
    asked for. What is wrong with text, after the runs before it; except in `utf-7`, `punycode` and
    `idna`, and on PyPy in `hz` and ISO 2022.
    """
    is_text = isinstance(data, str) or encoding is not None
    search = Search()
    found = pieces(data, encoding)
    try:
        for runs, number in search.runs(found):
            starts, lengths, units = run_columns(runs, number, "start", "length", "unit")
            yield from zip(starts, lengths, map(chr, units) if is_text else units)
    except UnicodeDecodeError as error:
        # As for `count_doubles`.
        raise with_object(error, cast("BytesLike", data), cast("str", encoding)) from None
    finally:
        found.close()  # It holds the buffer, and PyPy would collect it some time later.


class Search:
    """Searches one stream.

    Args:
        least: units of the shortest run to find.
        chunk: bytes per call into the library.
        rooms: how many of the last answers stay valid.
    """

    def __init__(self, least: int = LEAST, *, chunk: int = _CHUNK, rooms: int = 1) -> None:
        self._least = least
        self._chunk = chunk
        self._finder = new_finder()
        self._end = 0  # bytes searched
        self._rooms: deque[tuple[Any, int]] = deque([(None, 0)] * rooms)

    def runs(self, pieces: Iterable[Piece]) -> Iterator[tuple[Any, int]]:
        """Search adjacent pieces, and yield runs and how many they are, again and again.

        Raises:
            UnicodeDecodeError: after the runs before it.
        """
        try:
            for kind, pointer, size in self._chunks(pieces):
                try:
                    found = self._find(kind, pointer, size)
                except InvalidUtf8Error:
                    error = self._fault(bytes(view(pointer, size)))
                    if isinstance(error, UnicodeDecodeError):
                        with contextlib.suppress(InvalidUtf8Error):  # It has changed meanwhile.
                            yield self._find(kind, pointer, max(error.start - self._end, 0))
                    raise error from None
                yield found
                self._end += size
            if self._finder.tail_len:
                raise self._fault(b"")
        except UnicodeDecodeError:
            yield self._last()
            raise
        yield self._last()

    def _find(self, kind: Kind, pointer: Pointer, size: int) -> tuple[Any, int]:
        runs, room = self._room(size // 2 + 2)  # as many as there can be
        number = check(kind.find(self._finder, pointer, size, self._least, runs, room))
        self._rooms.rotate(-1)  # Not where it fails: the next room may hold an answer in use.
        return runs, number

    def _last(self) -> tuple[Any, int]:
        runs, _ = self._room(1)
        return runs, find_end(self._finder, self._least, runs)

    def _room(self, number: int) -> tuple[Any, int]:
        """Return the room of the oldest answer, if so many runs fit it, or a new one."""
        if number > self._rooms[0][1]:
            self._rooms[0] = new_runs(number), number
        return self._rooms[0]

    def _fault(self, new: bytes) -> Exception:
        """Return the exception for UTF-8 that can't come next."""
        tail = bytes(self._finder.tail)[: self._finder.tail_len]
        return utf8_error([tail, new], self._end - len(tail))

    def _chunks(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Cut pieces that are long."""
        for kind, pointer, size in pieces:
            array = with_buffer(pointer) if isinstance(pointer, bytes) else pointer
            for start in range(0, size, self._chunk):
                yield kind, array + start, min(self._chunk, size - start)
