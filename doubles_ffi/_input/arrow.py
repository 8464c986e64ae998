"""Columns that come with a protocol: Arrow's capsules, NumPy's array interface.

None of the libraries that have them is imported. Other columns are for `rows` to go through.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from doubles_ffi._library import (
    ColumnTypeError,
    column_type,
    import_capsules,
    import_padded,
    import_stream,
    new_column,
    release,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

__all__ = ["Column", "is_column", "open_column"]

_TEXT_FORMATS = {"u", "U", "vu", "n"}

# Bytes per unit of NumPy's types. Zeros at the end of a row are padding.
_UNITS = {"S": 1, "U": 4}

# How NumPy's type of strings of any length begins, and how it did so in NumPy 2.2.
_STRINGS = ("StringDType", "|T")

# What columns have one of, and what else has no buffer has none of.
_PROTOCOLS = ("__iter__", "__arrow_c_stream__", "__arrow_c_array__", "columns")


class Column:
    """A column as the library reads it.

    Attributes:
        handle: the library's column.
        is_text: whether its units are code points.
        owner: what keeps its memory alive.
    """

    __slots__ = ("handle", "is_text", "owner")

    def __enter__(self) -> Self:
        """Return the column, which is released afterwards."""
        return self

    def __exit__(self, *error: object) -> None:
        """Release it, whether or not it was counted to its end."""
        release(self.handle)

    def __init__(self, handle: Any, *, is_text: bool, owner: Any = None) -> None:
        self.handle = handle
        self.is_text = is_text
        self.owner = owner


def open_column(data: Any) -> Column | None:
    """Return a column that offers a protocol; None if its rows are objects to go through.

    Raises:
        TypeError: it is a table, of another type than strings or bytes, or no column at all.
        ValueError: a capsule is used up, or malformed.
        OSError: an Arrow stream fails.
    """
    if isinstance(data, (str, bytes, bytearray, memoryview)):
        raise _not_a_column(data, "; count_doubles counts one")
    if isinstance(data, (dict, set, frozenset)):
        raise _not_a_column(data)
    if getattr(getattr(data, "dtype", None), "char", None) == "O":
        _check_dimensions(data.ndim)
        return None  # NumPy's objects, in pandas too, whose conversion to Arrow names no row.
    source = _arrow_source(data)
    try:
        column = _from_capsules(source)
    except ImportError:  # pandas has the protocol, and needs pyarrow for it.
        column = None
    if column is None and hasattr(data, "__array_interface__"):
        return _from_numpy(data)
    if column is None and hasattr(data, "columns"):
        raise _is_a_table(data.columns)
    return column


def is_column(data: Any) -> bool:
    """Tell whether data is many texts, and not one str or one buffer."""
    if isinstance(data, (str, bytes, bytearray, memoryview)):
        return False
    interface = getattr(data, "__array_interface__", None)
    if interface is not None and _is_text(interface["typestr"]):
        return True  # NumPy gives most of them a buffer as well.
    try:
        memoryview(data).release()
    except TypeError:
        return any(hasattr(data, name) for name in _PROTOCOLS)
    except (BufferError, ValueError):
        pass  # It has a buffer that can't be read now.
    return False


def _arrow_source(data: Any) -> Any:
    """Return `data`, or of a Series of pandas 2, which lacks the protocol, the array of pyarrow."""
    if "pyarrow" not in sys.modules or hasattr(data, "__arrow_c_stream__"):
        return data
    convert = getattr(getattr(data, "array", None), "__arrow_array__", None)
    return data if convert is None else convert()


def _from_capsules(source: Any) -> Column | None:
    handle = new_column()
    try:
        if hasattr(source, "__arrow_c_stream__"):
            import_stream(handle, source.__arrow_c_stream__())
        elif hasattr(source, "__arrow_c_array__"):
            import_capsules(handle, *source.__arrow_c_array__())
        else:
            return None
        form, _ = column_type(handle)
        return Column(handle, is_text=form in _TEXT_FORMATS)
    except ColumnTypeError:
        form, names = column_type(handle)
        release(handle)
        if form == "+s":
            raise _is_a_table(names) from None
        raise TypeError(
            f"expected a column of strings or bytes, not one of Arrow format {form!r}"
        ) from None
    except BaseException:
        release(handle)
        raise


def _from_numpy(data: Any) -> Column | None:
    interface = data.__array_interface__
    kind, shape = interface["typestr"], interface["shape"]
    _check_dimensions(len(shape))
    if kind.startswith(_STRINGS) or _is_masked(data):
        return None
    unit = _UNITS.get(kind[1:2])
    if unit is None:
        raise TypeError(f"expected a column of strings or bytes, not an array of type {kind!r}")
    (rows,), width = shape, int(kind[2:]) * unit
    (stride,) = interface["strides"] or (width,)
    handle = new_column()
    import_padded(handle, interface["data"][0], rows, width, stride, unit)
    return Column(handle, is_text=unit > 1, owner=data)


def _is_text(kind: str) -> bool:
    """Tell whether NumPy's arrays of a type are columns of strings, bytes or objects."""
    return kind.startswith(_STRINGS) or kind[1:2] in {*_UNITS, "O"}


def _check_dimensions(number: int) -> None:
    if number != 1:
        raise TypeError(f"expected a column, not an array of {number} dimensions")


def _is_masked(data: Any) -> bool:
    module = sys.modules.get("numpy.ma")
    return module is not None and isinstance(data, module.MaskedArray)


def _not_a_column(data: Any, hint: str = "") -> TypeError:
    return TypeError(f"expected a column of strings or bytes, not {type(data).__name__}{hint}")


def _is_a_table(names: Iterable[Any]) -> TypeError:
    columns = ", ".join(map(repr, names)) or "none"
    return TypeError(f"expected a column, not a table; pass one of its columns: {columns}")
