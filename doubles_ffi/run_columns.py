"""Runs as columns: the result of `find_runs` and `find_each`."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 (annotations resolve at run time)
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

from doubles_ffi._library import places_at
from doubles_ffi._library.runs import Columns

# Runs that `repr` shows.
_SHOWN = 5

# Runs that are made of the columns at a time, when they are asked for one by one.
_AT_ONCE = 4096


class Run(NamedTuple):
    """A run of equal units: how many units are before it, how many are in it, and which."""

    start: int
    length: int
    unit: Any


class RowRun(NamedTuple):
    """A run in a row of a column: the row, and start, length and unit of the run in that row."""

    row: int
    start: int
    length: int
    unit: Any


AnyRun = TypeVar("AnyRun", Run, RowRun)


class Runs(Generic[AnyRun]):
    """Runs of equal units, as columns. `find_runs` returns them, and `find_each` with their rows.

    It is a sequence of `Run`, or of `RowRun`. Slices share its memory.

    >>> from doubles_ffi import find_runs
    >>> runs = find_runs("Mississippi")
    >>> len(runs), runs[0], runs[1:]
    (3, Run(start=2, length=2, unit='s'), Runs([(5, 2, 's'), (8, 2, 'p')]))

    The columns are `start`, `length` and `unit`, with `row` before them if there are rows. A run of
    text has a character as its unit. In the columns units are numbers, as in bytes: 20 bytes a run,
    or 28 with rows.

    Each column is an array of its own. So Arrow (`pyarrow.table(runs)`, `polars.DataFrame(runs)`,
    `pandas.DataFrame.from_arrow(runs)`, DuckDB) takes the columns without a copy, and so does NumPy
    with `runs.start` and so on. `numpy.asarray(runs)` is an array of structs, which is a copy: no
    memory can be both.

    >>> runs.length.tolist(), runs.unit.view("U1").tolist()
    ([2, 2, 2], ['s', 's', 'p'])

    It is not registered as a `collections.abc.Sequence`: polars would take it for a list of tuples.
    """

    __slots__ = ("__weakref__", "_columns", "_is_text", "_memory", "_places")

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, columns: Columns, *, is_text: bool, places: range | None = None) -> None:
        self._columns = columns
        self._is_text = is_text
        memory = columns.memory()
        self._places = range(len(memory["unit"])) if places is None else places
        self._memory = {
            name: values[self._places.start : self._places.stop] for name, values in memory.items()
        }

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> AnyRun: ...
    @overload
    def __getitem__(self, index: slice) -> Runs[AnyRun]: ...
    def __getitem__(self, index: int | slice) -> AnyRun | Runs[AnyRun]:
        """Return a run, or the runs of a slice."""
        places = places_at(self._places, index)
        if isinstance(places, int):
            place = places - self._places.start
            return next(self._tuples([[values[place]] for values in self._memory.values()]))
        if places.step == 1:
            return Runs(self._columns, is_text=self._is_text, places=places)
        columns = {
            name: values[cast("slice", index)].tobytes() for name, values in self._memory.items()
        }
        return _restore(columns, self._is_text)

    def __iter__(self) -> Iterator[AnyRun]:
        """Iterate over the runs."""
        for start in range(0, len(self), _AT_ONCE):
            places = slice(start, start + _AT_ONCE)
            yield from self._tuples([values[places].tolist() for values in self._memory.values()])

    def tolist(self) -> list[AnyRun]:
        """Return the runs as a list."""
        return list(self)

    @property
    def row(self) -> Any:
        """The row of each run, as a NumPy array of int64. Only runs of `find_each` have rows."""
        if "row" not in self._memory:
            raise AttributeError("only runs of find_each have rows")
        return self._array("row")

    @property
    def start(self) -> Any:
        """The number of units before each run, as a NumPy array of int64."""
        return self._array("start")

    @property
    def length(self) -> Any:
        """The number of units in each run, as a NumPy array of int64."""
        return self._array("length")

    @property
    def unit(self) -> Any:
        """The unit that each run repeats, as a NumPy array of uint32.

        Of text these are code points; `runs.unit.view("U1")` has them as characters.
        """
        return self._array("unit")

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same runs, of text or of bytes."""
        if not isinstance(other, Runs):
            return NotImplemented
        return self._is_text == other._is_text and self._memory == other._memory

    def __repr__(self) -> str:
        """Show the first runs."""
        shown = ", ".join(str(tuple(run)) for run in self[:_SHOWN])
        if len(self) <= _SHOWN:
            return f"Runs([{shown}])"
        return f"Runs([{shown}, ...], length={len(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the runs, of a slice only its own."""
        columns = {name: values.tobytes() for name, values in self._memory.items()}
        return _restore, (columns, self._is_text)

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """Return Arrow's capsules of a type and an array, always of structs of integers."""
        del requested_schema  # The consumer converts, as the protocol allows.
        return self._columns.export(self._places.start, len(self))

    def __arrow_c_schema__(self) -> Any:
        """Return Arrow's capsule of the type."""
        return self.__arrow_c_array__()[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001
        """Return a NumPy array of structs, which is a copy."""
        import numpy

        if copy is False:
            raise ValueError("runs need a copy to become one NumPy array; their columns do not")
        columns = {name: self._array(name) for name in self._memory}
        fields = [(name, values.dtype) for name, values in columns.items()]
        array = numpy.empty(len(self), fields)
        for name, values in columns.items():
            array[name] = values
        return array if dtype is None else array.astype(dtype)

    def _tuples(self, columns: list[list[int]]) -> Iterator[AnyRun]:
        """Yield the runs that lists of the columns have."""
        *numbers, units = columns
        runs = zip(*numbers, map(chr, units) if self._is_text else units)
        make = RowRun._make if "row" in self._memory else Run._make
        return cast("Iterator[AnyRun]", map(make, runs))

    def _array(self, name: str) -> Any:
        """Return a column as a NumPy array that shares its memory."""
        import numpy

        return numpy.asarray(self._memory[name])


def _restore(columns: dict[str, bytes], is_text: bool) -> Runs[Any]:  # noqa: FBT001
    """Return runs from the bytes of their columns."""
    return Runs(Columns.of_bytes(columns), is_text=is_text)
