"""The runs of each row of a column: found, measured and squeezed, against itertools."""

import gc
import itertools
import pickle
import random
import subprocess
import sys
import weakref
from functools import partial

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_columns import FIXED_LAYOUTS, LAYOUTS, NULLS, TYPES, Text, expected

from doubles_ffi import Counts, Runs, Texts, count_each, find_each, longest_each, squeeze_each
from doubles_ffi._library.column import Column


def longest(row):
    """Return the length of the longest run, or None for a null row."""
    if row is None:
        return None
    return max((len(list(run)) for _, run in itertools.groupby(row)), default=0)


def squeezed(row, most=1, selects=lambda _: True):
    """Return a row with its runs cut, or None for a null row."""
    if row is None:
        return None
    kept = [
        list(itertools.islice(run, min(most, 10**9)) if selects(unit) else run)
        for unit, run in itertools.groupby(row)
    ]
    units = itertools.chain.from_iterable(kept)
    return bytes(units) if isinstance(row, bytes) else "".join(units)


def runs_of(rows, least=2):
    """Return row, start, length and unit of each run of at least `least` units."""
    found = []
    for number, row in enumerate(rows):
        start = 0
        for unit, run in itertools.groupby(row or ""):
            length = len(list(run))
            if length >= least:
                found.append((number, start, length, unit))
            start += length
    return found


def each(function, rows):
    return [function(row) for row in rows]


def check(column, rows):
    """Compare all that is done with the rows of a column."""
    most, least = [(1, 2), (2, 3), (2**70, 1)][len(rows) % 3]
    assert count_each(column).tolist() == expected(rows)
    assert longest_each(column).tolist() == each(longest, rows)
    assert squeeze_each(column, most=most).tolist() == [squeezed(row, most) for row in rows]
    assert find_each(column, min_run=least).tolist() == runs_of(rows, least)


any_rows = st.lists(st.none() | st.text("aabж€𝄞\0", max_size=12), max_size=20)


@given(any_rows)
def test_rows_that_are_objects(rows):
    for kind in (list, tuple, lambda rows: numpy.array(rows, object)):
        check(kind(rows), rows)
    as_bytes = [None if row is None else row.encode() for row in rows]
    check(as_bytes, as_bytes)


def test_rows_of_an_iterator():
    rows = ["aab", None, "", "жж"]
    assert longest_each(iter(rows)).tolist() == [2, None, 0, 2]
    assert squeeze_each(iter(rows)).tolist() == ["ab", None, "", "ж"]
    assert squeeze_each(iter(rows), only=str.isascii).tolist() == ["ab", None, "", "жж"]
    assert find_each(iter(rows)).tolist() == [(0, 0, 2, "a"), (3, 0, 2, "ж")]


@pytest.mark.parametrize("type_", TYPES)
@settings(max_examples=20)
@given(st.lists(st.text("aabbж\u6100𝄞\0", max_size=12), max_size=20))
def test_every_layout_of_numpy(type_, rows):
    if type_ == "S12":
        rows = each(str.encode, rows)
    for lay_out in (LAYOUTS if type_ == "T" else FIXED_LAYOUTS).values():
        column = lay_out(numpy.array(rows, type_))
        check(column, column.tolist())


@given(st.lists(st.text("ab\ud800\udfff", max_size=12), max_size=20))
def test_lone_surrogates_are_units_but_no_text_of_a_column(rows):
    for column in (rows, numpy.array(rows, "<U12"), numpy.array(rows, ">U12")):
        expected = column if column is rows else column.tolist()
        assert longest_each(column).tolist() == each(longest, expected)
        assert find_each(column).tolist() == runs_of(expected)
    row = len(rows)
    with pytest.raises(UnicodeEncodeError, match=f"surrogates not allowed in row {row}") as caught:
        squeeze_each([*("ab" for _ in rows), "a\ud800"])
    assert (caught.value.row, caught.value.object) == (row, "a\ud800")


ALPHABETS = ["ab", "aж", "aж€𝄞", "жз", "€₭", "𝄞𝄟", "a\0"]


