"""count_each of every kind of column: objects, NumPy, and the libraries of Arrow."""

import array
import collections
import collections.abc
import decimal
import itertools
import mmap
import random
import struct
import subprocess
import sys

import numpy
import pytest
import reference

from doubles_ffi import count_each


def expected(rows):
    """Return the counts of rows by the definition."""
    return [None if row is None else reference.count(row) for row in rows]


# --- Rows that are Python objects ---


@pytest.mark.parametrize("kind", [list, tuple, iter, lambda rows: (row for row in rows)])
def test_any_iterable(kind):
    rows = ["hello", None, "aaa", "", "жжж", "é\xe9é", "𝄞𝄞", "\ud800\ud800"]
    assert count_each(kind(rows)).tolist() == [1, None, 2, 0, 2, 2, 1, 1]
    assert count_each(kind([b"aa", None, b"\xff\xff"])).tolist() == [1, None, 1]
    assert count_each(kind([])).tolist() == []
    assert count_each(kind([None])).tolist() == [None]


def test_long_rows_and_several_chunks_of_rows():
    alphabets = ["ab", "aé", "aж", "€₭", "a𝄞"]
    draw = random.Random(5)
    lengths = [0, 1, 31, 32, 33]
    short = ["".join(draw.choices(a, k=n)) for a, n in itertools.product(alphabets, lengths)]
    long = ["".join(draw.choices(a, k=70_000)) for a in alphabets]
    rows = [*short, *long, None, "x" * 300_000, "ж" * 300_000, *short]
    assert count_each(rows).tolist() == expected(rows)
    as_bytes = [None if row is None else row.encode() for row in rows]
    assert count_each(as_bytes).tolist() == expected(as_bytes)
    times = 65_536 // len(short) + 1
    assert count_each([None, *short * times]).tolist() == [None, *expected(short) * times]


def test_rows_are_counted_without_the_c_of_one_cpython(monkeypatch):
    monkeypatch.setattr("doubles_ffi.columns.count_rows", None)
    rows = ["hello", None, "aaa", float("nan"), "", "жжж", "é\xe9é", "\ud800\ud800"]
    assert count_each(rows).tolist() == [1, None, 2, None, 0, 2, 2, 1]
    with pytest.raises(TypeError, match="row 1 is bytes"):
        count_each(["a", b"b"])


class Text(str):
    """Claims to be another str than it is, and to differ from itself, as NaN does."""

    __slots__ = ()
    __hash__ = None

    def __len__(self):
        return 1

    def __iter__(self):
        return iter("no")

    def __ne__(self, other):
        return True


def test_rows_of_subclasses_count_what_they_hold():
    rows = [Text("aaa"), numpy.str_("bb"), Text("ж" * 300_000)]
    assert count_each(rows).tolist() == [2, 1, 299_999]
    assert count_each([numpy.bytes_(b"bb")]).tolist() == [1]


NULLS = {
    "None": None,
    "NaN": float("nan"),
    "NaN of 16 bits": numpy.float16("nan"),
    "NaN of 32 bits": numpy.float32("nan"),
    "NaN of 64 bits": numpy.float64("nan"),
    "complex NaN": complex("nan"),
    "decimal NaN": decimal.Decimal("nan"),
    "NaT": numpy.datetime64("nat", "ns"),
}


@pytest.mark.parametrize("null", NULLS.values(), ids=NULLS)
@pytest.mark.parametrize("kind", [list, iter, lambda rows: numpy.array(rows, object)])
def test_nulls_of_any_type(null, kind):
    for text in ("aaa", b"aaa"):
        assert count_each(kind([null, text, null])).tolist() == [None, 2, None]


@pytest.mark.parametrize("row", [1.5, decimal.Decimal("snan"), numpy.zeros(2), numpy.float32(1)])
def test_numbers_and_arrays_are_not_null(row):
    with pytest.raises(TypeError, match=f"row 1 is {type(row).__name__}, not str, bytes or null"):
        count_each(["aa", row])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a", b"b"], "row 1 is bytes, but rows before it are str"),
        ([None, b"b", "a"], "row 2 is str, but rows before it are bytes"),
        (["a"] * 70_000 + [7], "row 70000 is int, not str, bytes or null"),
        ([bytearray(b"a")], "row 0 is bytearray, not str, bytes or null"),
        (["a", ["a"]], "row 1 is list"),
        (range(3), "row 0 is int"),
        (5, "expected a column of strings or bytes, not int"),
        (None, "not NoneType"),
    ],
)
def test_the_error_for_a_row_of_another_type_names_it(rows, message):
    with pytest.raises(TypeError, match=message):
        count_each(rows)


