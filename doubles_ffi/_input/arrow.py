"""Columns that come with a protocol: Arrow's capsules, NumPy's array interface.

None of the libraries that have them is imported. Other columns are for `rows` to go through.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MappingView, Reversible
from collections.abc import Set as AbstractSet
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
    if type(data) in (list, tuple):
        return None
    _check_order(data)
    dtype = getattr(data, "dtype", None)
    if getattr(dtype, "char", None) == "O":
        _check_dimensions(data.ndim)
        return None  # NumPy's objects, in pandas too, whose conversion to Arrow names no row.
    if type(dtype).__name__ == "Object":
        return None  # polars exports the addresses of such rows, as if they were their bytes.
    column = _from_capsules(data)
    if column is not None:
        return column
    if hasattr(data, "__array_interface__"):
        return _from_numpy(data)
    if hasattr(data, "columns"):
        raise _is_a_table(data.columns)
    if _has_buffer(data):
        raise _is_one_text(data)
    return None


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


def _check_order(data: Any) -> None:
    """Raise the exception for one text, and for a collection without an order of rows."""
    if isinstance(data, (str, bytes, bytearray, memoryview)):
        raise _is_one_text(data)
    if isinstance(data, Mapping):
        raise _not_a_column(data, "; pass its keys() or its values()")
    if isinstance(data, AbstractSet) and not isinstance(data, (MappingView, Reversible)):
        raise _not_a_column(data, ", which has no order")


def _has_buffer(data: Any) -> bool:
    """Return whether data is one text in a buffer, such as an mmap."""
    try:
        memoryview(data).release()
    except TypeError:
        return False
    except (BufferError, ValueError):
        return True  # It can't be read now.
    return True


def _capsules(data: Any) -> tuple[Any, ...]:
    """Return the capsules that an object offers: of a stream, of a type and an array, or none.

    pandas converts most of its arrays. It needs pyarrow for that, and can't convert sparse arrays
    and categories of several types: then there are no capsules, and rows are taken as objects.
    """
    try:
        source = _arrow_source(data)
        if hasattr(source, "__arrow_c_stream__"):
            return (source.__arrow_c_stream__(),)
        return source.__arrow_c_array__() if hasattr(source, "__arrow_c_array__") else ()
    except ImportError:
        return ()
    except (TypeError, ValueError):
        if hasattr(data, "tolist"):
            return ()
        raise


def _from_capsules(data: Any) -> Column | None:
    capsules = _capsules(data)
    if not capsules:
        return None
    handle = new_column()
    try:
        (import_capsules if capsules[1:] else import_stream)(handle, *capsules)
        form, _ = column_type(handle)
        return Column(handle, is_text=form in _TEXT_FORMATS)
    except ColumnTypeError:
        form, names = column_type(handle)
        release(handle)
        if form == "+s":
            raise _is_a_table(names) from None
        if form == "+r":
            raise TypeError(
                "expected a column of strings or bytes, not a run-end encoded one; decode it "
                "first, as pyarrow.compute.run_end_decode does"
            ) from None
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
    if names := getattr(getattr(data, "dtype", None), "names", None):
        raise _is_a_table(names)
    if kind.startswith(_STRINGS) or _is_masked(data):
        return None
    unit = _UNITS.get(kind[1:2])
    if unit is None:
        raise TypeError(f"expected a column of strings or bytes, not an array of type {kind!r}")
    (rows,), width = shape, int(kind[2:]) * unit
    if interface["strides"] not in (None, (width,)):
        data = data.copy()  # Its rows are side by side.
        interface = data.__array_interface__
    handle = new_column()
    import_padded(handle, interface["data"][0], rows, width, unit)
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


def _is_one_text(data: Any) -> TypeError:
    return _not_a_column(data, "; count_doubles counts one")


def _not_a_column(data: Any, hint: str = "") -> TypeError:
    return TypeError(f"expected a column of strings or bytes, not {type(data).__name__}{hint}")


def _is_a_table(names: Iterable[Any]) -> TypeError:
    columns = ", ".join(map(repr, names)) or "none"
    return TypeError(f"expected a column, not a table; pass one of its columns: {columns}")
