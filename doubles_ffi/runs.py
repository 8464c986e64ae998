"""Runs of equal units: where they are, the longest, and the same input with its runs cut."""

from __future__ import annotations

import codecs
import contextlib
import sys
from collections.abc import Callable, Iterator  # noqa: TC003 (annotations resolve at run time)
from typing import TYPE_CHECKING, Any, cast, overload

from doubles_ffi._input import Data, Opened
from doubles_ffi._input.buffers import BytesLike, hold_still
from doubles_ffi._input.selection import select
from doubles_ffi._input.text import exact
from doubles_ffi._library import at_least_one
from doubles_ffi._library.longest import measure_longest
from doubles_ffi._library.memory import (
    LARGEST,
    LARGEST_ASCII,
    OF_BYTES,
    UTF32,
    Room,
    slices,
    str_storage,
    utf32,
)
from doubles_ffi._library.search import COLLECTED_SLICE, LEAST, Search, find_short, run_columns
from doubles_ffi._library.squeezer import SLICE, Squeezer
from doubles_ffi.counting import tally_doubles
from doubles_ffi.run_columns import Run, Runs

if TYPE_CHECKING:
    from doubles_ffi._library.memory import Chunk

# The encodings whose text can be squeezed without being decoded.
SQUEEZED = {"utf-8", "ascii", "iso8859-1"}


