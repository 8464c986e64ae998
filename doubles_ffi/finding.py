"""Where doubles are: runs of equal units."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 (annotations resolve at run time)
from typing import Any, cast, overload

from doubles_ffi._input import Data, pieces
from doubles_ffi._input.buffers import BytesLike  # noqa: TC001 (annotations resolve at run time)
from doubles_ffi._input.encodings import with_object
from doubles_ffi._library.search import Search, run_columns

__all__ = ["find_doubles"]


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
