"""One count a row: every kind of column against the definition, and producers that lie."""

import array
import collections
import collections.abc
import ctypes
import decimal
import itertools
import mmap
import operator
import pickle
import random
import re
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import doubles_ffi
from doubles_ffi import Counts, _library, count_each
from doubles_ffi._native import ffi

HERE = Path(__file__).parent

capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype = ctypes.py_object
capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def expected(rows):
    """Return the counts of rows by the definition."""
    return [None if row is None else reference.count(row) for row in rows]


# --- Rows that are objects ---


@pytest.mark.parametrize("kind", [list, tuple, iter, lambda rows: (row for row in rows)])
def test_any_iterable(kind):
    rows = ["hello", None, "aaa", float("nan"), "", "жжж", "é\xe9é", "𝄞𝄞", "\ud800\ud800"]
    answer = [1, None, 2, None, 0, 2, 2, 1, 1]
    assert count_each(kind(rows)).tolist() == answer
    assert count_each(kind([b"aa", None, b"\xff\xff"])).tolist() == [1, None, 1]
    assert count_each(kind([])).tolist() == []
    assert count_each(kind([None])).tolist() == [None]


def test_many_rows_and_long_ones():
    alphabets = ["ab", "aé", "aж", "€₭", "a𝄞"]
    lengths = [0, 1, 31, 32, 33, 200, 70_000]
    draw = random.Random(5)
    rows = ["".join(draw.choices(a, k=n)) for a, n in itertools.product(alphabets, lengths)]
    rows += [None, "x" * 300_000, "ж" * 300_000, *rows * 9]
    answer = expected(rows)
    assert count_each(rows).tolist() == answer
    short = [row for row in rows if row is None or len(row) < 40] * 400
    assert len(short) > 65_536, "more than one chunk"
    assert count_each(short).tolist() == expected(short)
    as_bytes = [None if row is None else row.encode() for row in rows]
    assert count_each(as_bytes).tolist() == expected(as_bytes)


def test_rows_where_the_c_can_not_count_them(monkeypatch):
    monkeypatch.setattr("doubles_ffi.columns.count_rows", None)
    rows = ["hello", None, "aaa", float("nan"), "", "жжж", "é\xe9é", "\ud800\ud800"]
    assert count_each(rows).tolist() == [1, None, 2, None, 0, 2, 2, 1]
    with pytest.raises(TypeError, match="row 1 is bytes"):
        count_each(["a", b"b"])


class Text(str):
    """Claims to be another str than it is."""

    __slots__ = ()

    def __len__(self):
        return 1

    def __iter__(self):
        return iter("no")


