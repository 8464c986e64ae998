"""Columns whose rows are Python objects: lists, tuples, any iterable, arrays of objects."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any, cast

from doubles_ffi._input.columns import is_swapped, open_column
from doubles_ffi._input.text import exact
from doubles_ffi._library.column import UTF32_FORM, Column
from doubles_ffi._library.memory import utf32

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence

# Rows per chunk. They are counted with the GIL held: at 15 ns each, for 1 ms.
_CHUNK = 64 * 1024

# The type of rows, as in _fast_path.c.
UNKNOWN, TEXT, BYTES = range(3)

_NAMES = {TEXT: "str", BYTES: "bytes"}
_TYPES: dict[type, int] = {str: TEXT, bytes: BYTES}


def row_chunks(data: Any) -> Iterator[tuple[Sequence[Any], int, int]]:
    """Yield the rows of an iterable in chunks.

    A chunk is a list or a tuple, with the index of its first row and the index after its last.

    Raises:
        TypeError: `data` is not iterable.
    """
    if type(data) in {list, tuple}:
        for start in range(0, len(data), _CHUNK):
            yield data, start, min(start + _CHUNK, len(data))
        return
    if hasattr(data, "tolist") and hasattr(data, "__len__"):
        # Arrays of NumPy and pandas make objects faster this way; a Series is sliced by `iloc`.
        part = getattr(data, "iloc", data)
        for start in range(0, len(data), _CHUNK):
            chunk = part[start : start + _CHUNK].tolist()
            yield chunk, 0, len(chunk)
        return
    try:
        rows = iter(data)
    except TypeError:
        name = type(data).__name__
        raise TypeError(f"expected a column of strings or bytes, not {name}") from None
    while chunk := list(itertools.islice(rows, _CHUNK)):
        yield chunk, 0, len(chunk)


def pandas_na() -> Any:
    """Return `pandas.NA` if pandas is loaded, else None."""
    return getattr(sys.modules.get("pandas"), "NA", None)


def is_null(row: Any, na: Any) -> bool:
    """Return whether a row is null: None, pandas.NA, or NaN or NaT of any type."""
    if isinstance(row, (str, bytes)):
        return False
    if row is None or row is na:
        return True
    try:
        return bool(row != row)  # noqa: PLR0124 (only NaN and NaT differ from themselves)
    except (ArithmeticError, TypeError, ValueError):  # A signaling NaN, or an array.
        return False


def type_of_row(row: Any, number: int, others: int) -> int:
    """Return the type of a valid row, TEXT or BYTES.

    Args:
        row: the row.
        number: its number, for the error message.
        others: the type of the rows before it, or UNKNOWN.

    Raises:
        TypeError: the row is neither str nor bytes, or of another type than the rows before it.
    """
    found = TEXT if isinstance(row, str) else BYTES if isinstance(row, bytes) else UNKNOWN
    if found == UNKNOWN:
        raise TypeError(f"row {number} is {type(row).__name__}, not str, bytes or null")
    if others not in (UNKNOWN, found):
        raise TypeError(f"row {number} is {_NAMES[found]}, but rows before it are {_NAMES[others]}")
    return found


def columns(data: Any, *, as_utf8: bool = False) -> Iterator[Column]:
    """Yield a column as the library reads it: whole, or in chunks if its rows are Python objects.

    Args:
        data: the column.
        as_utf8: rows that are str become UTF-8. Without this, lone surrogates are units.

    Raises:
        TypeError, ValueError, OSError: as `open_column`; TypeError for a row of another type.
        UnicodeEncodeError: a row can't be UTF-8; the attribute `row` is its number.
    """
    whole = open_column(data)
    if whole is not None and not (whole.form == UTF32_FORM and (as_utf8 or is_swapped(data))):
        yield whole
        return
    if whole is not None:
        import numpy

        data = numpy.asarray(data)
    type_, done = UNKNOWN, 0
    for chunk, first, end in row_chunks(data):
        rows = list(chunk[first:end])
        type_ = _normalize(rows, done, type_)
        yield _packed(rows, done, type_, as_utf8=as_utf8)
        done += len(rows)


def _normalize(rows: list[Any], done: int, others: int) -> int:
    """Make all rows exact str or exact bytes, or None for null; return their type.

    Args:
        rows: the rows, which are changed.
        done: the number of rows before them.
        others: the type of the rows before them, or UNKNOWN.
    """
    types = set(map(type, rows)) - {type(None)}
    if len(types) == 1 and (found := _TYPES.get(types.pop())) and others in (UNKNOWN, found):
        return found
    na = pandas_na()
    for place, row in enumerate(rows):
        if is_null(row, na):
            rows[place] = None
        else:
            others = type_of_row(row, done + place, others)
            rows[place] = exact(row) if others == TEXT else bytes(row)
    return others


def _packed(rows: list[Any], done: int, type_: int, *, as_utf8: bool) -> Column:
    """Copy exact rows into a column, one after the other."""
    empty: Any = "" if type_ == TEXT else b""
    validity = None
    if None in rows:
        bits = "".join("01"[row is not None] for row in reversed(rows))
        validity = int(bits, 2).to_bytes(len(rows) // 8 + 1, "little")
        rows = [empty if row is None else row for row in rows]
    if type_ != TEXT:
        form = "z" if type_ == BYTES else "n"
        return Column.from_rows(b"".join(rows), _offsets(rows), validity, form, done)
    text = "".join(rows)
    if text.isascii():
        return Column.from_rows(text.encode(), _offsets(rows), validity, "u", done)
    if as_utf8:
        encoded = _encoded(rows, done)
        return Column.from_rows(b"".join(encoded), _offsets(encoded), validity, "u", done)
    return Column.from_rows(utf32(text), _offsets(rows, 4), validity, UTF32_FORM, done)


def _offsets(rows: list[Any], unit: int = 1) -> array[int]:
    """Return where each row begins, and where the last one ends."""
    from array import array  # It is a file of its own, which no import should wait for.

    lengths: Iterator[int] = map(len, rows)
    if unit > 1:
        lengths = (unit * length for length in lengths)
    return array("q", itertools.accumulate(lengths, initial=0))


def _encoded(rows: list[str], done: int) -> list[bytes]:
    encoded: list[bytes] = []
    try:
        encoded.extend(map(str.encode, rows))
    except UnicodeEncodeError as error:
        row = done + len(encoded)
        error.reason += f" in row {row}"
        cast("Any", error).row = row
        raise
    return encoded