TEXTS = {"aa": 1, "bbb": 2}


@pytest.mark.parametrize(
    "mapping", [dict, collections.UserDict, collections.ChainMap, lambda x: x.keys().mapping]
)
def test_the_keys_or_the_values_of_a_mapping_are_a_column(mapping):
    rows = mapping(TEXTS)
    with pytest.raises(TypeError, match=r"; pass its keys\(\) or its values\(\)$"):
        count_each(rows)
    assert count_each(rows.keys()).tolist() == expected(rows.keys())
    with pytest.raises(TypeError, match="row 0 is int"):
        count_each(rows.values())


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


# The code of an array of characters; the older one is deprecated.
OF_TEXT = "w" if sys.version_info >= (3, 13) else "u"


@pytest.mark.parametrize(
    "text",
    [
        *("abc", b"abc", bytearray(b"abc"), memoryview(b"abc"), mmap.mmap(-1, 2), closed_mmap()),
        *(array.array("B", b"ab"), array.array(OF_TEXT, "ab")),
    ],
    ids=lambda text: type(text).__name__,
)
def test_one_text_is_not_a_column(text):
    name = type(text).__name__
    with pytest.raises(TypeError, match=f"bytes, not {name}; count_doubles counts one"):
        count_each(text)


def test_an_error_of_an_iterator_is_raised():
    def rows():
        yield "aa"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        count_each(rows())


# --- NumPy ---


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


LAYOUTS = {
    "contiguous": lambda rows: rows,
    "empty": lambda rows: rows[:0],
    "strided": lambda rows: rows[1::3],
    "reversed": lambda rows: rows[::-1],
    "reversed and strided": lambda rows: rows[::-2],
    "one row five times": lambda rows: numpy.broadcast_to(rows[:1], 5) if len(rows) else rows,
    "a column of two": lambda rows: numpy.stack([rows, rows[::-1]], axis=1)[:, 1],
    "read-only": read_only,
}
# NumPy can neither mask strings of any length nor put them into a record.
FIXED_LAYOUTS = {
    **LAYOUTS,
    "a field": lambda rows: numpy.rec.fromarrays([range(len(rows)), rows])["f1"],
    "masked": lambda rows: numpy.ma.array(rows, mask=[i % 3 == 1 for i in range(len(rows))]),
}
TYPES = ["<U3", ">U3", "S12", "<U12", ">U12", "O"]
if hasattr(numpy.dtypes, "StringDType"):
    TYPES.append("T")


def test_many_rows_of_numpy_on_several_threads():
    many = numpy.array([b"aab", b"bbbb"] * 200_000)
    assert count_each(many, threads=2).tolist() == [1, 3] * 200_000


@pytest.mark.skipif("T" not in TYPES, reason="this NumPy has no StringDType")
def test_nulls_of_numpy_strings():
    for null in (None, float("nan")):
        rows = numpy.array(["aa", null, "жжж"], numpy.dtypes.StringDType(na_object=null))
        assert count_each(rows).tolist() == [1, None, 2]


class Interface:
    """An array of NumPy's interface and nothing else."""

    def __init__(self, held):
        self.held = held
        self.__array_interface__ = held.__array_interface__


def test_an_array_interface_is_enough():
    rows = numpy.array(["aa", "b", "ccc", "d"])
    assert count_each(Interface(rows)).tolist() == [1, 0, 2, 0]
    assert count_each(Interface(rows[::-2])).tolist() == [0, 0]


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


def test_arrays_of_numpy_of_other_types():
    with pytest.raises(TypeError, match="not an array of type '<i8'"):
        count_each(numpy.arange(3))
    with pytest.raises(TypeError, match="row 0 is int"):
        count_each(numpy.ma.array([1, 2]))


@pytest.mark.parametrize("kind", [numpy.asarray, lambda table: table.view(numpy.recarray)])
def test_structured_arrays_name_their_columns(kind):
    table = kind(numpy.array([("aab", 1)], [("text", "U3"), ("number", int)]))
    with pytest.raises(TypeError, match="one of its columns: 'text', 'number'"):
        count_each(table)
    assert count_each(table["text"]).tolist() == [1]


# --- pyarrow ---


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


def test_a_dictionary_with_a_null_value():
    pa = pytest.importorskip("pyarrow")
    indices = pa.array([0, 1, None, 0], pa.int8())
    for values in (pa.array(["aa", None]), pa.array(["aa", None]).dictionary_encode()):
        dictionary = pa.DictionaryArray.from_arrays(indices, values)
        assert count_each(dictionary).tolist() == [1, None, None, 1]
    nulls = pa.DictionaryArray.from_arrays(indices, pa.nulls(2))
    assert count_each(nulls).tolist() == [None] * 4


