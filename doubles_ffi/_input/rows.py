"""Columns whose rows are Python objects: lists, tuples, any iterable, arrays of objects."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BYTES", "TEXT", "UNKNOWN", "is_null", "kind_of_row", "pandas_na", "row_chunks"]

# Rows per chunk, which are counted with the GIL held: at 15 ns each, 1 ms.
_CHUNK = 64 * 1024

# What rows are, as _native.c has it.
UNKNOWN, TEXT, BYTES = range(3)

_NAMES = {TEXT: "str", BYTES: "bytes"}


def row_chunks(data: Any) -> Iterator[tuple[Sequence[Any], int, int]]:
    """Yield the rows of anything that can be iterated over, many at a time.

    They come as a list or a tuple, where the first of them is in it, and where they end.

    Raises:
        TypeError: `data` can't be iterated over.
    """
    if type(data) in {list, tuple}:
        for start in range(0, len(data), _CHUNK):
            yield data, start, min(start + _CHUNK, len(data))
        return
    if hasattr(data, "tolist") and hasattr(data, "__len__"):
        # Arrays of NumPy and pandas make objects faster so; pandas has positions in `iloc`.
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
    """Return what stands for null in pandas, if that is loaded, else None."""
    return getattr(sys.modules.get("pandas"), "NA", None)


def is_null(row: Any, na: Any) -> bool:
    """Return whether a row is null: None, pandas.NA, or NaN or NaT of any type."""
    if isinstance(row, (str, bytes)):
        return False
    if row is None or row is na:
        return True
    try:
        return bool(row != row)  # noqa: PLR0124 (only NaN and NaT differ from themselves)
    except (ArithmeticError, TypeError, ValueError):  # An array, or a signaling NaN.
        return False


def kind_of_row(row: Any, number: int, others: int) -> int:
    """Return what a row is that is not null.

    Args:
        row: the row.
        number: its number, for the error message.
        others: what the rows before it are, or UNKNOWN.

    Raises:
        TypeError: it is neither str nor bytes, or not what the others are.
    """
    kind = TEXT if isinstance(row, str) else BYTES if isinstance(row, bytes) else UNKNOWN
    if kind == UNKNOWN:
        raise TypeError(f"row {number} is {type(row).__name__}, not str, bytes or null")
    if others not in (UNKNOWN, kind):
        raise TypeError(f"row {number} is {_NAMES[kind]}, but rows before it are {_NAMES[others]}")
    return kind