def test_rows_of_subclasses_count_what_they_hold():
    assert count_each([Text("aaa"), numpy.str_("bb"), Text("ж" * 300_000)]).tolist() == [
        2,
        1,
        299_999,
    ]
    assert count_each([numpy.bytes_(b"bb")]).tolist() == [1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a", b"b"], "row 1 is bytes, but rows before it are str"),
        ([None, b"b", "a"], "row 2 is str, but rows before it are bytes"),
        (["a"] * 70_000 + [7], "row 70000 is int, not str, bytes or null"),
        ([bytearray(b"a")], "row 0 is bytearray, not str, bytes or null"),
        (["a", ["a"]], "row 1 is list"),
        ([1.5], "row 0 is float"),
        (range(3), "row 0 is int"),
        (5, "expected a column of strings or bytes, not int"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_column(rows, message):
    with pytest.raises(TypeError, match=message):
        count_each(rows)


NULLS = {
    "None": None,
    "NaN": float("nan"),
    "NaN of 16 bits": numpy.float16("nan"),
    "NaN of 32 bits": numpy.float32("nan"),
    "NaN of 64 bits": numpy.float64("nan"),
    "complex NaN": complex("nan"),
    "decimal NaN": decimal.Decimal("nan"),
    "NaT": numpy.datetime64("nat"),
}


@pytest.mark.parametrize("null", NULLS.values(), ids=NULLS)
@pytest.mark.parametrize("kind", [list, tuple, iter, lambda rows: numpy.array(rows, object)])
def test_nulls_of_any_type(null, kind):
    for text in ("aaa", b"aaa"):
        assert count_each(kind([null, text, null])).tolist() == [None, 2, None]


def test_nulls_of_pandas():
    pd = pytest.importorskip("pandas")
    for null in (pd.NA, pd.NaT):
        assert count_each(["aaa", null]).tolist() == [2, None]


class NeverEqual(str):
    """Differs from itself, as NaN does."""

    __slots__ = ()
    __hash__ = None

    def __ne__(self, other):
        return True


def test_text_that_differs_from_itself_is_not_null():
    assert count_each([NeverEqual("a" * 300_000)]).tolist() == [299_999]


@pytest.mark.parametrize("row", [1.5, decimal.Decimal("snan"), numpy.zeros(2), numpy.float32(1)])
def test_numbers_and_arrays_are_not_null(row):
    with pytest.raises(TypeError, match=f"row 1 is {type(row).__name__}, not str, bytes or null"):
        count_each(["aa", row])


TEXTS = {"aa": 1, "bbb": 2}


@pytest.mark.parametrize(
    "rows",
    [
        TEXTS.keys(),
        TEXTS.values().mapping,
        collections.UserDict(TEXTS),
        collections.ChainMap(TEXTS),
        collections.Counter(TEXTS),
        collections.OrderedDict(TEXTS),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_of_a_mapping_the_keys_or_the_values_are_a_column(rows):
    if isinstance(rows, collections.abc.MappingView):
        assert count_each(rows).tolist() == [1, 2]
        return
    with pytest.raises(TypeError, match=r"; pass its keys\(\) or its values\(\)$"):
        count_each(rows)
    assert count_each(rows.keys()).tolist() == expected(rows.keys())
    with pytest.raises(TypeError, match="row 0 is int"):
        count_each(rows.values())
    with pytest.raises(TypeError, match="row 0 is tuple"):
        count_each(rows.items())


class OrderedSet(list, collections.abc.Set):
    """A set that keeps an order."""


def test_a_set_is_a_column_if_it_has_an_order():
    assert count_each(OrderedSet(["aa", "bbb"])).tolist() == [1, 2]
    for unordered in (set(TEXTS), frozenset(TEXTS), set()):
        with pytest.raises(TypeError, match=r"not (frozen)?set, which has no order"):
            count_each(unordered)


def closed_mmap():
    mapping = mmap.mmap(-1, 2)
    mapping.close()
    return mapping


@pytest.mark.parametrize(
    "text",
    [
        *("abc", b"abc", bytearray(b"abc"), memoryview(b"abc"), mmap.mmap(-1, 2), closed_mmap()),
        *(array.array("B", b"ab"), array.array("u", "ab")),
    ],
    ids=lambda text: type(text).__name__,
)
def test_one_text_is_not_a_column(text):
    name = type(text).__name__
    with pytest.raises(TypeError, match=f"bytes, not {name}; count_doubles counts one"):
        count_each(text)


def test_an_error_in_an_iterator_is_its_own():
    def rows():
        yield "aa"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        count_each(rows())


def test_threads_have_to_be_some():
    with pytest.raises(ValueError, match="threads must be at least 1, not 0"):
        count_each([], threads=0)


# --- NumPy ---


@pytest.mark.parametrize("order", ["<", ">"])
def test_numpy_text(order):
    rows = ["", "aa", "a\0\0a", "жжж", "\u6100\u6100", "𝄞𝄞ab"]
    array = numpy.array(rows, f"{order}U5")
    assert count_each(array).tolist() == expected(rows)
    assert count_each(array[::-2]).tolist() == expected(rows[::-2])
    assert count_each(numpy.broadcast_to(array[1], 3)).tolist() == [1, 1, 1]
    table = numpy.array([rows, rows[::-1]], f"{order}U5")
    assert count_each(table[:, 1]).tolist() == expected([rows[1], rows[-2]])


def test_numpy_bytes():
    rows = [b"", b"aa", b"a\0\0a", b"\xff\xff\xff", b"ab"]
    array = numpy.array(rows)
    assert count_each(array).tolist() == expected(rows)
    assert count_each(array[::-1]).tolist() == expected(rows[::-1])
    assert count_each(array[:0]).tolist() == []
    assert count_each(numpy.array([b"", b""])).tolist() == [0, 0]
    many = numpy.array([b"aab", b"bbbb"] * 200_000)
    assert count_each(many).tolist() == [1, 3] * 200_000


def test_numpy_objects_and_masks():
    rows = ["aa", None, "жжж"]
    assert count_each(numpy.array(rows, object)).tolist() == [1, None, 2]
    masked = numpy.ma.array(["aa", "bb", "ccc"], mask=[False, True, False])
    assert count_each(masked).tolist() == [1, None, 2]
    if hasattr(numpy.dtypes, "StringDType"):
        array = numpy.array(rows, numpy.dtypes.StringDType(na_object=None))
        assert count_each(array).tolist() == [1, None, 2]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "contiguous": lambda array: array,
    "empty": lambda array: array[:0],
    "strided": lambda array: array[1::3],
    "reversed": lambda array: array[::-1],
    "reversed and strided": lambda array: array[::-2],
    "one row five times": lambda array: numpy.broadcast_to(array[:1], 5) if len(array) else array,
    "a column of two": lambda array: numpy.stack([array, array[::-1]], axis=1)[:, 1],
    "read-only": read_only,
}
# NumPy can neither mask strings of any length nor put them into a record.
FIXED_LAYOUTS = {
    **LAYOUTS,
    "a field": lambda array: numpy.rec.fromarrays([range(len(array)), array])["f1"],
    "masked": lambda array: numpy.ma.array(array, mask=[row % 3 == 1 for row in range(len(array))]),
}
TYPES = ["<U3", ">U3", "S12", "<U12", ">U12", "O"]
if hasattr(numpy.dtypes, "StringDType"):
    TYPES.append("T")


@pytest.mark.parametrize("type_", TYPES)
@given(st.lists(st.text("aabbж𝄞\0\ud800", max_size=12), max_size=20))
def test_every_layout_of_numpy_counts_what_it_lists(type_, rows):
    if type_ == "T":
        rows = [row.replace("\ud800", "") for row in rows]
    if type_ == "S12":
        rows = [row.encode("utf-8", "surrogatepass") for row in rows]
    layouts = LAYOUTS if type_ == "T" else FIXED_LAYOUTS
    for layout, lay_out in layouts.items():
        array = lay_out(numpy.array(rows, type_))
        answer = expected(array.tolist())
        counts = count_each(array)
        assert counts.tolist() == answer, layout
        assert counts.sum() == sum(filter(None, answer)), layout


@pytest.mark.parametrize("type_", TYPES)
def test_arrays_of_numpy_that_are_not_a_column(type_):
    rows = numpy.array(["aab", "b"], type_)
    for wrong, message in (
        (rows[0:1].reshape(()), "not an array of 0 dimensions"),
        (rows.reshape(1, 2), "not an array of 2 dimensions"),
        (rows[:0].reshape(0, 0), "not an array of 2 dimensions"),
    ):
        with pytest.raises(TypeError, match=message):
            count_each(wrong)


@pytest.mark.parametrize("kind", [numpy.asarray, lambda array: array.view(numpy.recarray)])
def test_structured_arrays_name_their_columns(kind):
    table = kind(numpy.array([("aab", 1)], [("text", "U3"), ("number", int)]))
    with pytest.raises(TypeError, match="one of its columns: 'text', 'number'"):
        count_each(table)
    assert count_each(table["text"]).tolist() == [1]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (numpy.arange(3), "not an array of type '<i8'"),
        (numpy.array([["a"]]), "not an array of 2 dimensions"),
        (numpy.array("a"), "not an array of 0 dimensions"),
        (numpy.array([["a"]], object), "not an array of 2 dimensions"),
        (numpy.array(None, object), "not an array of 0 dimensions"),
        (numpy.ma.array([1, 2]), "row 0 is int"),
    ],
)
def test_numpy_arrays_that_are_no_column(array, message):
    with pytest.raises(TypeError, match=message):
        count_each(array)


# --- Arrow, by the libraries that have it ---


ALPHABETS = ["ab", "aж", "aж€𝄞", "жз", "€₭", "𝄞𝄟", "a\0"]


def draw_rows(draw):
    """Draw a column: of any script, of short or long rows, with nulls or without."""
    alphabet = draw.choice(ALPHABETS)
    longest = draw.choice([0, 3, 13, 20, 70, 300])
    number = draw.randint(0, draw.choice([5, 200, 9000]))
    rows = [
        "".join(c * draw.randint(1, 4) for c in draw.choices(alphabet, k=draw.randint(0, longest)))
        for _ in range(number)
    ]
    if number and draw.random() < 0.1:
        length = draw.choice([32_767, 32_768, 32_769, 100_000])
        rows[draw.randrange(number)] = draw.choice(alphabet) * length
    if draw.random() < 0.7:
        rows = [None if draw.random() < 0.1 else row for row in rows]
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_every_layout_of_pyarrow(seed):
    pa = pytest.importorskip("pyarrow")
    draw = random.Random(seed)
    rows = draw_rows(draw)
    answer = expected(rows)
    start, stop = sorted(draw.choices(range(len(rows) + 1), k=2))
    for type_ in (pa.string(), pa.large_string(), pa.string_view()):
        array = pa.array(rows, type_)
        threads = draw.choice([None, 1, 2])
        assert count_each(array, threads=threads).tolist() == answer
        assert count_each(array[start:stop]).tolist() == answer[start:stop]
        chunks = pa.chunked_array([array[:start], array[start:stop], array[stop:]])
        assert count_each(chunks, threads=threads).tolist() == answer
    text = pa.array(rows, pa.string())
    for index in (pa.int8(), pa.uint16(), pa.int64()):
        few = text[:100]
        dictionary = few.dictionary_encode().cast(pa.dictionary(index, pa.string()))
        assert count_each(dictionary).tolist() == answer[:100]
        assert count_each(dictionary[7:50]).tolist() == answer[:100][7:50]
    as_bytes = [None if row is None else row.encode() for row in rows]
    answer = expected(as_bytes)
    for type_ in (pa.binary(), pa.large_binary(), pa.binary_view()):
        assert count_each(pa.array(as_bytes, type_)[start:stop]).tolist() == answer[start:stop]
    fixed = [None if row is None else row[:6].ljust(6, b"x") for row in as_bytes]
    array = pa.array(fixed, pa.binary(6))
    assert count_each(array[start:stop]).tolist() == expected(fixed)[start:stop]


def test_chunks_and_nulls_of_pyarrow():
    pa = pytest.importorskip("pyarrow")
    assert count_each(pa.chunked_array([], pa.string())).tolist() == []
    assert count_each(pa.nulls(3)).tolist() == [None] * 3
    assert count_each(pa.chunked_array([pa.nulls(2)])).tolist() == [None] * 2
    assert count_each(pa.array([], pa.string())).tolist() == []
    assert count_each(pa.array([None, None], pa.string())).null_count == 2
    chunks = [["aa"] * 8, ["aa"] * 8, [None, "aa"]]
    assert count_each(pa.chunked_array(chunks)).tolist() == [*[1] * 16, None, 1]
    chunks = [["aa"], [], [None], ["жжж", "b"]]
    assert count_each(pa.chunked_array(chunks, pa.string())).tolist() == [1, None, 2, 0]


def test_run_end_encoded_arrays_of_pyarrow_are_to_be_decoded():
    pa = pytest.importorskip("pyarrow")
    runs = pa.compute.run_end_encode(pa.array(["aa", "aa", None]))
    with pytest.raises(TypeError, match=r"decode it first, as pyarrow\.compute\.run_end_decode"):
        count_each(runs)
    assert count_each(pa.compute.run_end_decode(runs)).tolist() == [1, 1, None]


def test_buffers_at_any_address():
    pa = pytest.importorskip("pyarrow")
    offsets, text = struct.pack("<4i", 0, 2, 2, 5), b"aabbb"

    def shifted(content):
        return pa.py_buffer(b"x" + content)[1:]

    buffers = [shifted(content) for content in (b"\x05", offsets, text)]
    array = pa.Array.from_buffers(pa.string(), 3, buffers)
    assert count_each(array).tolist() == [1, None, 2]


def test_row_that_is_not_utf8():
    pa = pytest.importorskip("pyarrow")
    for size in (3, 1 << 17):
        valid = b"\xc3\xa9" * (size // 2)
        rows = [b"aa", b"", valid + b"\xe2\x82", b"bb"]
        offsets = i32(0, *itertools.accumulate(map(len, rows)))
        buffers = map(pa.py_buffer, [b"\x0d", offsets, b"".join(rows)])
        array = pa.Array.from_buffers(pa.string(), 4, list(buffers))
        for column in (array, pa.chunked_array([array[:1], array[1:]])):
            with pytest.raises(UnicodeDecodeError, match="end of data in row 2") as caught:
                count_each(column)
            assert caught.value.row == 2
            assert (caught.value.start, caught.value.end) == (len(valid), len(valid) + 2)


@pytest.mark.parametrize("table", ["Table", "RecordBatch"])
def test_tables_of_pyarrow_name_their_columns(table):
    pa = pytest.importorskip("pyarrow")
    data = getattr(pa, table).from_pydict({"text": ["aa"], "number": [1]})
    with pytest.raises(TypeError, match="pass one of its columns: 'text', 'number'"):
        count_each(data)
    with pytest.raises(TypeError, match="not one of Arrow format 'l'"):
        count_each(data["number"])


@pytest.mark.parametrize("seed", range(5))
def test_polars(seed):
    pl = pytest.importorskip("polars")
    draw = random.Random(seed)
    rows = draw_rows(draw)
    answer = expected(rows)
    series = pl.Series(rows, dtype=pl.String)
    start = draw.randint(0, len(rows))
    assert count_each(series).tolist() == answer
    assert count_each(series[start:]).tolist() == answer[start:]
    assert count_each(series.cast(pl.Categorical)).tolist() == answer
    assert count_each(series.cast(pl.Binary)).tolist() == expected(
        [None if row is None else row.encode() for row in rows]
    )
    assert pl.Series(count_each(series)).to_list() == answer
    with pytest.raises(TypeError, match="one of its columns: 'a'"):
        count_each(pl.DataFrame({"a": series}))
    with pytest.raises(TypeError, match="not one of Arrow format 'l'"):
        count_each(pl.Series([1]))


@pytest.mark.parametrize(
    "dtype", ["object", "string[python]", "string[pyarrow]", "str", "category"]
)
def test_pandas(dtype):
    pd = pytest.importorskip("pandas")
    if dtype == "string[pyarrow]":
        pytest.importorskip("pyarrow")
    rows = ["aa", None, "жжж", "", "b"] * 5
    series = pd.Series(rows, dtype=dtype)
    answer = expected(rows) if series.isna().any() else None
    assert answer, "else it shows nothing"
    assert count_each(series).tolist() == answer
    assert count_each(series[3:8]).tolist() == answer[3:8]
    assert count_each(series.iloc[::-1]).tolist() == answer[::-1]
    frame = pd.DataFrame({"text": series, "number": 1})
    assert frame.assign(doubles=count_each(series))["doubles"].isna().sum() == rows.count(None)
    with pytest.raises(TypeError, match="one of its columns: 'text', 'number'"):
        count_each(frame)
    with pytest.raises(TypeError, match=r"not one of Arrow format 'l'|row 0 is int"):
        count_each(frame["number"])
    with pytest.raises(TypeError, match="row 2 is int"):
        count_each(pd.Series(["a", None, 7], dtype="object"))


def test_objects_of_polars_are_rows():
    pl = pytest.importorskip("polars")
    rows = ["aaaaa", "b", None]
    series = pl.Series(rows, dtype=pl.Object)
    assert count_each(series).tolist() == [4, 0, None]
    assert count_each(pl.concat([series, series])[1:5]).tolist() == [0, None, 4, 0]
    assert count_each(pl.Series([b"aab"], dtype=pl.Object)).tolist() == [1]
    assert count_each(pl.Series([], dtype=pl.Object)).tolist() == []
    with pytest.raises(TypeError, match="row 1 is int"):
        count_each(pl.Series(["aa", 7], dtype=pl.Object))


def test_types_of_polars():
    pl = pytest.importorskip("polars")
    rows = ["aa", None, "aa", "b"]
    for dtype in (pl.Categorical, pl.Enum(["b", "aa"])):
        assert count_each(pl.Series(rows, dtype=dtype)).tolist() == [1, None, 1, 0]
    assert count_each(pl.Series([None, None])).tolist() == [None, None]
    numbers = [pl.Boolean, pl.Int8, pl.Int128, pl.UInt128, pl.Float32, pl.Decimal, pl.Date, pl.Time]
    for dtype in [*numbers, pl.List(pl.String), pl.Array(pl.String, 1)]:
        with pytest.raises(TypeError, match="not one of Arrow format"):
            count_each(pl.Series([None], dtype=dtype))
    with pytest.raises(TypeError, match="one of its columns: 'a', 'b'"):
        count_each(pl.Series([{"a": "aa", "b": 1}]))


def test_sparse_series_of_pandas():
    pd = pytest.importorskip("pandas")
    array = pd.arrays.SparseArray(["aa", None, "aa", "b"], dtype=pd.SparseDtype(object))
    assert count_each(pd.Series(array)).tolist() == [1, None, 1, 0]
    assert count_each(array).tolist() == [1, None, 1, 0]
    with pytest.raises(TypeError, match="row 0 is int"):
        count_each(pd.Series([7, 0], dtype=pd.SparseDtype(int)))


def test_categories_of_pandas():
    pd = pytest.importorskip("pandas")
    for rows in (["aa", None, "b"], [b"aa", None, b"b"]):
        for column in (pd.Series(rows, dtype="category"), pd.CategoricalIndex(rows)):
            assert count_each(column).tolist() == [1, None, 0]
    for column in (pd.Series(["aa", 7], dtype="category"), pd.CategoricalIndex(["aa", 7])):
        with pytest.raises(TypeError, match="row 1 is int"):
            count_each(column)


def test_extension_types_of_pyarrow_are_what_they_store():
    pa = pytest.importorskip("pyarrow")
    for storage in (pa.array(["aa", None]), pa.array(["aa", None]).dictionary_encode()):
        type_ = pa.opaque(storage.type, "type", "vendor")
        extension = pa.ExtensionArray.from_storage(type_, storage)
        assert count_each(extension).tolist() == [1, None]


def test_a_dictionary_with_a_null_value():
    pa = pytest.importorskip("pyarrow")
    indices = pa.array([0, 1, None, 0], pa.int8())
    for values in (pa.array(["aa", None]), pa.array(["aa", None]).dictionary_encode()):
        dictionary = pa.DictionaryArray.from_arrays(indices, values)
        assert count_each(dictionary).tolist() == [1, None, None, 1]
    nulls = pa.DictionaryArray.from_arrays(indices, pa.nulls(2))
    assert count_each(nulls).tolist() == [None] * 4


class SeriesOfPandas2:
    """Has no protocol, but an array that has pyarrow's."""

    def __init__(self, held):
        self.array = self
        self.held = held

    def __arrow_array__(self, type=None):  # noqa: A002 (the protocol's name)
        return self.held


def test_series_over_an_array_of_pyarrow():
    pa = pytest.importorskip("pyarrow")
    assert count_each(SeriesOfPandas2(pa.array(["aa", None]))).tolist() == [1, None]
    assert count_each(SeriesOfPandas2(pa.chunked_array([["aa"], [None]]))).tolist() == [1, None]


def test_duckdb_relations_name_their_columns():
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("SELECT 'aa' AS text, 1 AS number")
    with pytest.raises(TypeError, match="one of its columns: 'text', 'number'"):
        count_each(relation)


class SeriesWithoutPyarrow(list):
    """A Series whose protocol needs a library that is not installed."""

    def __arrow_c_stream__(self, requested_schema=None):
        raise ImportError("no pyarrow")


def test_a_protocol_that_needs_another_library():
    assert count_each(SeriesWithoutPyarrow(["aa", None])).tolist() == [1, None]


class Frame:
    """A table without a protocol."""

    columns = ("a", "b")


def test_tables_without_a_protocol_name_their_columns():
    with pytest.raises(TypeError, match="one of its columns: 'a', 'b'"):
        count_each(Frame())


# --- Arrow, by a producer in C that counts releases ---


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("producer") / "producer.so"
    include = f"-I{HERE.parent / 'rustlib' / 'include'}"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, include, HERE / "arrow_producer.c", "-o", path], check=True)
    return ctypes.CDLL(str(path))


