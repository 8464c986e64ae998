"""One number for each row of a column, and the runs of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast, overload

from doubles_ffi._input import chunks
from doubles_ffi._input.columns import open_column
from doubles_ffi._input.rows import UNKNOWN, columns, is_null, pandas_na, row_chunks, type_of_row
from doubles_ffi._library import at_least_one, places_at, thread_limit
from doubles_ffi._library.column import TEXT_FORMS
from doubles_ffi._library.counts import Numbers, count_rows, unpack
from doubles_ffi._library.memory import view
from doubles_ffi._library.runs import Columns
from doubles_ffi._library.search import LEAST
from doubles_ffi._library.stretch import Stretch
from doubles_ffi.run_columns import RowRun, Runs

# Rows that `repr` shows.
_SHOWN = 10

# Bytes per count.
_SIZE = 8


def count_each(column: Any, *, threads: int | None = None) -> Counts:
    """Count the doubles of each row of a column: code points of strings, bytes of bytes.

    >>> count_each(["hello", None, "aaa"])
    Counts([1, None, 2])

    Args:
        column: an object with Arrow's PyCapsule protocol (an array of pyarrow, a Series of polars
            or pandas), which is read without a copy; a NumPy array; or any iterable of str or of
            bytes. The count of a null is null. In an iterable, None, pandas.NA, NaN and NaT are
            nulls.
        threads: use at most this many threads; 1 stays on the calling thread, None chooses. An
            iterable is counted on the calling thread.

    Raises:
        TypeError: `column` is a table, one text, or a column of another type; the message names
            the columns of a table. Or a row is neither str nor bytes, or of another type than the
            rows before it; the message names the row.
        UnicodeDecodeError: a string is not UTF-8; the attribute `row` is its number.
        ValueError: an Arrow array is malformed, a capsule is used up, or `threads` is below 1.
        OSError: an Arrow stream fails.
    """
    limit = thread_limit(threads)
    counts = Numbers()
    source = open_column(column)
    if source is None:
        _count_rows(column, counts, limit)
    else:
        with source:
            source.count(counts, limit)
    return Counts(counts)


def _count_rows(column: Any, counts: Numbers, limit: int) -> None:
    """Count rows that are Python objects."""
    type_, done, na = UNKNOWN, 0, pandas_na()
    for rows, first, end in row_chunks(column):
        values, validity = bytearray(_SIZE * (end - first)), bytearray((end - first) // 8 + 1)
        numbers = memoryview(values).cast("q")
        row = first
        while row < end:
            if count_rows is not None:
                row, type_ = count_rows(rows, first, row, end, type_, values, validity)
                if row == end:
                    break
            # C leaves this row to Python: it is long, null or of a wrong type, or C did enough.
            text, place = rows[row], row - first
            if not is_null(text, na):
                type_ = type_of_row(text, done + place, type_)
                stretch = Stretch(tally=False, is_part=False)
                for chunk in chunks(text, None):
                    stretch.append(*chunk, limit)
                numbers[place] = stretch.count
                validity[place // 8] |= 1 << place % 8
            row += 1
        counts.append(values, validity, end - first)
        done += end - first


def longest_each(column: Any, *, threads: int | None = None) -> Counts:
    """Measure the longest run of each row of a column: 0 for an empty row, null for a null.

    >>> longest_each(["annna", None, "bob", ""])
    Counts([3, None, 1, 0])

    The length of a run is in characters of strings, and in bytes of bytes.

    Arguments and exceptions are those of `count_each`.
    """
    limit = thread_limit(threads)
    numbers = Numbers()
    for source in columns(column):
        with source:
            source.measure(numbers, limit)
    return Counts(numbers)


def find_each(column: Any, *, min_run: int = LEAST) -> Runs[RowRun]:
    """Return where runs are in each row of a column: row, start, length and unit of each.

    >>> find_each(["hello", None, "aaab"])
    Runs([(0, 2, 2, 'l'), (2, 0, 3, 'a')])

    Start and length are in units of the row, and a unit is a character of a string or the number of
    a byte. A null has no runs.

    Args:
        column: as for `count_each`.
        min_run: units of the shortest run to return. With 1, the runs are all of the column: each
            row is run-length encoded.

    Raises:
        ValueError: `min_run` is below 1.
        MemoryError: memory can't hold the runs.

    The other exceptions are those of `count_each`.
    """
    least = min(at_least_one("min_run", min_run), 2**64 - 1)
    runs, is_text = Columns(rows=True), True
    for source in columns(column):
        with source:
            is_text = source.form in TEXT_FORMS if source.form != "n" else is_text
            source.find(runs, least)
    return Runs(runs, is_text=is_text)


class Counts(Sequence["int | None"]):
    """One number for each row, None for a null row. `count_each` and `longest_each` return it.

    It is a sequence of int and None, whose slices share its memory. It converts to an Arrow array
    of int64 (`pyarrow.array(counts)`, `polars.Series(counts)`) and to a NumPy array of int64, or of
    float64 with NaN for nulls, as pyarrow and pandas do. Only that conversion to float64 copies.
    The memory is freed with the last object that uses it.

    >>> counts = count_each(["hello", None, "aaa"])
    >>> counts[2], counts[:2].tolist(), counts.null_count
    (2, [1, None], 1)
    """

    __slots__ = ("__weakref__", "_counts", "_length", "_start", "_validity", "_values")

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, counts: Numbers, start: int = 0, length: int | None = None) -> None:
        self._counts = counts
        self._values, self._validity, rows = counts.memory()
        self._start = start
        self._length = rows if length is None else length

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._length

    @overload
    def __getitem__(self, index: int) -> int | None: ...
    @overload
    def __getitem__(self, index: slice) -> Counts: ...
    def __getitem__(self, index: int | slice) -> int | Counts | None:
        """Return the count of a row, or the counts of a slice."""
        places = places_at(range(self._start, self._start + self._length), index)
        if isinstance(places, int):
            return int(self._values[places]) if self._is_valid(places) else None
        if places.step == 1:
            return Counts(self._counts, places.start, len(places))
        validity = bytearray(len(places) // 8 + 1)
        for row, place in enumerate(places):
            validity[row // 8] |= self._is_valid(place) << row % 8
        numbers: Any = self._memory().cast("q")[cast("slice", index)]
        return _restore(numbers.tobytes(), validity)

    def __iter__(self) -> Iterator[int | None]:
        """Iterate over the counts."""
        return iter(self.tolist())

    def tolist(self) -> list[int | None]:
        """Return the counts as a list."""
        counts: list[int | None] = list(unpack(self._values + self._start, self._length))
        put_nulls(counts, self._nulls())
        return counts

    def sum(self) -> int:
        """Return the sum of the counts; nulls are left out, as in Arrow, pandas and polars.

        >>> count_each(["hello", None, "aaa"]).sum()
        3
        """
        return sum(self._memory().cast("q"))  # zeros for nulls

    @property
    def null_count(self) -> int:
        """The number of null rows."""
        return self._nulls().bit_count()

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same counts and the same nulls."""
        if not isinstance(other, Counts):
            return NotImplemented
        return self._memory() == other._memory() and self._nulls() == other._nulls()

    def _no_order(self, other: object) -> Any:
        """Refuse a number, and say how to compare counts with it. NumPy's types know how."""
        if isinstance(other, int):
            raise TypeError(
                "Counts can't be compared with a number; convert them first, for example with "
                "numpy.asarray(counts), polars.Series(counts) or pyarrow.array(counts)"
            )
        return NotImplemented

    __lt__ = __le__ = __gt__ = __ge__ = _no_order

    def __repr__(self) -> str:
        """Show the first counts."""
        shown = ", ".join(map(str, self[:_SHOWN].tolist()))
        if self._length <= _SHOWN:
            return f"Counts([{shown}])"
        return f"Counts([{shown}, ...], length={self._length}, null_count={self.null_count})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the counts, of a slice only its own."""
        valid = ~self._nulls() & ((1 << self._length) - 1)
        validity = valid.to_bytes(self._length // 8 + 1, "little")
        return _restore, (self._memory().tobytes(), validity)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """Return Arrow's capsules of a type and an array, always of 64-bit integers."""
        del requested_schema  # The consumer converts, as the protocol allows.
        return self._counts.export(self._start, self._length)

    def __arrow_c_schema__(self) -> Any:
        """Return Arrow's capsule of the type."""
        return self.__arrow_c_array__()[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001
        """Return a NumPy array: read-only, or with nulls a copy as float64 with NaN."""
        import numpy

        memory = self._memory().toreadonly()
        array = numpy.frombuffer(memory, numpy.int64) if memory else numpy.empty(0, numpy.int64)
        nulls = self._nulls()
        if nulls:
            if copy is False:
                raise ValueError("counts with nulls need a copy to become a NumPy array")
            if dtype is not None and numpy.dtype(dtype).kind in "biu":
                raise ValueError("counts with nulls can't become a NumPy array of integers")
            bits = numpy.frombuffer(nulls.to_bytes(self._length // 8 + 1, "little"), numpy.uint8)
            array = array.astype(numpy.float64)
            is_null = numpy.unpackbits(bits, count=self._length, bitorder="little")
            array[is_null.astype(bool)] = numpy.nan
            copy = None
        if copy is None:
            return array if dtype is None else array.astype(dtype, copy=False)
        return numpy.array(array, dtype=dtype, copy=copy)

    def _is_valid(self, place: int) -> int:
        """Return 1 if the count at a place in memory is valid, else 0."""
        return int(self._validity[place // 8] >> place % 8 & 1)

    def _memory(self) -> memoryview:
        """Return the bytes of the counts, zeros for nulls."""
        # A view of the pointer itself, which keeps the counts alive.
        end = self._start + self._length
        return view(self._values, _SIZE * end)[_SIZE * self._start :]

    def _nulls(self) -> int:
        """Return a number with one bit per row, the first row lowest, that is 1 for a null."""
        first, end = self._start // 8, (self._start + self._length + 7) // 8
        validity = view(self._validity + first, end - first)
        return null_bits(validity, self._start % 8, self._length)


def null_bits(validity: memoryview, start: int, length: int) -> int:
    """Return a number with one bit per row from `start` on, the lowest first: 1 for a null."""
    valid = int.from_bytes(validity[: (start + length + 7) // 8], "little")
    return ~(valid >> start) & ((1 << length) - 1)


def put_nulls(rows: list[Any], nulls: int) -> None:
    """Replace the rows whose bit is 1 by None."""
    for first, bits in enumerate(nulls.to_bytes(len(rows) // 8 + 1, "little")):
        if bits:
            for bit in range(8):
                if bits >> bit & 1:
                    rows[8 * first + bit] = None


def _restore(values: bytes, validity: bytes | bytearray) -> Counts:
    """Return counts from the bytes of their values and their validity."""
    counts = Numbers()
    counts.append(values, validity, len(values) // _SIZE)
    return Counts(counts)