def draw_rows(draw):
    """Draw a column: of any script, of short or long rows, with nulls or without."""
    alphabet = draw.choice(ALPHABETS)
    longest_text = draw.choice([0, 3, 13, 20, 70, 300])
    rows = [
        "".join(c * draw.randint(1, 4) for c in draw.choices(alphabet, k=length))
        for length in draw.choices(range(longest_text + 1), k=draw.choice([0, 1, 9, 100, 1000]))
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
def test_every_layout_of_pyarrow(seed):
    draw = random.Random(seed)
    for column, rows in arrow_columns(draw_rows(draw), draw):
        check(column, rows)


@pytest.mark.parametrize(
    "length", [*range(1, 6), *range(61, 68), 127, 128, 129, *range(4093, 4098), 9000]
)
def test_rows_of_equal_units(length):
    for unit in ("a", "é", "€", "𝄞"):
        rows = [unit * length, "", f"b{unit * length}cc", "bb" + unit * (length // 2)]
        for some in (rows, rows[1:], rows[2:]):
            check(some, some)
        as_bytes = each(str.encode, rows)
        check(as_bytes, as_bytes)


def test_a_row_is_not_compared_with_the_row_before_it():
    for row in ("a", "ж", "€", "𝄞", b"a"):
        rows = [row, row, row[:0], row, None, row]
        assert longest_each(rows).tolist() == [1, 1, 0, 1, None, 1]
        assert squeeze_each(rows).tolist() == rows
        assert find_each(rows).tolist() == []


def test_the_longest_runs_of_the_public_reports():
    found = longest_each(["annna", "bob", None, "ooh", "xxxx", "aabb"])
    assert type(found) is Counts
    assert found.tolist() == [3, 1, None, 2, 4, 2]
    reads = ["ACGTttTTA", "", "NNNN", None]
    assert longest_each(reads).tolist() == [2, 0, 4, None]
    assert longest_each([read and read.upper() for read in reads]).tolist() == [5, 0, 4, None]

    found = squeeze_each(["RRAABBT", None, "x", "жжё"])
    assert type(found) is Texts
    assert found.tolist() == ["RABT", None, "x", "жё"]
    found = find_each(["passsword", "good", None, "!!!!"], min_run=3)
    assert type(found) is Runs
    assert found.tolist() == [(0, 2, 3, "s"), (3, 0, 4, "!")]


def test_many_rows_on_several_threads():
    rows = ["aab", "bbbb", "", "жжжa"] * 100_000
    for threads in (None, 1, 2):
        assert longest_each(rows, threads=threads).tolist() == [2, 4, 0, 3] * 100_000
    many = numpy.array([b"aab", b"bbbb"] * 200_000)
    assert longest_each(many, threads=2).tolist() == [2, 4] * 200_000


@pytest.mark.parametrize("null", NULLS.values(), ids=NULLS)
def test_nulls_of_any_type(null):
    for text in ("aaa", b"aaa"):
        check([null, text, null], [None, text, None])


def test_rows_of_subclasses_are_what_they_hold():
    rows = [Text("aaa"), numpy.str_("bb"), Text("ж" * 300_000)]
    assert longest_each(rows).tolist() == [3, 2, 300_000]
    assert squeeze_each(rows).tolist() == ["a", "b", "ж"]
    assert longest_each([numpy.bytes_(b"bb")]).tolist() == [2]


@given(any_rows, st.text("aж€𝄞", min_size=1, max_size=3), st.integers(1, 3))
def test_only_limits_squeezing_to_some_characters(rows, only, most):
    expected = [squeezed(row, most, only.__contains__) for row in rows]
    assert squeeze_each(rows, most=most, only=only).tolist() == expected
    assert squeeze_each(rows, most=most, only=lambda unit: unit in only).tolist() == expected
    as_bytes = [None if row is None else row.encode() for row in rows]
    units = only.encode()
    expected = [squeezed(row, most, units.__contains__) for row in as_bytes]
    assert squeeze_each(as_bytes, most=most, only=units).tolist() == expected
    assert squeeze_each(as_bytes, most=most, only=units.__contains__).tolist() == expected


def test_a_predicate_is_called_once_for_each_doubled_unit_of_the_column():
    for rows, units in (
        (["aab", None, "bbaa", "жж", "c"], ["a", "b", "ж"]),
        ([b"aab", b"bb"], [97, 98]),
    ):
        asked = []
        assert squeeze_each(rows, only=asked.append).tolist() == rows
        assert sorted(asked) == units
    assert squeeze_each(["aa  b!!", None], only=str.isspace).tolist() == ["aa b!!", None]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"most": 0}, ValueError, "most must be at least 1, not 0"),
        ({"most": 1.5}, TypeError, "float"),
        ({"only": ""}, ValueError, "only is empty"),
        ({"only": "", "column": []}, ValueError, "only is empty"),
        ({"only": b"a"}, TypeError, "only must be a str, a function or None, not bytes"),
        ({"only": 5}, TypeError, "only: expected a str, bytes, a function or None, not int"),
        ({"only": "a", "column": [b"aa"]}, TypeError, "only must be bytes, a function or None"),
    ],
)
def test_wrong_arguments_of_squeeze_each(arguments, error, message):
    with pytest.raises(error, match=message):
        squeeze_each(**{"column": ["aa"]} | arguments)


