"""Columns whose rows are Python objects: lists, tuples, any iterable, arrays of objects."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Rows per chunk. They are counted with the GIL held: at 15 ns each, for 1 ms.
_CHUNK = 64 * 1024

# The type of rows, as in _fast_path.c.
UNKNOWN, TEXT, BYTES = range(3)

_NAMES = {TEXT: "str", BYTES: "bytes"}


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