class Producer:
    """Structs as they are said to be, right or wrong, in capsules that release nothing themselves.

    Args:
        library: the C.
        form: Arrow's format.
        length: how many rows there are said to be.
        buffers: the buffers, and None for NULL.
        fields: what else the array says.
    """

    def __init__(  # noqa: PLR0913
        self, library, form, length, buffers, *, children=(), dictionary=None, **fields
    ):
        self.library = library
        self.counter = (ctypes.c_int64 * 3).in_dll(library, "released")
        self.counter[:] = [0, 0, 0]
        self.kept = [None if b is None else ffi.from_buffer(b) for b in buffers]
        self.buffers = ffi.new("const void *[]", [ffi.NULL if b is None else b for b in self.kept])
        self.form = ffi.NULL if form is None else ffi.new("char[]", form.encode())
        self.schema = ffi.new("DoublesArrowSchema *")
        self.schema.format = self.form
        self.schema.name = self.form
        self.schema.release = self.function("release_schema", self.schema)
        self.array = ffi.new("DoublesArrowArray *")
        self.array.length = length
        self.array.n_buffers = len(buffers)
        self.array.buffers = self.buffers
        self.array.release = self.function("release_array", self.array)
        self.children = children
        self.of_children = [
            ffi.new("DoublesArrowSchema *[]", [child.schema for child in children]),
            ffi.new("DoublesArrowArray *[]", [child.array for child in children]),
        ]
        for struct_, of_children in zip((self.schema, self.array), self.of_children):
            struct_.n_children = len(children)
            struct_.children = of_children
        if dictionary:
            self.dictionary = dictionary
            self.schema.dictionary, self.array.dictionary = dictionary.schema, dictionary.array
        for name, value in fields.items():
            setattr(self.array, name, value)

    def function(self, name, like):
        address = ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        return ffi.cast(f"void (*)({ffi.typeof(like).cname})", address)

    def __arrow_c_array__(self, requested_schema=None):
        schema, array = (int(ffi.cast("intptr_t", s)) for s in (self.schema, self.array))
        return capsule(schema, b"arrow_schema", None), capsule(array, b"arrow_array", None)

    @property
    def released(self):
        return list(self.counter)