def test_a_column_without_text_takes_any_selection():
    for only in ("a", b"a", str.isalpha):
        assert squeeze_each([], only=only).tolist() == []
        assert squeeze_each([None] * 3, only=only).tolist() == [None] * 3
        assert squeeze_each([*[None] * 70_000, "aa"], only="a")[-1] == "a"


@pytest.mark.parametrize("least", [0, -1])
def test_no_run_has_less_than_one_unit(least):
    with pytest.raises(ValueError, match=f"min_run must be at least 1, not {least}"):
        find_each(["aa"], min_run=least)


def test_rows_are_numbered_across_chunks():
    rows = ["ab"] * 140_000 + ["aa", b"cc".decode()]
    assert find_each(rows).row.tolist() == [140_000, 140_001]
    pa = pytest.importorskip("pyarrow")
    chunks = pa.chunked_array([["aa"], [], [None, "b"], ["жж"]], pa.string())
    assert find_each(chunks).row.tolist() == [0, 3]


# --- Texts ---

ROWS = ["aa", None, "bbb", "жж", None, "dddd", "", "e", "ff", None, "ggg"]
ANSWER = each(squeezed, ROWS)


def test_texts_are_a_sequence():
    texts = squeeze_each(ROWS)
    assert len(texts) == len(ROWS)
    assert [texts[row] for row in range(len(ROWS))] == list(texts) == texts.tolist() == ANSWER
    assert (texts[-1], texts[-2], texts.null_count) == ("g", None, 3)
    assert (None in texts, texts.index("d"), texts.count(None)) == (True, 5, 3)
    for row in (len(ROWS), -len(ROWS) - 1):
        with pytest.raises(IndexError, match=f"out of range, the length is {len(ROWS)}"):
            texts[row]
    with pytest.raises(TypeError, match="an index must be an integer or a slice, not str"):
        texts["a"]
    with pytest.raises(TypeError):
        hash(texts)
    reference = weakref.ref(texts)
    del texts
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("rows", [ROWS, [None if row is None else row.encode() for row in ROWS]])
def test_slices_are_those_of_a_list(rows):
    texts, answer = squeeze_each(rows), each(squeezed, rows)
    edges = [None, -12, -3, 0, 1, 8, 11, 20]
    for start, stop, step in itertools.product(edges, edges, [None, 1, 2, -1, -3]):
        part, expected = texts[start:stop:step], answer[start:stop:step]
        assert part.tolist() == expected
        assert part.null_count == expected.count(None)
        assert part[1:][1:].tolist() == expected[2:]
        assert part == squeeze_each(rows[start:stop:step])
        assert pickle.loads(pickle.dumps(part)) == part


def test_texts_are_equal_if_rows_are():
    texts = squeeze_each(ROWS)
    assert texts == squeeze_each(ANSWER)
    assert texts != squeeze_each(ROWS[:-1])
    assert texts != squeeze_each(["aa", "", *ROWS[2:]])
    assert squeeze_each(["a"]) != squeeze_each([b"a"])
    assert texts != ANSWER


def test_repr_shows_the_first_texts():
    assert repr(squeeze_each(ROWS[:3])) == "Texts(['a', None, 'b'])"
    assert repr(squeeze_each([])) == "Texts([])"
    shown = (
        "Texts(['a', None, 'b', 'ж', None, 'd', '', 'e', 'f', None, ...], length=11, null_count=3)"
    )
    assert repr(squeeze_each(ROWS)) == shown