@overload
def find_doubles(
    data: str, *, min_run: int = LEAST, encoding: None = None
) -> Iterator[tuple[int, int, str]]: ...
@overload
def find_doubles(
    data: BytesLike, *, min_run: int = LEAST, encoding: str
) -> Iterator[tuple[int, int, str]]: ...
@overload
def find_doubles(
    data: BytesLike, *, min_run: int = LEAST, encoding: None = None
) -> Iterator[tuple[int, int, int]]: ...
def find_doubles(
    data: Data, *, min_run: int = LEAST, encoding: str | None = None
) -> Iterator[tuple[int, int, Any]]:
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

    Args:
        data: as for `count_doubles`.
        min_run: units of the shortest run to yield. With 1, the runs are all of the input: it is
            run-length encoding.
        encoding: as for `count_doubles`.

    Raises:
        ValueError: `min_run` is below 1.

    The other exceptions are those of `count_doubles`. All are raised when the first run is asked
    for, except for a `UnicodeDecodeError`, which is raised after the runs before it. (In `utf-7`,
    `punycode` and `idna`, and on PyPy in `hz` and ISO 2022, it is raised first.)
    """
    min_run = at_least_one("min_run", min_run)
    short = find_short(data, min_run) if encoding is None else None
    if short is not None:
        yield from short
        return
    is_text = isinstance(data, str) or encoding is not None
    search = Search(min_run)
    with Opened(data, encoding) as found:
        for runs, number in search.runs(found):
            starts, lengths, units = run_columns(runs, number, "start", "length", "unit")
            yield from zip(starts, lengths, map(chr, units) if is_text else units)


def find_runs(data: Data, *, min_run: int = LEAST, encoding: str | None = None) -> Runs[Run]:
    """Return all runs of equal units at once, as columns for NumPy and Arrow.

    >>> runs = find_runs("Mississippi")
    >>> runs[0], runs.start.tolist()
    (Run(start=2, length=2, unit='s'), [2, 5, 8])

    The runs are those of `find_doubles`. They take 20 bytes each.

    With a `min_run` of 1 they describe the input completely, which is run-length encoding:

    >>> runs = find_runs("aaab", min_run=1)
    >>> "".join(unit * length for _, length, unit in runs)
    'aaab'

    Args:
        data: as for `count_doubles`.
        min_run: units of the shortest run to return.
        encoding: as for `count_doubles`.

    Raises:
        ValueError: `min_run` is below 1.
        MemoryError: memory can't hold the runs.

    The other exceptions are those of `count_doubles`.
    """
    search = Search(at_least_one("min_run", min_run), slice_size=COLLECTED_SLICE)
    with Opened(data, encoding) as found:
        columns = search.collect(found)
    return Runs(columns, is_text=isinstance(data, str) or encoding is not None)


def longest_run(data: Data, *, encoding: str | None = None) -> Run | None:
    """Return the longest run of equal units, the first of equals; None if there is no unit.

    >>> longest_run("Mississippi!!!")
    Run(start=11, length=3, unit='!')
    >>> longest_run(b"abb")
    Run(start=1, length=2, unit=98)

    Start and length are in units, and a unit is a character of text or the number of a byte.

    Arguments and exceptions are those of `count_doubles`.
    """
    with Opened(data, encoding) as found:
        longest = measure_longest(found)
    if longest is None:
        return None
    start, length, unit = longest
    is_text = isinstance(data, str) or encoding is not None
    return Run(start, length, chr(unit) if is_text else unit)


@overload
def squeeze_doubles(
    data: str,
    *,
    most: int = 1,
    only: str | Callable[[str], object] | None = None,
    encoding: None = None,
) -> str: ...
@overload
def squeeze_doubles(
    data: BytesLike,
    *,
    most: int = 1,
    only: str | Callable[[str], object] | None = None,
    encoding: str,
) -> bytes: ...
@overload
def squeeze_doubles(
    data: BytesLike,
    *,
    most: int = 1,
    only: BytesLike | Callable[[int], object] | None = None,
    encoding: None = None,
) -> bytes: ...
def squeeze_doubles(
    data: Any, *, most: int = 1, only: Any = None, encoding: str | None = None
) -> str | bytes:
    """Return a copy in which every run of equal units is cut to at most `most` units.

    >>> squeeze_doubles("Mississippi!!!"), squeeze_doubles(b"aaab")
    ('Misisipi!', b'ab')
    >>> squeeze_doubles("sooooo good!!!  100000", most=2, only=str.isalpha)
    'soo good!!!  100000'

    Args:
        data: a str, which gives a str; or any C-contiguous buffer of one-byte items, which gives
            bytes.
        most: units of each run that are kept.
        only: the units whose runs are cut: a str of characters, or bytes for bytes. Or a function
            that is called once with each doubled character, or number of a byte, and returns
            whether to cut its runs. None cuts all runs.
        encoding: says that bytes are text in UTF-8, ASCII or Latin-1. The result has the same
            encoding.

    Raises:
        ValueError: `most` is below 1, `only` is empty, or the encoding is another one.
        TypeError: `only` is of the wrong type.
        MemoryError: memory can't hold the result.

    The other exceptions are those of `count_doubles`.
    """
    most = at_least_one("most", most)
    if isinstance(data, str) and encoding is None:
        text = exact(data)
        return _squeeze_text(text, Squeezer(most, _selection(text, only, None)))
    if encoding is not None and not isinstance(data, str):
        data, encoding = _checked(data, encoding)
    squeezer = Squeezer(most, _selection(data, only, encoding))
    with Opened(data, encoding) as found:
        chunk = next(found)
        return cast("bytes", _squeeze(chunk, squeezer, Room(OF_BYTES, chunk[2])))


def _checked(data: Any, encoding: str) -> tuple[Any, str]:
    """Return text in an encoding as the library squeezes it: UTF-8 or Latin-1."""
    name = codecs.lookup(encoding).name
    if name not in SQUEEZED:
        raise ValueError(f"text in {encoding} can't be squeezed undecoded: decode it first")
    if name == "ascii":
        data = hold_still(data)
        data.decode(name)  # It raises the error for text that is not ASCII.
        return data, "latin-1"
    return data, encoding


def _squeeze_text(text: str, squeezer: Squeezer) -> str:
    """Return a squeezed str. It has the same characters, so it is stored as `text` is."""
    storage = str_storage(text)
    if storage is not None:
        kind, _, size = storage
        largest = LARGEST_ASCII if text.isascii() else LARGEST[kind]
        with contextlib.suppress(NotImplementedError):
            return cast("str", _squeeze(storage, squeezer, Room(largest, size)))
    units = utf32(text)
    room = Room(OF_BYTES, len(units))
    squeezed = cast("bytes", _squeeze((UTF32, units, len(units)), squeezer, room))
    return squeezed.decode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")


def _squeeze(chunk: Chunk, squeezer: Squeezer, room: Room) -> str | bytes:
    """Squeeze one whole input into an object that is as large."""
    kind, _, size = chunk
    written = 0
    for _, pointer, length in slices([chunk], SLICE):
        out = room.pointer + written
        written += squeezer.append(kind, pointer, length, out, size - written)
    squeezer.finish()
    squeezed: str | bytes = room.take(written)
    return squeezed


def _selection(data: Any, only: Any, encoding: str | None) -> bytes | None:
    """Return a bit for each unit, set for those whose runs are cut; None for all units."""
    tally: Any = tally_doubles
    is_text = isinstance(data, str) or encoding is not None
    return select(only, lambda: tally(data, encoding=encoding), is_text=is_text)