def test_extension_types_of_pyarrow_count_as_their_storage():
    pa = pytest.importorskip("pyarrow")
    for storage in (pa.array(["aa", None]), pa.array(["aa", None]).dictionary_encode()):
        type_ = pa.opaque(storage.type, "type", "vendor")
        extension = pa.ExtensionArray.from_storage(type_, storage)
        assert count_each(extension).tolist() == [1, None]


def test_buffers_at_any_address():
    pa = pytest.importorskip("pyarrow")
    offsets, text = struct.pack("<4i", 0, 2, 2, 5), b"aabbb"

    def shifted(content):
        return pa.py_buffer(b"x" + content)[1:]

    buffers = [shifted(content) for content in (b"\x05", offsets, text)]
    column = pa.Array.from_buffers(pa.string(), 3, buffers)
    assert count_each(column).tolist() == [1, None, 2]


def test_the_error_for_a_row_that_is_not_utf8_names_it():
    pa = pytest.importorskip("pyarrow")
    for size in (3, 1 << 17):
        valid = b"\xc3\xa9" * (size // 2)
        rows = [b"aa", b"", valid + b"\xe2\x82", b"bb"]
        offsets = struct.pack("<5i", 0, *itertools.accumulate(map(len, rows)))
        buffers = map(pa.py_buffer, [b"\x0d", offsets, b"".join(rows)])
        column = pa.Array.from_buffers(pa.string(), 4, list(buffers))
        for part in (column, pa.chunked_array([column[:1], column[1:]])):
            with pytest.raises(UnicodeDecodeError, match="end of data in row 2") as caught:
                count_each(part)
            error = caught.value
            assert (error.row, error.object) == (2, b"\xe2\x82")
            assert (error.start, error.end) == (len(valid), len(valid) + 2)


def test_run_end_encoded_arrays_of_pyarrow_are_to_be_decoded():
    pa = pytest.importorskip("pyarrow")
    runs = pa.compute.run_end_encode(pa.array(["aa", "aa", None]))
    with pytest.raises(TypeError, match=r"decode it first, as pyarrow\.compute\.run_end_decode"):
        count_each(runs)
    assert count_each(pa.compute.run_end_decode(runs)).tolist() == [1, 1, None]


@pytest.mark.parametrize("table", ["Table", "RecordBatch"])
def test_tables_of_pyarrow_name_their_columns(table):
    pa = pytest.importorskip("pyarrow")
    data = getattr(pa, table).from_pydict({"text": ["aa"], "number": [1]})
    with pytest.raises(TypeError, match="pass one of its columns: 'text', 'number'"):
        count_each(data)
    with pytest.raises(TypeError, match="not one of Arrow format 'l'"):
        count_each(data["number"])


# --- polars, pandas and others ---


def test_types_of_polars():
    pl = pytest.importorskip("polars")
    rows = ["aa", None, "жжж", "", "b"] * 5
    series = pl.Series(rows)
    for dtype in (pl.String, pl.Categorical, pl.Enum(["b", "", "жжж", "aa"]), pl.Object):
        column = pl.Series(rows, dtype=dtype)
        assert count_each(column).tolist() == expected(rows)
        assert count_each(column[3:]).tolist() == expected(rows[3:])
        assert count_each(pl.concat([column, column])[1:7]).tolist() == expected((rows + rows)[1:7])
    assert count_each(series.cast(pl.Binary)).tolist()[:3] == [1, None, 0]
    assert count_each(pl.Series([b"aab"], dtype=pl.Object)).tolist() == [1]
    assert count_each(pl.Series([None, None])).tolist() == [None, None]
    assert count_each(pl.Series([], dtype=pl.Object)).tolist() == []
    assert pl.Series(count_each(series)).to_list() == expected(rows)


def test_types_of_polars_that_are_not_text():
    pl = pytest.importorskip("polars")
    numbers = [pl.Boolean, pl.Int8, pl.Int128, pl.UInt128, pl.Float32, pl.Decimal, pl.Date, pl.Time]
    for dtype in [*numbers, pl.List(pl.String), pl.Array(pl.String, 1)]:
        with pytest.raises(TypeError, match="not one of Arrow format"):
            count_each(pl.Series([None], dtype=dtype))
    with pytest.raises(TypeError, match="row 1 is int"):
        count_each(pl.Series(["aa", 7], dtype=pl.Object))
    with pytest.raises(TypeError, match="one of its columns: 'a', 'b'"):
        count_each(pl.Series([{"a": "aa", "b": 1}]))
    with pytest.raises(TypeError, match="one of its columns: 'a'"):
        count_each(pl.DataFrame({"a": ["aa"]}))


@pytest.mark.parametrize(
    "dtype", ["object", "string[python]", "string[pyarrow]", "str", "category"]
)
def test_types_of_pandas(dtype):
    pd = pytest.importorskip("pandas")
    if dtype == "string[pyarrow]":
        pytest.importorskip("pyarrow")
    rows = ["aa", None, "жжж", "", "b"] * 5
    series = pd.Series(rows, dtype=dtype)
    answer = expected(rows)
    assert count_each(series).tolist() == answer
    assert count_each(series[3:8]).tolist() == answer[3:8]
    assert count_each(series.iloc[::-1]).tolist() == answer[::-1]
    frame = pd.DataFrame({"text": series, "number": 1})
    assert frame.assign(doubles=count_each(series))["doubles"].isna().sum() == rows.count(None)
    with pytest.raises(TypeError, match="one of its columns: 'text', 'number'"):
        count_each(frame)
    with pytest.raises(TypeError, match=r"not one of Arrow format 'l'|row 0 is int"):
        count_each(frame["number"])


def test_objects_of_pandas():
    pd = pytest.importorskip("pandas")
    for null in (pd.NA, pd.NaT):
        assert count_each(["aaa", null]).tolist() == [2, None]
    with pytest.raises(TypeError, match="row 2 is int"):
        count_each(pd.Series(["a", None, 7], dtype="object"))


def test_sparse_arrays_of_pandas():
    pd = pytest.importorskip("pandas")
    sparse = pd.arrays.SparseArray(["aa", None, "aa", "b"], dtype=pd.SparseDtype(object))
    assert count_each(pd.Series(sparse)).tolist() == [1, None, 1, 0]
    assert count_each(sparse).tolist() == [1, None, 1, 0]
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


class SeriesOfPandas2:
    """Has no protocol, but an array that has pyarrow's."""

    def __init__(self, held):
        self.array = self
        self.held = held

    def __arrow_array__(self, type=None):  # noqa: A002 (the protocol's name)
        return self.held


def test_a_series_over_an_array_of_pyarrow():
    pa = pytest.importorskip("pyarrow")
    assert count_each(SeriesOfPandas2(pa.array(["aa", None]))).tolist() == [1, None]
    assert count_each(SeriesOfPandas2(pa.chunked_array([["aa"], [None]]))).tolist() == [1, None]


class SeriesWithoutPyarrow(list):
    """A Series whose protocol needs a library that is not installed."""

    def __arrow_c_stream__(self, requested_schema=None):
        raise ImportError("no pyarrow")


def test_a_protocol_that_needs_another_library():
    assert count_each(SeriesWithoutPyarrow(["aa", None])).tolist() == [1, None]


def test_duckdb_relations_name_their_columns():
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("SELECT 'aa' AS text, 1 AS number")
    with pytest.raises(TypeError, match="one of its columns: 'text', 'number'"):
        count_each(relation)


class Frame:
    """A table without a protocol."""

    columns = ("a", "b")


def test_tables_without_a_protocol_name_their_columns():
    with pytest.raises(TypeError, match="one of its columns: 'a', 'b'"):
        count_each(Frame())


# --- Without the libraries ---


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
"""


def test_no_library_is_imported_or_needed():
    code = """
import pickle
from doubles_ffi import count_each
counts = count_each(["aa", None, "bbb"])
assert counts.tolist() == [1, None, 2] and counts[1:].null_count == 1
assert pickle.loads(pickle.dumps(counts)) == counts
counts.__arrow_c_array__()
"""
    missing = ["numpy", "pandas", "polars", "pyarrow", "ctypes"]
    subprocess.run([sys.executable, "-c", WITHOUT + code, *missing], check=True)


def test_pandas_without_pyarrow():
    pytest.importorskip("pandas")
    code = """
import pandas
from doubles_ffi import count_each
for dtype in ("object", "string[python]"):
    assert count_each(pandas.Series(["aa", None], dtype=dtype)).tolist() == [1, None], dtype
try:
    count_each(pandas.DataFrame({"a": ["aa"], "b": 1}))
except TypeError as error:
    assert "'a', 'b'" in str(error), error
"""
    subprocess.run([sys.executable, "-c", WITHOUT + code, "pyarrow"], check=True)