def test_the_type_of_arrow_is_that_of_the_column():
    pa = pytest.importorskip("pyarrow")
    for of, to in (
        ("string", "string"),
        ("large_string", "large_string"),
        ("string_view", "large_string"),
        ("binary", "binary"),
        ("large_binary", "large_binary"),
        ("binary_view", "large_binary"),
    ):
        column = pa.array(["aa", None, "bba"]).cast(getattr(pa, of)())
        for kind in (column, pa.chunked_array([column[:1], column[1:]])):
            found = pa.array(squeeze_each(kind))
            found.validate(full=True)
            assert found == pa.array(["a", None, "ba"]).cast(getattr(pa, to)())
            assert pa.field(squeeze_each(kind)).type == found.type
    assert pa.array(squeeze_each(pa.array([b"aab"], pa.binary(3)))).type == pa.binary()
    dictionary = pa.array(["aa", None, "aa"], pa.large_string()).dictionary_encode()
    assert pa.array(squeeze_each(dictionary)).type == pa.large_string()
    for rows, type_ in ((["aa"], pa.string()), ([b"aa"], pa.binary()), ([None], pa.string())):
        assert pa.array(squeeze_each(rows)).type == type_
        assert pa.array(squeeze_each(rows, only=lambda _: True)).type == type_
    assert pa.array(squeeze_each(pa.nulls(2))).to_pylist() == [None, None]


def test_an_arrow_array_of_a_slice_keeps_its_memory():
    pa = pytest.importorskip("pyarrow")
    texts = squeeze_each(ROWS)
    for start, stop in itertools.combinations(range(len(ROWS) + 1), 2):
        part = pa.array(texts[start:stop])
        part.validate(full=True)
        assert part.to_pylist() == ANSWER[start:stop]
    array = pa.array(texts)
    del texts, part
    gc.collect()
    assert array.to_pylist() == ANSWER
    unused = squeeze_each(ROWS).__arrow_c_array__()
    del unused  # released by its capsules


def test_polars_and_pandas_take_texts():
    pl = pytest.importorskip("polars")
    pd = pytest.importorskip("pandas")
    for column in (pl.Series(ROWS), pd.Series(ROWS), pd.Series(ROWS, dtype=object)):
        texts = squeeze_each(column)
        assert texts.tolist() == ANSWER
        assert pl.Series(texts).to_list() == ANSWER
        assert pd.Series(texts).equals(pd.Series(ANSWER))


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "pandas", "polars", "pyarrow", "ctypes"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import pickle
from doubles_ffi import find_each, longest_each, squeeze_each

rows = ["aab", None, "жж"]
assert longest_each(rows).tolist() == [2, None, 2]
assert squeeze_each(rows, only=str.isascii).tolist() == ["ab", None, "жж"]
assert find_each(rows).tolist() == [(0, 0, 2, "a"), (2, 0, 2, "ж")]
assert pickle.loads(pickle.dumps(squeeze_each(rows))) == squeeze_each(rows)
squeeze_each(rows).__arrow_c_array__()
"""


def test_no_library_is_imported_or_needed():
    subprocess.run([sys.executable, "-c", WITHOUT], check=True)


# --- Faults ---

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
    for function in (longest_each, squeeze_each, find_each):
        with pytest.raises(TypeError) as found:
            function(column)
        assert str(found.value) == str(expected.value)


def test_a_row_that_is_not_utf8_is_named():
    pa = pytest.importorskip("pyarrow")
    buffers = [b"\x0d", b"\0\0\0\0\2\0\0\0\2\0\0\0\4\0\0\0\6\0\0\0", b"aa\xe2\x82bb"]
    column = pa.Array.from_buffers(pa.string(), 4, each(pa.py_buffer, buffers))
    parts = (column, pa.chunked_array([column[:1], column[1:]]))
    for function, part in itertools.product((longest_each, squeeze_each, find_each), parts):
        with pytest.raises(UnicodeDecodeError, match="end of data in row 2") as caught:
            function(part)
        assert (caught.value.row, caught.value.object) == (2, b"\xe2\x82")


@pytest.mark.parametrize("function", [partial(find_each, min_run=1), squeeze_each])
@pytest.mark.parametrize("rows", [1, 4096], ids=["long", "short"])
def test_signals_are_handled_after_each_half_mebibyte_of_rows(monkeypatch, function, rows):
    pa = pytest.importorskip("pyarrow")
    check, calls = Column._check, []

    def counted(*arguments):
        calls.append(arguments)
        return check(*arguments)

    monkeypatch.setattr(Column, "_check", counted)
    assert len(function(pa.array([b"ab" * (2**21 // rows)] * rows))) >= rows
    assert len(calls) >= 8
