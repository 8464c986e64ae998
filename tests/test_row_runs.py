"""The longest run of each row of a column, against itertools."""

import itertools
import random

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_columns import FIXED_LAYOUTS, LAYOUTS, NULLS, TYPES, Text, expected

from doubles_ffi import Counts, count_each, longest_each


def longest(row):
    """Return the length of the longest run, or None for a null row."""
    if row is None:
        return None
    return max((len(list(run)) for _, run in itertools.groupby(row)), default=0)


def each(function, rows):
    return [function(row) for row in rows]


any_rows = st.lists(st.none() | st.text("aabж€𝄞\0\ud800", max_size=12), max_size=20)


@given(any_rows)
def test_the_longest_run_of_rows_that_are_objects(rows):
    for kind in (list, tuple, iter, lambda rows: numpy.array(rows, object)):
        assert longest_each(kind(rows)).tolist() == each(longest, rows)
    as_bytes = [None if row is None else row.encode("utf-8", "surrogatepass") for row in rows]
    assert longest_each(as_bytes).tolist() == each(longest, as_bytes)


@pytest.mark.parametrize("type_", TYPES)
@given(st.lists(st.text("aabbж\u6100𝄞\0\ud800", max_size=12), max_size=20))
def test_every_layout_of_numpy_is_measured_as_its_list(type_, rows):
    if type_ == "T":
        rows = [row.replace("\ud800", "") for row in rows]
    if type_ == "S12":
        rows = [row.encode("utf-8", "surrogatepass") for row in rows]
    for layout, lay_out in (LAYOUTS if type_ == "T" else FIXED_LAYOUTS).items():
        column = lay_out(numpy.array(rows, type_))
        rows = column.tolist()
        assert longest_each(column).tolist() == each(longest, rows), layout
        assert count_each(column).tolist() == expected(rows), layout


ALPHABETS = ["ab", "aж", "aж€𝄞", "жз", "€₭", "𝄞𝄟", "a\0"]


def draw_rows(draw):
    """Draw a column: of any script, of short or long rows, with nulls or without."""
    alphabet = draw.choice(ALPHABETS)
    longest_text = draw.choice([0, 3, 13, 20, 70, 300])
    rows = [
        "".join(c * draw.randint(1, 4) for c in draw.choices(alphabet, k=length))
        for length in draw.choices(range(longest_text + 1), k=draw.choice([0, 1, 9, 100, 4000]))
    ]
    if rows and draw.random() < 0.3:
        length = draw.choice([4095, 4096, 4097, 100_000])
        rows[draw.randrange(len(rows))] = draw.choice(alphabet) * length
    return [None if draw.random() < 0.1 else row for row in rows]


def arrow_columns(rows, draw):
    """Yield columns of pyarrow in every layout, each with the rows that it has."""
    pa = pytest.importorskip("pyarrow")
    start, stop = sorted(draw.choices(range(len(rows) + 1), k=2))
    as_bytes = [None if row is None else row.encode() for row in rows]
    for of, kinds in (
        (rows, (pa.string(), pa.large_string(), pa.string_view())),
        (as_bytes, (pa.binary(), pa.large_binary(), pa.binary_view())),
    ):
        for kind in kinds:
            column = pa.array(of, kind)
            yield column, of
            yield column[start:stop], of[start:stop]
            yield pa.chunked_array([column[:start], column[start:stop], column[stop:]]), of
    few = pa.array(rows[:100], pa.string())
    for index in (pa.int8(), pa.uint16(), pa.int64()):
        dictionary = few.dictionary_encode().cast(pa.dictionary(index, pa.string()))
        yield dictionary, rows[:100]
        yield dictionary[7:50], rows[:100][7:50]
    fixed = [None if row is None else row[:6].ljust(6, b"x") for row in as_bytes]
    yield pa.array(fixed, pa.binary(6))[start:stop], fixed[start:stop]


