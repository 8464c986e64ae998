"""Columns that can be read where they are: Arrow's capsules, NumPy's array interface.

None of the libraries that make them is imported. `rows` reads all other columns, whose rows are
Python objects.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MappingView, Reversible
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from doubles_ffi._library.column import Column, ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Bytes per unit of NumPy's types. Zeros at the end of a row are padding.
_UNITS = {"S": 1, "U": 4}

# How the name of NumPy's StringDType begins, also in NumPy 2.2.
_STRING_DTYPE = ("StringDType", "|T")


def open_column(data: Any) -> Column | None:
    """Return a column that can be read where it is, or None if its rows are Python objects.

    Raises:
        TypeError: `data` is a table, one text, or no column of strings or bytes.
        ValueError: a capsule is used up, or malformed.
        OSError: an Arrow stream fails.
    """
    if type(data) in (list, tuple):
        return None
    _check_collection(data)
    dtype = getattr(data, "dtype", None)
    if getattr(dtype, "char", None) == "O":  # of NumPy and pandas
        _check_dimensions(data.ndim)
        return None  # pandas would convert the rows to Arrow, and its errors name no row.
    if type(dtype).__name__ == "Object":
        return None  # polars exports the addresses of such rows as if they were their bytes.
    capsules = _capsules(data)
    if capsules:
        return _from_capsules(*capsules)
    if hasattr(data, "__array_interface__"):
        return _from_numpy(data)
    if hasattr(data, "columns"):
        raise _is_a_table(data.columns)
    if _has_buffer(data):
        raise _is_one_text(data)
    return None


def _check_collection(data: Any) -> None:
    """Raise a TypeError for one text, and for collections whose rows have no order."""
    if isinstance(data, (str, bytes, bytearray, memoryview)):
        raise _is_one_text(data)
    if isinstance(data, Mapping):
        raise _not_a_column(data, "; pass its keys() or its values()")
    if isinstance(data, AbstractSet) and not isinstance(data, (MappingView, Reversible)):
        raise _not_a_column(data, ", which has no order")


def _capsules(data: Any) -> tuple[Any, ...]:
    """Return the capsules that an object offers: a stream, a type and an array, or none.

    pandas converts most of its arrays. It needs pyarrow for that, and can't convert sparse arrays
    and categories of several types. Then there are no capsules, and `rows` reads the objects.
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


def _arrow_source(data: Any) -> Any:
    """Return `data`, or the pyarrow array of a Series of pandas 2, which lacks the protocol."""
    if "pyarrow" not in sys.modules or hasattr(data, "__arrow_c_stream__"):
        return data
    convert = getattr(getattr(data, "array", None), "__arrow_array__", None)
    return data if convert is None else convert()


def _from_capsules(*capsules: Any) -> Column:
    try:
        return Column.from_capsules(*capsules)
    except ColumnTypeError as error:
        if error.form == "+s":
            raise _is_a_table(error.names) from None
        if error.form == "+r":
            raise TypeError(
                "expected a column of strings or bytes, not a run-end encoded one; decode it "
                "first, as pyarrow.compute.run_end_decode does"
            ) from None
        raise TypeError(
            f"expected a column of strings or bytes, not one of Arrow format {error.form!r}"
        ) from None


def _from_numpy(data: Any) -> Column | None:
    interface = data.__array_interface__
    kind, shape = interface["typestr"], interface["shape"]
    _check_dimensions(len(shape))
    if names := getattr(getattr(data, "dtype", None), "names", None):
        raise _is_a_table(names)
    if kind.startswith(_STRING_DTYPE) or _is_masked(data):
        return None
    unit = _UNITS.get(kind[1:2])
    if unit is None:
        raise TypeError(f"expected a column of strings or bytes, not an array of type {kind!r}")
    (rows,), width = shape, int(kind[2:]) * unit
    if interface["strides"] not in (None, (width,)):
        import numpy

        data = numpy.ascontiguousarray(data)
        interface = data.__array_interface__
    return Column.from_padded(data, interface["data"][0], rows, width, unit)


def is_swapped(data: Any) -> bool:
    """Return whether an array of NumPy has units in the byte order of other machines."""
    order = ">" if sys.byteorder == "little" else "<"
    return str(data.__array_interface__["typestr"]).startswith(order)


def _is_masked(data: Any) -> bool:
    module = sys.modules.get("numpy.ma")
    return module is not None and isinstance(data, module.MaskedArray)


def _check_dimensions(number: int) -> None:
    if number != 1:
        raise TypeError(f"expected a column, not an array of {number} dimensions")


def _has_buffer(data: Any) -> bool:
    """Return whether data is one text in a buffer, such as an mmap."""
    try:
        memoryview(data).release()
    except TypeError:
        return False
    except (BufferError, ValueError):
        return True  # It can't be read now.
    return True


def _is_one_text(data: Any) -> TypeError:
    return _not_a_column(data, "; count_doubles counts one")


def _not_a_column(data: Any, hint: str = "") -> TypeError:
    return TypeError(f"expected a column of strings or bytes, not {type(data).__name__}{hint}")


def _is_a_table(names: Iterable[Any]) -> TypeError:
    columns = ", ".join(map(repr, names)) or "none"
    return TypeError(f"expected a column, not a table; pass one of its columns: {columns}")