class Stream(Producer):
    """The same array in a stream, so many times, and then an error if there is a message."""

    def __init__(self, library, chunks, message=None):
        super().__init__(library, "u", 2, [None, i32(0, 2, 5), b"aabbb"])
        self.message = ffi.NULL if message is None else ffi.new("char[]", message)
        # As in arrow_producer.c.
        sizes = [ffi.sizeof("DoublesArrowSchema"), ffi.sizeof("DoublesArrowArray")]
        script = bytes(ffi.buffer(self.schema)) + bytes(ffi.buffer(self.array))
        script += struct.pack("qN", chunks, int(ffi.cast("uintptr_t", self.message)))
        assert len(script) == sum(sizes) + 16
        self.script = ffi.new("char[]", script)
        self.stream = ffi.new("DoublesArrowStream *")
        for name in ("get_schema", "get_next", "get_last_error"):
            self.set(name, name)
        self.set("release", "release_stream")
        self.stream.private_data = self.script
        address = int(ffi.cast("intptr_t", self.stream))
        self.capsule = capsule(address, b"arrow_array_stream", None)

    @property
    def chunks(self):
        """How many are left."""
        return struct.unpack_from("q", ffi.buffer(self.script), len(self.script) - 17)[0]

    def set(self, field, name):
        type_ = dict(ffi.typeof("DoublesArrowStream").fields)[field].type
        address = ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        setattr(self.stream, field, ffi.cast(type_, address))

    def __arrow_c_stream__(self, requested_schema=None):
        return self.capsule


