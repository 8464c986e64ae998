"""Runs as columns: a sequence of tuples that shares its memory with NumPy and Arrow."""

import copy
import gc
import itertools
import pickle

import numpy
import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from scripts import check_run
from strategies import binary, runs, text, text_with_lone_surrogates
from systems import posix_only

from doubles_ffi import RowRun, Run, Runs, find_runs
from doubles_ffi._library.runs import Columns

any_str = text_with_lone_surrogates | runs | st.text("ab", max_size=300)
least = st.integers(1, 5) | st.just(2**70)

TEXT = "Mississippi жж𝄞𝄞𝄞\0\0\ud800\ud800"


def with_rows(*rows):
    """Return runs of text with rows: row, start, length and unit of each."""
    types = {"row": "int64", "start": "int64", "length": "int64", "unit": "uint32"}
    columns = zip(types.items(), zip(*rows))
    arrays = {name: numpy.array(values, type_) for (name, type_), values in columns}
    return Runs(Columns.of_bytes(arrays), is_text=True)


ROWS = [(0, 2, 2, ord("s")), (0, 5, 3, ord("ж")), (7, 0, 2, ord("p"))]


@given(any_str, least)
@example("", 1)
@example("a", 1)
def test_the_runs_of_a_str(data, min_run):
    assert find_runs(data, min_run=min_run).tolist() == reference.runs(data, min_run)


@given(binary, least)
def test_the_runs_of_bytes(data, min_run):
    for convert in (bytes, bytearray, memoryview):
        assert find_runs(convert(data), min_run=min_run).tolist() == reference.runs(data, min_run)


