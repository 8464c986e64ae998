"""The texts of a column with their runs cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast, overload

from doubles_ffi._input.rows import columns
from doubles_ffi._input.selection import select
from doubles_ffi._library import at_least_one, places_at
from doubles_ffi._library.column import TEXT_FORMS, Column
from doubles_ffi._library.runs import Columns
from doubles_ffi._library.search import LEAST
from doubles_ffi._library.texts import Strings
from doubles_ffi.columns import null_bits, put_nulls

# Rows that `repr` shows.
_SHOWN = 10

# Keeps every run as it is.
_ALL = 2**64 - 1

# Arrow's formats of the results, by those of columns: that of views and of fixed-size binary
# can't be kept.
_FORMS = {"n": "u", "vu": "U", "vz": "Z", "w:": "z"}


def squeeze_each(
    column: Any,
    *,
    most: int = 1,
    only: str | bytes | Callable[[Any], object] | None = None,
) -> Texts:
    """Return the rows of a column in which every run of equal units is cut to `most` units.

    >>> squeeze_each(["RRAABBT", None, "x", "жжё"])
    Texts(['RABT', None, 'x', 'жё'])

    Args:
        column: as for `count_each`.
        most: units of each run that are kept.
        only: the units whose runs are cut: a str of characters, or bytes for a column of bytes. Or
            a function that is called once with each doubled character, or number of a byte, and
            returns whether to cut its runs; then the column is copied first. None cuts all runs.

    Raises:
        ValueError: `most` is below 1, or `only` is empty.
        TypeError: `only` is of the wrong type.
        UnicodeEncodeError: a row that is a str has a lone surrogate, which no column of strings can
            hold; the attribute `row` is its number.
        MemoryError: memory can't hold the result.

    The other exceptions are those of `count_each`.
    """
    most = min(at_least_one("most", most), _ALL)
    sources: Iterable[Column] = columns(column, as_utf8=True)
    if not callable(only):
        select(only, is_text=None)  # Even if no row has text.
        return Texts(*_squeezed(sources, most, lambda is_text: select(only, is_text=is_text)))
    copy, form = _squeezed(sources, _ALL)
    bits = select(only, lambda: _doubled(copy, form), is_text=form in TEXT_FORMS)
    strings, _ = _squeezed([_column(copy, form)], most, lambda _: bits)
    return Texts(strings, form)


def _squeezed(
    sources: Iterable[Column],
    most: int,
    choose: Callable[[bool], bytes | None] = lambda _: None,
) -> tuple[Strings, str]:
    """Squeeze adjacent columns, and return Arrow's format of the result, too.

    `choose` returns a bit for each unit whose runs are cut, of text or of bytes.
    """
    strings, form, bits = Strings(), "n", None
    for source in sources:
        with source:
            if form == "n" and source.form != "n":
                form = source.form
                bits = choose(form in TEXT_FORMS)
            source.squeeze(strings, most, bits)
    return strings, _FORMS.get(form[:2], form)


def _column(strings: Strings, form: str) -> Column:
    """Return strings as a column that shares their memory."""
    starts, data, validity = strings.memory()
    return Column.from_rows(data, starts, validity, form.lower())


def _doubled(strings: Strings, form: str) -> Iterable[Any]:
    """Return the doubled characters, or numbers of bytes, each once."""
    runs = Columns(rows=True)
    with _column(strings, form) as column:
        column.find(runs, LEAST)
    numbers = sorted(set(runs.memory()["unit"]))
    return map(chr, numbers) if form in TEXT_FORMS else numbers


class Texts(Sequence["str | bytes | None"]):
    """One str or one bytes for each row, None for a null row. `squeeze_each` returns it.

    It is a sequence, whose slices share its memory. It converts to an Arrow array of the type that
    the column had (`pyarrow.array(texts)`, `polars.Series(texts)`): string, binary or one of the
    large types. That of views is the large one, and text that 32-bit offsets can't reach makes it
    so. The memory is freed with the last object that uses it.

    >>> texts = squeeze_each(["aab", None, "ccc"])
    >>> texts[2], texts[:2].tolist(), texts.null_count
    ('c', ['ab', None], 1)
    """

    __slots__ = ("__weakref__", "_form", "_memory", "_places", "_strings")

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, strings: Strings, form: str, places: range | None = None) -> None:
        self._strings = strings
        self._form = form
        self._memory = strings.memory()
        self._places = range(len(self._memory[0]) - 1) if places is None else places

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> str | bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | bytes | Texts | None:
        """Return the text of a row, or the texts of a slice."""
        places = places_at(self._places, index)
        if isinstance(places, int):
            return Texts(self._strings, self._form, range(places, places + 1)).tolist()[0]
        if places.step == 1:
            # An empty slice may end before it begins.
            end = places.start + len(places)
            return Texts(self._strings, self._form, range(places.start, end))
        return _restore(self._form, self.tolist()[cast("slice", index)])

    def __iter__(self) -> Iterator[str | bytes | None]:
        """Iterate over the texts."""
        return iter(self.tolist())

    def tolist(self) -> list[str | bytes | None]:
        """Return the texts as a list."""
        offsets, data, _ = self._memory
        ends = offsets[self._places.start : self._places.stop + 1].tolist()
        text: Any = data[ends[0] : ends[-1]].tobytes()
        starts = [end - ends[0] for end in ends] if ends[0] else ends
        is_text = self._form in TEXT_FORMS
        if is_text and text.isascii():
            text, is_text = text.decode("ascii"), False  # Its characters are where its bytes are.
        rows = [text[start:end] for start, end in itertools.pairwise(starts)]
        if is_text:
            rows = [row.decode() for row in rows]
        put_nulls(rows, self._nulls())
        return rows

    @property
    def null_count(self) -> int:
        """The number of null rows."""
        return self._nulls().bit_count()

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same texts and the same nulls."""
        if not isinstance(other, Texts):
            return NotImplemented
        return self.tolist() == other.tolist()

    def __repr__(self) -> str:
        """Show the first texts."""
        shown = ", ".join(map(repr, self[:_SHOWN].tolist()))
        if len(self) <= _SHOWN:
            return f"Texts([{shown}])"
        return f"Texts([{shown}, ...], length={len(self)}, null_count={self.null_count})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the texts, of a slice only its own."""
        return _restore, (self._form, self.tolist())

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """Return Arrow's capsules of a type and an array."""
        del requested_schema  # The consumer converts, as the protocol allows.
        return self._strings.export(self._places.start, len(self), self._form)

    def __arrow_c_schema__(self) -> Any:
        """Return Arrow's capsule of the type."""
        return self.__arrow_c_array__()[0]

    def _nulls(self) -> int:
        """Return a number with one bit per row, the first row lowest, that is 1 for a null."""
        start, length = self._places.start, len(self._places)
        return null_bits(self._memory[2][start // 8 :], start % 8, length)


def _restore(form: str, rows: list[str | bytes | None]) -> Texts:
    """Return texts of rows, with Arrow's format of their type."""
    strings, _ = _squeezed(columns(rows, as_utf8=True), _ALL)
    return Texts(strings, form)