def i32(*numbers):
    return struct.pack(f"{len(numbers)}i", *numbers)


def i64(*numbers):
    return struct.pack(f"{len(numbers)}q", *numbers)


def view(length, buffer=0, offset=0):
    return struct.pack("i4sii", length, b"aaaa", buffer, offset)


TWENTY = b"a" * 20
HUGE = 2**62

MALFORMED = [
    ("u", 1, [None, i32(-5, 2), b"aaa"], {}),
    ("u", 2, [None, i32(0, 3, 2), b"aaa"], {}),
    ("u", 1, [None, i32(5, 2), b"aaaaa"], {}),
    ("u", 1, [None, i32(0, -1), b"aaa"], {}),
    ("u", 1, [None, None, None], {}),
    ("u", 1, [None, i32(0, 3), None], {}),
    ("u", 1, [None], {}),
    ("u", 1, [], {}),
    ("u", -1, [None, i32(0), b""], {}),
    ("u", 1, [None, i32(0, 1), b"a"], {"offset": -1}),
    ("u", HUGE, [None, i32(0), b""], {"offset": HUGE}),
    ("u", HUGE, [None, i32(0), b""], {}),
    ("u", 1, [None, i32(0, 1), b"a"], {"null_count": 1}),
    ("u", 1, [None, i32(0, 1), b"a"], {"n_buffers": -1}),
    ("u", 1, [None, i32(0, 1), b"a"], {"n_buffers": 1, "null_count": 0}),
    ("U", 1, [None, i64(-5, 2), b"aaa"], {}),
    ("U", 2, [None, i64(0, 3, 2), b"aaa"], {}),
    ("U", 1, [None, i64(0, -(2**63)), b"aaa"], {}),
    ("vu", 1, [None, view(20), TWENTY, i64(19)], {}),
    ("vu", 1, [None, view(20, 1), TWENTY, i64(20)], {}),
    ("vu", 1, [None, view(20, -1), TWENTY, i64(20)], {}),
    ("vu", 1, [None, view(-1), TWENTY, i64(20)], {}),
    ("vu", 1, [None, view(20, 0, -1), TWENTY, i64(20)], {}),
    ("vu", 1, [None, view(20, 0, 2**31 - 1), TWENTY, i64(20)], {}),
    ("vu", 1, [None, view(20), TWENTY, i64(-1)], {}),
    ("vu", 1, [None, view(20), None, i64(20)], {}),
    ("vu", 1, [None, view(20), TWENTY, None], {}),
    ("vu", 1, [None, view(3)], {}),
    ("w:3", 1, [None, None], {}),
    (f"w:{HUGE}", 4, [None, b"a"], {}),
    (None, 1, [None, i32(0, 1), b"a"], {}),
]


