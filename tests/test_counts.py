"""Counts: a sequence of int and None that shares its memory with NumPy and Arrow."""

import itertools
import operator
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import reference
from systems import posix_only

import doubles_ffi
from doubles_ffi import Counts, count_each

ROWS = ["aa", None, "bbb", "c", None, "dddd", "", "e", "ff", None, "ggg"]
ANSWER = [None if row is None else reference.count(row) for row in ROWS]


def test_the_type_is_public():
    assert isinstance(count_each([]), Counts)
    assert {"Counts", "count_each"} <= set(doubles_ffi.__all__)


def test_counts_are_a_sequence():
    counts = count_each(ROWS)
    assert len(counts) == len(ROWS)
    assert [counts[row] for row in range(len(ROWS))] == list(counts) == counts.tolist() == ANSWER
    assert (counts[-1], counts[-2]) == (2, None)
    assert counts.null_count == 3
    assert (None in counts, counts.index(3), counts.count(None)) == (True, 5, 3)
    assert list(reversed(counts)) == ANSWER[::-1]
    for row in (len(ROWS), -len(ROWS) - 1):
        with pytest.raises(IndexError, match=f"out of range, the length is {len(ROWS)}"):
            counts[row]
    with pytest.raises(TypeError, match="an index must be an integer or a slice, not str"):
        counts["a"]
    with pytest.raises(TypeError):
        hash(counts)


def test_slices_are_those_of_a_list():
    counts = count_each(ROWS)
    edges = [None, -12, -3, 0, 1, 5, 8, 11, 20]
    for start, stop, step in itertools.product(edges, edges, [None, 1, 2, -1, -3]):
        part = counts[start:stop:step]
        assert part.tolist() == ANSWER[start:stop:step]
        assert part.null_count == ANSWER[start:stop:step].count(None)
        assert part[1:][1:].tolist() == ANSWER[start:stop:step][2:]
        assert part == count_each(ROWS[start:stop:step])
        assert pickle.loads(pickle.dumps(part)) == part


def test_the_sum_leaves_nulls_out():
    counts = count_each(ROWS)
    numbers = [number or 0 for number in ANSWER]
    assert counts.sum() == sum(numbers) == 9
    edges = [None, -3, 0, 1, 5, 8, 20]
    for start, stop, step in itertools.product(edges, edges, [None, 1, 2, -1]):
        assert counts[start:stop:step].sum() == sum(numbers[start:stop:step])
    assert type(counts.sum()) is int
    assert count_each([]).sum() == count_each([None]).sum() == 0
    assert pickle.loads(pickle.dumps(counts[1:6])).sum() == sum(numbers[1:6])


def test_counts_compared_with_a_number_name_the_conversion():
    counts = count_each(["aaa", "b"])
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        with pytest.raises(TypeError, match=r"convert them first.*numpy\.asarray\(counts\)"):
            compare(counts, 2)
        with pytest.raises(TypeError, match="not supported between"):
            compare(counts, "2")
        answer = compare(numpy.array([2, 0]), 2).tolist()
        assert compare(counts, numpy.array([2, 2])).tolist() == answer
        assert compare(numpy.asarray(counts), 2).tolist() == answer


def test_counts_are_equal_if_values_and_nulls_are():
    counts = count_each(ROWS)
    assert counts == count_each(ROWS)
    assert counts != count_each(ROWS[:-1])
    assert counts != count_each(["aa", "", *ROWS[2:]])
    assert counts != ANSWER


def test_repr_shows_the_first_counts():
    assert repr(count_each(ROWS[:3])) == "Counts([1, None, 2])"
    assert repr(count_each([])) == "Counts([])"
    shown = "Counts([1, None, 2, 0, None, 3, 0, 0, 1, None, ...], length=11, null_count=3)"
    assert repr(count_each(ROWS)) == shown


def test_a_numpy_array_has_nan_for_nulls():
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


def test_numpy_arrays_share_the_memory():
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
from doubles_ffi import count_each
from doubles_ffi._library.counts import Numbers
from doubles_ffi._library.memory import pointer_to, view

page = mmap.PAGESIZE
memory = mmap.mmap(-1, 2 * page)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.mprotect(ctypes.c_void_p(address + page), page, 0) == 0
memory_of = Numbers.memory

def before_an_unreadable_page(counts):
    values, validity, rows = memory_of(counts)
    size = (rows + 7) // 8
    memory[page - size : page] = view(validity, size)
    return values, pointer_to(address + page - size), rows

Numbers.memory = before_an_unreadable_page
rows = [None, *["aa"] * 20] * 50
counts = count_each(rows)
for start in (0, 1, 7, 8, 9, 500, 1000, 1041, 1050):
    for stop in (start, start + 1, start + 8, 1042, 1049, 1050):
        part = counts[start:stop]
        assert part.null_count == rows[start:stop].count(None), (start, stop)
"""


@posix_only("has no mprotect")
def test_validity_is_not_read_beyond_its_last_byte():
    subprocess.run([sys.executable, "-c", UNREADABLE], check=True)


def test_an_arrow_array_shares_values_and_nulls():
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


@posix_only("has no /proc to look into")
def test_the_memory_is_freed_with_its_last_user():
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


@posix_only("has no getrusage")
def test_the_memory_is_eight_bytes_and_a_bit_for_each_row():
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
