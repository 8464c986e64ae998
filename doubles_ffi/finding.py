"""Where doubles are: runs of equal units."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 (annotations resolve at run time)
from typing import TYPE_CHECKING, Any, cast, overload

from doubles_ffi._input import Data, pieces
from doubles_ffi._input.buffers import BytesLike  # noqa: TC001 (the same)
from doubles_ffi._input.encodings import with_object
from doubles_ffi._library import (
    UTF8,
    check,
    find_end,
    new_finder,
    new_runs,
    run_columns,
    with_buffer,
)
from doubles_ffi._stretch import Stretch

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
    the last one has been asked for, or the iterator is closed.

    Arguments and exceptions are those of `count_doubles`; they are raised when the first run is
    asked for. What is wrong with text, after the runs before it; except in `utf-7`, `punycode` and
    `idna`.
    """
    is_text = isinstance(data, str) or encoding is not None
    search = Search()
    try:
        for number in search.runs(pieces(data, encoding)):
            starts, lengths, units = run_columns(search.found, number, "start", "length", "unit")
            yield from zip(starts, lengths, map(chr, units) if is_text else units)
    except UnicodeDecodeError as error:
        # As for `count_doubles`.
        raise with_object(error, cast("BytesLike", data), cast("str", encoding)) from None


class Search:
    """Searches one stream.

    Args:
        least: units of the shortest run to find.
    """

    def __init__(self, least: int = LEAST) -> None:
        self._least = least
        self._finder = new_finder()
        self._stretch = Stretch(tally=False, is_part=False)  # of UTF-8, to validate it
        self._room = 1
        self.found = new_runs(self._room)

    def runs(self, pieces: Iterable[Piece]) -> Iterator[int]:
        """Search adjacent pieces, and yield how many runs are in `found`, again and again.

        Raises:
            UnicodeDecodeError: after the runs before it.
        """
        try:
            for kind, pointer, size in _chunks(pieces):
                before = self._stretch.end
                try:
                    if kind is UTF8:
                        self._stretch.append(kind, pointer, size, 1)
                except UnicodeDecodeError as error:
                    yield self._find(kind, pointer, max(error.start - before, 0))
                    raise
                yield self._find(kind, pointer, size)
            self._stretch.finish()
        except UnicodeDecodeError:
            yield find_end(self._finder, self._least, self.found)
            raise
        yield find_end(self._finder, self._least, self.found)

    def _find(self, kind: Kind, pointer: Pointer, size: int) -> int:
        room = size // 2 + 2  # as many as there can be
        if room > self._room:
            self.found, self._room = new_runs(room), room
        return check(kind.find(self._finder, pointer, size, self._least, self.found, self._room))


def _chunks(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Cut pieces that are long."""
    for kind, pointer, size in pieces:
        array = with_buffer(pointer) if isinstance(pointer, bytes) else pointer
        for start in range(0, size, _CHUNK):
            yield kind, array + start, min(_CHUNK, size - start)