@pytest.mark.parametrize("index", range(len(MALFORMED)))
def test_malformed_arrays_are_refused_and_released(library, index):
    form, length, buffers, fields = MALFORMED[index]
    producer = Producer(library, form, length, buffers, **fields)
    with pytest.raises(ValueError, match="the Arrow array is malformed"):
        count_each(producer)
    assert producer.released == [1, 1, 0]


def test_malformed_rows_are_named(library):
    with pytest.raises(ValueError, match="malformed: row 1 does not lie within it"):
        count_each(Producer(library, "u", 3, [None, i32(0, 3, 2, 3), b"aaa"]))


@pytest.mark.parametrize("form", ["", "l", "tdD", "w:x", "w:-3", "+l", "d:10,2", "uu"])
def test_other_types_are_refused_and_released(library, form):
    producer = Producer(library, form, 1, [None, b"\0" * 16])
    with pytest.raises(TypeError, match=re.escape(f"not one of Arrow format '{form}'")):
        count_each(producer)
    assert producer.released == [1, 1, 0]


def test_correct_structs_are_counted_and_released(library):
    for form, length, buffers, fields, answer in [
        ("u", 3, [b"\x05", i32(0, 2, 4, 6), b"aabbcc"], {"null_count": -1}, [1, None, 1]),
        ("u", 2, [b"\x05", i32(0, 2, 4, 6), b"aabbcc"], {"null_count": 1, "offset": 1}, [None, 1]),
        ("u", 2, [b"\x01", i32(0, 2, 3), b"aa\xff"], {"null_count": 1}, [1, None]),
        ("z", 2, [None, i32(0, 2, 3), b"aa\xff"], {}, [1, 0]),
        ("w:3", 2, [None, b"aaabbc"], {}, [2, 1]),
        ("w:0", 2, [None, b""], {}, [0, 0]),
        ("w:0", 2, [None, None], {}, [0, 0]),
        ("vu", 2, [None, view(3) + view(20), TWENTY, i64(20)], {}, [2, 19]),
        ("vz", 1, [None, view(3), None], {}, [2]),
        ("u", 0, [None, None, None], {}, []),
        ("n", 2, [], {}, [None, None]),
    ]:
        producer = Producer(library, form, length, buffers, **fields)
        assert count_each(producer).tolist() == answer, form
        assert producer.released == [1, 1, 0]


def test_dictionaries_are_checked(library):
    def text():
        return Producer(library, "u", 2, [None, i32(0, 2, 3), b"aa\xff"])

    def bad():
        return Producer(library, "u", 1, [None, i32(0, -2), b"aa"])

    good = Producer(library, "c", 3, [b"\x05", b"\0\7\0"], dictionary=text(), null_count=1)
    assert count_each(good).tolist() == [1, None, 1]
    assert good.released == [1, 1, 0], "what belongs to a struct is released by its producer"
    with pytest.raises(ValueError, match="row 1 does not lie"):
        count_each(Producer(library, "c", 2, [None, b"\0\2"], dictionary=text()))
    with pytest.raises(ValueError, match=r"malformed$"):
        count_each(Producer(library, "c", 1, [None, b"\0"], dictionary=bad()))
    with pytest.raises(UnicodeDecodeError, match="in row 2") as caught:
        count_each(Producer(library, "c", 3, [None, b"\0\0\1"], dictionary=text()))
    assert caught.value.object == b"\xff"

    nested = text()
    for _ in range(5):
        nested = Producer(library, "c", 1, [None, b"\0"], dictionary=nested)
    with pytest.raises(TypeError, match="expected a column"):
        count_each(nested)


def test_more_rows_than_memory(library):
    producer = Producer(library, "n", HUGE, [])
    with pytest.raises(MemoryError):
        count_each(producer)
    assert producer.released == [1, 1, 0]


def test_a_capsule_is_good_for_once(library):
    producer = Producer(library, "u", 1, [None, i32(0, 2), b"aa"])
    assert count_each(producer).tolist() == [1]
    with pytest.raises(ValueError, match="used up"):
        count_each(producer)
    assert producer.released == [1, 1, 0]
    stream = Stream(library, 2)
    assert count_each(stream).tolist() == [1, 2] * 2
    with pytest.raises(ValueError, match="used up"):
        count_each(stream)
    assert stream.released == [1, 2, 1]


def test_capsules_of_another_kind():
    class Wrong:
        def __arrow_c_stream__(self, requested_schema=None):
            return capsule(1, b"something", None)

    with pytest.raises(ValueError, match="PyCapsule"):
        count_each(Wrong())


def test_a_stream_that_fails(library):
    stream = Stream(library, 3, b"the disk is gone")
    with pytest.raises(OSError, match="the disk is gone"):
        count_each(stream)
    assert stream.released == [1, 3, 1]
    stream = Stream(library, 3)
    stream.set("get_schema", "fail")
    with pytest.raises(OSError, match="the Arrow stream failed") as caught:
        count_each(stream)
    assert caught.value.errno == 12
    assert stream.released == [0, 0, 1]


# In a process of its own, as all that expects signals. One that Python swallows, as in a
# destructor, is followed by another; one that comes while the first unwinds is not raised, since
# no `with` survives that.
INTERRUPTED = """
import ctypes, signal, sys
import numpy
import test_columns
from test_columns import Producer, Stream, count_each

library = ctypes.CDLL(sys.argv[1])
column = eval(sys.argv[2])

def interrupt(*_):
    if sys.exc_info()[1] is None and eval(sys.argv[5]):
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
try:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        eval(sys.argv[3])
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
except KeyboardInterrupt:
    print("interrupted", *eval(sys.argv[4]))
"""