@pytest.mark.parametrize("seed", range(10))
def test_the_longest_run_in_every_layout_of_pyarrow(seed):
    draw = random.Random(seed)
    for column, rows in arrow_columns(draw_rows(draw), draw):
        threads = draw.choice([None, 1, 2])
        assert longest_each(column, threads=threads).tolist() == each(longest, rows)
        assert count_each(column, threads=threads).tolist() == expected(rows)


@pytest.mark.parametrize("length", [*range(1, 131), 4094, 4095, 4096, 4097, 9000, 70_000])
def test_the_longest_run_of_rows_of_equal_units(length):
    for unit in ("a", "é", "€", "𝄞"):
        rows = [unit * length, "", f"b{unit * length}cc", "bb" + unit * (length // 2)]
        assert longest_each(rows).tolist() == each(longest, rows)
        assert longest_each(each(str.encode, rows)).tolist() == each(
            longest, each(str.encode, rows)
        )


def test_a_row_is_not_compared_with_the_row_before_it():
    for row in ("a", "ж", "€", "𝄞", b"a"):
        assert longest_each([row, row, row[:0], row, None, row]).tolist() == [1, 1, 0, 1, None, 1]


def test_the_longest_runs_of_the_public_reports():
    found = longest_each(["annna", "bob", None, "ooh", "xxxx", "aabb"])
    assert type(found) is Counts
    assert found.tolist() == [3, 1, None, 2, 4, 2]
    reads = ["ACGTttTTA", "", "NNNN", None]
    assert longest_each(reads).tolist() == [2, 0, 4, None]
    assert longest_each([read and read.upper() for read in reads]).tolist() == [5, 0, 4, None]


def test_many_rows_on_several_threads():
    rows = ["aab", "bbbb", "", "жжжa"] * 100_000
    for threads in (None, 1, 2):
        assert longest_each(rows, threads=threads).tolist() == [2, 4, 0, 3] * 100_000
    many = numpy.array([b"aab", b"bbbb"] * 200_000)
    assert longest_each(many, threads=2).tolist() == [2, 4] * 200_000


@pytest.mark.parametrize("null", NULLS.values(), ids=NULLS)
def test_nulls_of_any_type(null):
    assert longest_each([null, "aaa", null]).tolist() == [None, 3, None]
    assert longest_each([null, b"aaa", null]).tolist() == [None, 3, None]


def test_rows_of_subclasses_are_what_they_hold():
    rows = [Text("aaa"), numpy.str_("bb"), Text("ж" * 300_000)]
    assert longest_each(rows).tolist() == [3, 2, 300_000]
    assert longest_each([numpy.bytes_(b"bb")]).tolist() == [2]


WRONG = [
    "abc",
    {"aa": "bb"},
    {"aa"},
    5,
    ["a", b"b"],
    [None, b"b", "a"],
    ["a"] * 70_000 + [b"b"],
    ["a", 5],
    numpy.arange(3),
    numpy.array([["a"]]),
]


@pytest.mark.parametrize("column", WRONG, ids=lambda column: type(column).__name__)
def test_what_is_no_column_gets_the_errors_of_count_each(column):
    with pytest.raises(TypeError) as expected:
        count_each(column)
    with pytest.raises(TypeError) as found:
        longest_each(column)
    assert str(found.value) == str(expected.value)


def test_a_row_that_is_not_utf8_is_named():
    pa = pytest.importorskip("pyarrow")
    buffers = [b"\x0d", b"\0\0\0\0\2\0\0\0\2\0\0\0\4\0\0\0\6\0\0\0", b"aa\xe2\x82bb"]
    column = pa.Array.from_buffers(pa.string(), 4, each(pa.py_buffer, buffers))
    for part in (column, pa.chunked_array([column[:1], column[1:]])):
        with pytest.raises(UnicodeDecodeError, match="end of data in row 2") as caught:
            longest_each(part)
        assert (caught.value.row, caught.value.object) == (2, b"\xe2\x82")
