"""Columns of the library: import one, work on it slice by slice, release it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from doubles_ffi._decoding import utf8_error
from doubles_ffi._library import check, made
from doubles_ffi._library.loading import _native, ffi, lib
from doubles_ffi._library.memory import pointer_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from doubles_ffi._library.counts import Numbers
    from doubles_ffi._library.memory import Pointer
    from doubles_ffi._library.runs import Columns
    from doubles_ffi._library.texts import Strings


class ColumnTypeError(TypeError):
    """A column is not of strings or bytes.

    Attributes:
        form: Arrow's format of its rows.
        names: the names of the columns in it.
    """

    def __init__(self, form: str, names: list[str]) -> None:
        super().__init__(f"a column of Arrow format {form!r}")
        self.form = form
        self.names = names


# What takes the place of Arrow's format for text in UTF-32, which Arrow does not have.
UTF32_FORM = "UTF-32"

TEXT_FORMS = {"u", "U", "vu", UTF32_FORM}

# Bytes of a unit of rows in memory of Python's objects, by their form; 0 stands for UTF-8.
_UNITS = {"n": 1, "z": 1, "u": 0, UTF32_FORM: 4}


class Column:
    """A column as the library reads it. It is released at the end of a `with`.

    Attributes:
        form: Arrow's format of its rows: "u" or "U" for strings, "z" or "Z" for binary, "n" if all
            are null; those of views begin with "v", and "w:" is fixed-size binary. Or UTF32_FORM.
        first: the number of its first row, if it is a chunk of a larger column.
    """

    __slots__ = ("_handle", "_owner", "first", "form")

    def __init__(self, owner: Any = None, form: str = "n", first: int = 0) -> None:
        self.form = form
        self.first = first
        self._handle = ffi.gc(made(lib.doubles_column_new()), lib.doubles_column_free)
        self._owner = owner  # of memory that the handle does not keep alive

    @classmethod
    def from_capsules(cls, *capsules: Any) -> Self:
        """Take over the structs in Arrow's capsules: a stream, or a type and an array.

        Raises:
            ColumnTypeError: it is not of strings or bytes.
            ValueError: a capsule is malformed, or used up.
            OSError: the stream fails.
        """
        column = cls()
        try:
            (column._take_array if capsules[1:] else column._take_stream)(*capsules)
            column.form = column._innermost()
        except BaseException:
            column.__exit__()
            raise
        return column

    @classmethod
    def from_padded(cls, owner: Any, address: int, rows: int, width: int, unit: int) -> Self:
        """Read rows of one width, side by side in the memory of an object."""
        column = cls(owner, "z" if unit == 1 else UTF32_FORM)
        pointer = pointer_to(address)
        column._check(lib.doubles_column_import_padded(column._handle, pointer, rows, width, unit))
        return column

    @classmethod
    def from_rows(cls, data: Any, offsets: Any, validity: Any, form: str, first: int = 0) -> Self:
        """Read rows that are one after the other in a buffer.

        Args:
            data: the bytes of all rows.
            offsets: where each row begins, and where the last one ends, as 64-bit integers.
            validity: a bit for each row that is 0 for a null, the first row lowest; None if all are
                valid.
            form: "u" for UTF-8, UTF32_FORM, "z" for bytes, or "n" if all rows are null.
            first: the number of the first row.
        """
        starts = ffi.from_buffer("int64_t[]", offsets)
        text = ffi.from_buffer("uint8_t[]", data)
        bits = ffi.NULL if validity is None else ffi.from_buffer("uint8_t[]", validity)
        column = cls((starts, text, bits), form, first)
        rows = len(starts) - 1
        column._check(
            lib.doubles_column_import_rows(
                column._handle, starts, bits, rows, text, len(text), _UNITS[form]
            )
        )
        return column

    def __enter__(self) -> Self:
        """Return the column."""
        return self

    def __exit__(self, *error: object) -> None:
        """Release the column now, and not with the last traceback that holds it."""
        ffi.release(self._handle)

    def count(self, counts: Numbers, threads: int) -> None:
        """Append the counts of all rows.

        Raises:
            UnicodeDecodeError: a row is not UTF-8; the attribute `row` is its number.
            ValueError: the column is malformed.
            OSError: the stream fails.
            MemoryError: memory can't hold the counts.
        """
        self._append_all(lib.doubles_column_count, counts.handle, threads)

    def measure(self, numbers: Numbers, threads: int) -> None:
        """Append the units in the longest run of each row. Exceptions are those of `count`."""
        self._append_all(lib.doubles_column_longest, numbers.handle, threads)

    def squeeze(self, strings: Strings, most: int, only: bytes | None) -> None:
        """Append all rows, squeezed. Exceptions are those of `count`."""
        bits, size = (ffi.NULL, 0) if only is None else (only, len(only))
        self._append_all(lib.doubles_column_squeeze, strings.handle, most, bits, size)

    def find(self, runs: Columns, least: int) -> None:
        """Append the runs of `least` units or more. Exceptions are those of `count`."""
        self._append_all(lib.doubles_column_find, runs.handle, least, self.first)

    def _append_all(self, append: Callable[..., int], *arguments: Any) -> None:
        """Call a function that appends the next slice of rows until there is none."""
        while self._check(append(self._handle, *arguments)):  # Python handles signals in between.
            pass

    # The structs live as long as the capsules, whose names are theirs until the call is over.

    def _take_array(self, schema: Any, array: Any) -> None:
        type_ = ffi.cast("DoublesArrowSchema *", _native.capsule_address(schema, "arrow_schema"))
        rows = ffi.cast("DoublesArrowArray *", _native.capsule_address(array, "arrow_array"))
        self._check(lib.doubles_column_import_array(self._handle, type_, rows))

    def _take_stream(self, stream: Any) -> None:
        address = _native.capsule_address(stream, "arrow_array_stream")
        chunks = ffi.cast("DoublesArrowStream *", address)
        self._check(lib.doubles_column_import_stream(self._handle, chunks))

    def _check(self, returned: int) -> int:
        if returned >= 0:
            return returned
        fault = ffi.new("DoublesFault *")
        check(lib.doubles_column_fault(self._handle, fault))
        if returned == lib.DOUBLES_STATUS_INVALID_UTF8:
            text = bytes(ffi.buffer(fault.text, fault.text_len))
            error: Any = utf8_error([text], fault.text_start, f" in row {fault.row}")
            error.row = fault.row
            raise error
        if returned == lib.DOUBLES_STATUS_UNSUPPORTED_COLUMN:
            schema = lib.doubles_column_schema(self._handle)
            names = [_text(schema.children[i].name) for i in range(schema.n_children)]
            raise ColumnTypeError(self._innermost(), names)
        if returned == lib.DOUBLES_STATUS_MALFORMED_COLUMN:
            where = f": row {fault.row} is out of bounds" if fault.row >= 0 else ""
            raise ValueError(f"the Arrow array is malformed{where}")
        if returned == lib.DOUBLES_STATUS_RELEASED:
            raise ValueError("the Arrow capsule is used up; each can be read once")
        if returned == lib.DOUBLES_STATUS_STREAM_FAILED:
            raise OSError(fault.code, _text(fault.message) or "the Arrow stream failed")
        return check(returned)

    def _innermost(self) -> str:
        """Return Arrow's format of the rows, which may be entries of a dictionary."""
        schema = lib.doubles_column_schema(self._handle)
        while schema.dictionary:
            schema = schema.dictionary
        return _text(schema.format)


def _text(pointer: Pointer) -> str:
    return cast("bytes", ffi.string(pointer)).decode("utf-8", "replace") if pointer else ""