def interrupted(library, column, count, answer, *, begun="True"):
    """Make and count a column in a process, interrupt that, and return the numbers of an answer.

    On a busy machine the first signal may come before the count: it waits until that has begun.
    """
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, library._name, column, count, answer, begun],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE,
    )
    assert process.stderr == ""
    first, *numbers = process.stdout.split()
    assert first == "interrupted"
    return [*map(int, numbers)]


def test_ctrl_c_in_a_stream_without_end(library):
    schemas, arrays, streams, produced = interrupted(
        library,
        "Stream(library, 2**62)",
        "count_each(column)",
        "[*column.released, 2**62 - column.chunks]",
        begun="column.chunks < 2**62",
    )
    assert (schemas, streams) == (1, 1)
    assert arrays == produced > 0


def test_ctrl_c_in_100_million_rows(library):
    offsets = "numpy.zeros(100_000_001, 'i4')"  # Pages that nobody has written to take no memory.
    column = f"Producer(library, 'u', 100_000_000, [None, {offsets}, b''])"
    count = "count_each(column, threads=1)"
    assert interrupted(library, column, count, "column.released") == [1, 1, 0]


def test_rows_that_another_thread_changes(library):
    """Wrong counts or errors are fine; a signal or another exception is not."""
    text, offsets = bytearray(b"\xc3\xa9aabb" * 200), bytearray(i32(*range(0, 1200, 6)))
    stop = threading.Event()

    def write():
        draw = random.Random(7)
        while not stop.is_set():
            text[draw.randrange(len(text))] ^= 0xFF
            offsets[draw.randrange(len(offsets) - 8)] ^= 1 << draw.randrange(8)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(2000):
            producer = Producer(library, "u", 199, [None, offsets, text])
            try:
                count_each(producer)
            except (UnicodeDecodeError, ValueError):
                pass
            except RuntimeError as error:
                if "was changed" not in str(error):
                    raise
            assert producer.released == [1, 1, 0]
    finally:
        stop.set()
        thread.join()


# In a process of its own: a fork copies the locks that coverage and other threads hold.
AFTER_FORK = """
import os, numpy
from doubles_ffi import count_each

rows = numpy.array([b"aab", b"bbbb"] * 200_000)
answer = count_each(rows)
child = os.fork()
if child == 0:
    os._exit(0 if count_each(rows) == answer else 1)
assert os.waitpid(child, 0)[1] == 0
"""


def test_count_after_fork():
    subprocess.run([sys.executable, "-W", "ignore", "-c", AFTER_FORK], check=True, timeout=60)


# --- What can't be made ---


@pytest.mark.parametrize("name", ["doubles_column_new", "doubles_counts_new"])
def test_what_can_not_be_made(monkeypatch, name):
    class Library:
        def __getattr__(self, other):
            return (lambda: ffi.NULL) if other == name else getattr(real, other)

    real = _library.lib
    monkeypatch.setattr(_library, "lib", Library())
    with pytest.raises(RuntimeError, match="panicked"):
        count_each(numpy.array(["aa"]))


# --- Counts ---


ROWS = ["aa", None, "bbb", "c", None, "dddd", "", "e", "ff", None, "ggg"]
ANSWER = expected(ROWS)


def test_counts_are_a_sequence():
    counts = count_each(ROWS)
    assert len(counts) == len(ROWS)
    assert [counts[row] for row in range(len(ROWS))] == list(counts) == counts.tolist() == ANSWER
    assert (counts[-1], counts[-2]) == (2, None)
    assert counts.null_count == 3
    assert (None in counts, counts.index(3), counts.count(None)) == (True, 5, 3)
    assert list(reversed(counts)) == ANSWER[::-1]
    for row in (len(ROWS), -len(ROWS) - 1):
        with pytest.raises(IndexError):
            counts[row]
    with pytest.raises(TypeError):
        counts["a"]
    with pytest.raises(TypeError):
        hash(counts)


def test_slices_of_counts():
    counts = count_each(ROWS)
    edges = [None, -12, -3, 0, 1, 5, 8, 11, 20]
    for start, stop, step in itertools.product(edges, edges, [None, 1, 2, -1, -3]):
        part = counts[start:stop:step]
        assert part.tolist() == ANSWER[start:stop:step]
        assert part.null_count == ANSWER[start:stop:step].count(None)
        assert part[1:][1:].tolist() == ANSWER[start:stop:step][2:]
        assert part == count_each(ROWS[start:stop:step])
        assert pickle.loads(pickle.dumps(part)) == part


def test_sum_of_counts():
    counts = count_each(ROWS)
    numbers = [number or 0 for number in ANSWER]
    assert counts.sum() == sum(numbers) == 9
    edges = [None, -3, 0, 1, 5, 8, 20]
    for start, stop, step in itertools.product(edges, edges, [None, 1, 2, -1]):
        assert counts[start:stop:step].sum() == sum(numbers[start:stop:step])
    assert type(counts.sum()) is int
    assert count_each([]).sum() == count_each([None]).sum() == 0
    assert pickle.loads(pickle.dumps(counts[1:6])).sum() == sum(numbers[1:6])


def test_counts_compared_with_a_number_say_what_to_convert_them_to():
    counts = count_each(["aaa", "b"])
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        with pytest.raises(TypeError, match=r"convert them first.*numpy\.asarray\(counts\)"):
            compare(counts, 2)
        with pytest.raises(TypeError, match="not supported between"):
            compare(counts, "2")
        answer = compare(numpy.array([2, 0]), 2).tolist()
        assert compare(counts, numpy.array([2, 2])).tolist() == answer
        assert compare(numpy.asarray(counts), 2).tolist() == answer


def test_equality_of_counts():
    counts = count_each(ROWS)
    assert counts == count_each(ROWS)
    assert counts != count_each(ROWS[:-1])
    assert counts != count_each(["aa", "", *ROWS[2:]])
    assert counts != ANSWER


def test_repr_of_counts():
    assert repr(count_each(ROWS[:3])) == "Counts([1, None, 2])"
    assert repr(count_each([])) == "Counts([])"
    shown = "Counts([1, None, 2, 0, None, 3, 0, 0, 1, None, ...], length=11, null_count=3)"
    assert repr(count_each(ROWS)) == shown