@given(text | runs, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-7"]))
def test_the_runs_of_encoded_text(data, encoding):
    data = data.encode(encoding, "ignore")
    found = find_runs(data, min_run=1, encoding=encoding)
    assert found.tolist() == reference.runs(data.decode(encoding), 1)


@pytest.mark.parametrize("unit", ["a", "\xe9", "ж", "𝄞"])
@pytest.mark.parametrize("min_run", [1, 2, 3])
def test_text_longer_than_a_call_into_the_library(unit, min_run, monkeypatch):
    monkeypatch.setattr("doubles_ffi.runs.COLLECTED_SLICE", 1 << 12)
    data = ("bc" + unit * 3000 + "cc" + unit) * 50 + "b"
    expected = reference.runs(data, min_run)
    assert find_runs(data, min_run=min_run).tolist() == expected
    assert find_runs(data.encode(), min_run=min_run, encoding="utf-8").tolist() == expected


def test_runs_are_a_sequence():
    found, expected = find_runs(TEXT), reference.runs(TEXT)
    assert len(found) == len(expected) == 7
    assert [found[place] for place in range(7)] == list(found) == found.tolist() == expected
    assert found[-1] == Run(19, 2, "\ud800")
    assert {type(run) for run in found} == {type(found[3])} == {Run}
    assert expected[2] in found
    assert (2, 2, ord("s")) not in found
    assert list(reversed(found)) == expected[::-1]
    for place in (7, -8):
        with pytest.raises(IndexError, match="out of range, the length is 7"):
            found[place]
    with pytest.raises(TypeError, match="an index must be an integer or a slice, not str"):
        found["start"]
    with pytest.raises(TypeError):
        hash(found)
    assert list(find_runs(b"abb")) == [(1, 2, ord("b"))]


def test_more_runs_than_are_made_at_a_time():
    data = "ab" * 5000
    assert list(find_runs(data, min_run=1)) == reference.runs(data, 1)


def test_slices_are_those_of_a_list():
    found, expected = find_runs(TEXT), reference.runs(TEXT)
    edges = [None, -8, -3, 0, 1, 5, 7, 20]
    for start, stop, step in itertools.product(edges, edges, [None, 1, 2, -1, -3]):
        part = found[start:stop:step]
        assert part.tolist() == expected[start:stop:step]
        assert part[1:][1:].tolist() == expected[start:stop:step][2:]
        assert part.start.tolist() == [start for start, _, _ in part]
        for same in (copy.copy(part), pickle.loads(pickle.dumps(part))):
            assert (same, repr(same)) == (part, repr(part))


def test_runs_are_equal_if_their_columns_are():
    assert find_runs("aab") == find_runs("aac")
    assert find_runs("aab") != find_runs("baa")
    assert find_runs("aab") != find_runs("bba")
    assert find_runs("aab") != find_runs("aaa")
    assert find_runs("aab") != find_runs(b"aab"), "characters are not numbers"
    assert find_runs(b"aab") != find_runs("aab")
    assert find_runs("aab") != [(0, 2, "a")]
    assert find_runs("") == find_runs("ab")
    assert with_rows(*ROWS) == with_rows(*ROWS) != with_rows(*ROWS[:2])
    assert with_rows((0, 0, 2, ord("a"))) != find_runs("aa")


def test_repr_shows_the_first_runs():
    assert repr(find_runs("aab")) == "Runs([(0, 2, 'a')])"
    assert repr(find_runs(b"")) == "Runs([])"
    shown = "Runs([(0, 1, 97), (1, 1, 98), (2, 1, 97), (3, 1, 98), (4, 1, 97), ...], length=8)"
    assert repr(find_runs(b"ab" * 4, min_run=1)) == shown


def test_runs_with_rows():
    found = with_rows(*ROWS)
    expected = [(row, start, length, chr(unit)) for row, start, length, unit in ROWS]
    assert list(found) == found.tolist() == expected
    assert found[2] == RowRun(7, 0, 2, "p")
    assert type(found[2]) is RowRun
    assert found.row.tolist() == [0, 0, 7]
    for same in (found[:], found[::-1][::-1], pickle.loads(pickle.dumps(found))):
        assert same == found
    assert found[1:].row.tolist() == [0, 7]
    assert numpy.asarray(found).dtype.names == ("row", "start", "length", "unit")
    assert numpy.asarray(found).tolist() == ROWS
    assert repr(found[2:]) == "Runs([(7, 0, 2, 'p')])"
    with pytest.raises(AttributeError, match="only runs of find_each have rows"):
        find_runs("aa").row  # noqa: B018
    none = Columns.of_bytes({"row": b"", "start": b"", "length": b"", "unit": b""})
    assert Runs(none, is_text=True).row.tolist() == []


def test_columns_are_numpy_arrays_of_its_memory():
    found = find_runs(TEXT)
    for name, type_ in (("start", "int64"), ("length", "int64"), ("unit", "uint32")):
        array = getattr(found, name)
        assert array.dtype == type_
        assert not array.flags.writeable
        assert numpy.shares_memory(array, getattr(found, name))
        assert numpy.shares_memory(array, getattr(found[1:], name))
    assert found.unit[:5].view("U1").tolist() == ["s", "s", "p", "ж", "𝄞"]
    start, length = found.start, found.length
    del found
    gc.collect()
    assert list(zip(start.tolist(), length.tolist())) == [run[:2] for run in reference.runs(TEXT)]
    empty = find_runs("ab")
    assert (empty.start.tolist(), empty.unit.dtype) == ([], "uint32")


def test_a_numpy_array_of_structs_is_a_copy():
    found = find_runs(TEXT)
    array = numpy.asarray(found)
    assert array.tolist() == [(start, length, ord(unit)) for start, length, unit in found]
    assert array.dtype == [("start", "i8"), ("length", "i8"), ("unit", "u4")]
    assert array.dtype.itemsize == 20
    assert not numpy.shares_memory(array, found.start)
    with pytest.raises(ValueError, match="runs need a copy to become one NumPy array"):
        found.__array__(copy=False)
    fields = [("start", "i4"), ("length", "i4"), ("unit", "u4")]
    assert numpy.asarray(found, fields).dtype == fields
    assert numpy.asarray(find_runs("")).tolist() == []


def test_an_arrow_struct_shares_its_memory():
    pa = pytest.importorskip("pyarrow")
    found = find_runs(TEXT)
    table = pa.table(found)
    table.validate(full=True)
    assert table.schema == pa.schema(
        [pa.field(name, type_, nullable=False) for name, type_ in SCHEMA.items()]
    )
    rows = numpy.asarray(found).tolist()
    assert [tuple(row.values()) for row in table.to_pylist()] == rows
    for name in SCHEMA:
        assert table[name].chunk(0).buffers()[1].address == getattr(found, name).ctypes.data
    part = pa.array(found[2:5])
    part.validate(full=True)
    assert [tuple(row.values()) for row in part.to_pylist()] == rows[2:5]
    assert pa.schema(found) == table.schema
    del found
    assert [tuple(row.values()) for row in table.to_pylist()] == rows, "the table keeps the memory"
    unused = find_runs(TEXT).__arrow_c_array__()
    del unused  # released by its capsules
    assert pa.table(find_runs("")).shape == (0, 3)
    assert pa.table(with_rows(*ROWS))["row"].to_pylist() == [0, 0, 7]


SCHEMA = {"start": "int64", "length": "int64", "unit": "uint32"}


def test_data_frames_take_runs():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(find_runs(TEXT))
    assert frame.columns == ["start", "length", "unit"]
    assert frame.rows() == numpy.asarray(find_runs(TEXT)).tolist()
    assert polars.DataFrame(with_rows(*ROWS)).rows() == ROWS


@posix_only("has no getrusage")
def test_runs_take_twenty_bytes_each_and_are_freed():
    code = """
import resource
from doubles_ffi import find_runs
data = b"ab" * 2_000_000
find_runs(data[:1000], min_run=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(5):
    find_runs(data, min_run=1).__arrow_c_array__()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    assert int(check_run(code)) < 4_000_000 * 20 * 1.2