def test_counts_as_arrays_of_numpy():
    counts = count_each(ROWS)
    array = numpy.asarray(counts)
    assert array.dtype == numpy.float64
    numpy.testing.assert_array_equal(array, [numpy.nan if n is None else n for n in ANSWER])
    with pytest.raises(ValueError, match="copy"):
        counts.__array__(copy=False)
    with pytest.raises(ValueError, match="can't become a NumPy array of integers"):
        numpy.asarray(counts, "i4")
    assert numpy.isnan(numpy.asarray(counts, "f4")).sum() == 3
    whole = count_each(["aa", "", "bbb"])
    array = numpy.asarray(whole)
    assert (array.dtype, array.tolist()) == (numpy.int64, [1, 0, 2])
    assert not array.flags.writeable
    assert numpy.asarray(whole[1:]).tolist() == [0, 2]
    assert numpy.asarray(whole, "i2").tolist() == [1, 0, 2]
    assert numpy.asarray(counts, "f4").dtype == numpy.float32
    assert numpy.array(whole).flags.writeable
    assert numpy.asarray(count_each([])).tolist() == []
    del whole
    assert numpy.asarray(count_each(["aa"] * 1000)).sum() == 1000, "the array keeps the memory"
    if numpy.lib.NumpyVersion(numpy.__version__) >= "2.0.0":
        with pytest.raises(ValueError, match="copy"):
            numpy.array(count_each(["aa"]), "i2", copy=False)


def test_arrays_of_numpy_share_the_memory_of_counts():
    counts = count_each(["aa", "", "bbb"])
    array = numpy.asarray(counts)
    for other in (numpy.asarray(counts), numpy.asarray(counts, "i8"), numpy.asarray(counts[1:])):
        assert numpy.shares_memory(array, other)
    assert not numpy.shares_memory(array, numpy.array(counts))
    assert not numpy.shares_memory(array, numpy.asarray(counts, "i4"))
    if numpy.lib.NumpyVersion(numpy.__version__) >= "2.0.0":
        for dtype in (None, "i8"):
            assert numpy.shares_memory(array, numpy.array(counts, dtype, copy=False))


# In a process of its own: what reads too far ends it. Memory of the library has no such page
# behind it, so the bits are copied.
UNREADABLE = """
import ctypes, mmap, re
from doubles_ffi import _library, columns, count_each

page = mmap.PAGESIZE
memory = mmap.mmap(-1, 2 * page)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.mprotect(ctypes.c_void_p(address + page), page, 0) == 0
memory_of = _library.counts_memory

def before_an_unreadable_page(counts):
    values, validity, rows = memory_of(counts)
    size = (rows + 7) // 8
    memory[page - size : page] = _library.view(validity, size)
    return values, _library.pointer_to(address + page - size), rows

columns.counts_memory = before_an_unreadable_page
rows = [None, *["aa"] * 20] * 50
counts = count_each(rows)
for start in (0, 1, 7, 8, 9, 500, 1000, 1041, 1050):
    for stop in (start, start + 1, start + 8, 1042, 1049, 1050):
        part = counts[start:stop]
        assert part.null_count == rows[start:stop].count(None), (start, stop)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no mprotect")
def test_bits_of_validity_are_not_read_beyond_the_last():
    subprocess.run([sys.executable, "-c", UNREADABLE], check=True)


def test_counts_as_arrays_of_arrow():
    pa = pytest.importorskip("pyarrow")
    counts = count_each(ROWS)
    array = pa.array(counts)
    array.validate(full=True)
    assert (array.type, array.to_pylist(), array.null_count) == (pa.int64(), ANSWER, 3)
    part = pa.array(counts[3:8])
    part.validate(full=True)
    assert (part.to_pylist(), part.null_count) == (ANSWER[3:8], 1)
    assert pa.array(counts[5:8]).null_count == 0
    assert pa.field(counts).type == pa.int64()
    before = array.to_pylist()
    del counts
    assert array.to_pylist() == before, "the array keeps the memory"
    unused = count_each(ROWS).__arrow_c_array__()
    del unused  # released by its capsules


def test_memory_of_counts_is_freed_with_the_last_that_uses_it():
    def resident():
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096

    column = numpy.array([b"a"] * 2_000_000)
    count_each(column)
    before = resident()
    for _ in range(20):
        numpy.asarray(count_each(column)[5:])
        count_each(column)[7:].__arrow_c_array__()
    assert resident() - before < 48 * 1024 * 1024, "16 MB each would be 640"


THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(not THP.exists(), reason="this system has no huge pages to ask for")
def test_many_counts_ask_for_huge_pages():
    counts = numpy.asarray(count_each(numpy.zeros(4_000_000, "S1")))
    middle = counts.ctypes.data + counts.nbytes // 2
    mappings = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    for mapping in mappings[1:]:
        start, end = (int(address, 16) for address in mapping.split()[0].split("-"))
        if start <= middle < end:
            assert "hg" in re.search("VmFlags:(.*)", mapping)[1].split()
            break
    else:
        pytest.fail("the counts are in no mapping")


def test_memory_is_eight_bytes_and_a_bit_for_each_row():
    code = """
import resource, numpy
from doubles_ffi import count_each
column = numpy.array([b"ab"] * 8_000_000)
count_each(column[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
counts = count_each(column, threads=1)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(run.stdout) < 8_000_000 * 8 + 8_000_000 / 8 + 1024 * 1024


# --- Without the libraries that have columns ---


def test_no_library_is_imported_or_required():
    code = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numpy", "pandas", "polars", "pyarrow", "ctypes"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import pickle
from doubles_ffi import count_each
counts = count_each(["aa", None, "bbb"])
assert counts.tolist() == [1, None, 2] and counts[1:].null_count == 1
assert pickle.loads(pickle.dumps(counts)) == counts
counts.__arrow_c_array__()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pandas_without_pyarrow():
    pytest.importorskip("pandas")
    code = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import pandas
from doubles_ffi import count_each
for dtype in ("object", "string[python]"):
    assert count_each(pandas.Series(["aa", None], dtype=dtype)).tolist() == [1, None], dtype
try:
    count_each(pandas.DataFrame({"a": ["aa"], "b": 1}))
except TypeError as error:
    assert "'a', 'b'" in str(error), error
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_type_is_public():
    assert isinstance(count_each([]), Counts)
    assert {"Counts", "count_each"} <= set(doubles_ffi.__all__)
