"""count_doubles: the inputs that it accepts and those that it refuses."""

import array
import concurrent.futures
import functools
import inspect
import mmap
import sys
import threading

import pytest
import reference
import strategies
from hypothesis import given
from systems import posix_only

import doubles_ffi
from doubles_ffi import count_doubles, count_each, random_string, tally_doubles
from doubles_ffi._input import text
from doubles_ffi._library import memory, stretch

# Around a vector, a lane block, and 255 of them, after which kernels add up their lanes.
BOUNDARIES = sorted(
    {0, 1, 2}
    | {
        size + step
        for size in (16, 32, 64, 128, 255 * 16, 255 * 32, 255 * 64, 255 * 128, 2 * 255 * 64)
        for step in (-1, 0, 1, 2)
    }
)


@given(strategies.binary)
def test_bytes_count_bytes(data):
    assert count_doubles(data) == reference.count(data)


@given(strategies.text_with_lone_surrogates)
def test_str_counts_code_points(text):
    assert count_doubles(text) == reference.count(text)


@pytest.mark.parametrize("length", BOUNDARIES)
def test_runs_around_the_boundaries_of_kernels(length):
    assert count_doubles(b"x" * length) == max(length - 1, 0)
    assert count_doubles("x" * length) == max(length - 1, 0)
    assert count_doubles("ж" * length) == max(length - 1, 0)
    alternating = (b"xy" * length)[:length]
    assert count_doubles(alternating) == 0
    assert count_doubles(alternating.decode()) == 0
    # One double, wherever it is: at both ends and around the middle.
    for end in {1, length // 2, length - 1} - {0, -1}:
        single = bytearray(alternating)
        single[end:] = bytes(byte ^ 1 for byte in single[end:])
        assert count_doubles(single) == (1 if length > 1 else 0), end


@pytest.mark.parametrize("length", [text._CHUNK + step for step in (-1, 0, 1, 2)])
@pytest.mark.parametrize("unit", "ж€𝄞\ud800")
def test_doubles_across_chunks_of_text(unit, length):
    assert count_doubles(unit * length) == length - 1
    assert count_doubles(unit + "a" * (length - 1)) == length - 2


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 10**30])
def test_any_number_of_threads_counts_the_same(threads):
    data = b"abccba" * 2_000_001
    expected = 2 * 2_000_001 - 1  # cc in each six, aa between them
    assert count_doubles(data, threads=threads) == expected
    assert count_doubles(data.decode(), threads=threads) == expected
    assert count_doubles(data, encoding="utf-8", threads=threads) == expected
    wide = data.replace(b"c", "ж".encode())
    assert count_doubles(wide, encoding="utf-8", threads=threads) == expected


def test_doubles_across_slices(monkeypatch):
    in_python = inspect.unwrap(count_doubles)  # C would count such input whole.
    size = 2 * text.POINTER_PAYS
    monkeypatch.setattr(stretch, "SLICE", size)
    for length in (*range(size - 1, size + 3), *range(2 * size - 1, 2 * size + 2), 99_999):
        for data in (b"x" * length, (b"xxy" * length)[:length]):
            expected = reference.count(data)
            assert in_python(data) == expected
            assert in_python(bytearray(data)) == expected
            assert in_python(data.decode()) == expected
            assert in_python(data, encoding="utf-8") == expected


@pytest.mark.parametrize("unit", ["a", "ж", "€", "𝄞"])
def test_code_points_across_slices(monkeypatch, unit):
    monkeypatch.setattr(stretch, "SLICE", 101)
    for pad in range(5):
        for length in (*range(20, 30), 101, 102, 303, 404, 1000):
            data = b"x" * pad + (unit * length).encode() + b"y"
            assert count_doubles(data, encoding="utf-8") == reference.count(data.decode())


def test_no_call_takes_more_than_a_slice(monkeypatch):
    sizes = []

    def noting(update):
        def call(summary, tally, pointer, size, threads):
            sizes.append(size)
            return update(summary, tally, pointer, size, threads)

        return call

    for kind in (memory.BYTES, memory.UTF8, memory.UTF16, memory.UTF32):
        monkeypatch.setattr(kind, "update", noting(kind.update))
    data = bytes(200 << 20)
    for answer in (
        count_doubles(data),
        count_doubles(data.decode()),
        count_doubles(data, encoding="utf-8"),
        count_doubles(data, encoding="latin-1"),
        count_doubles("ж" * (4 << 20)) + len(data) - (4 << 20),
    ):
        assert answer == len(data) - 1
    assert max(sizes) == 64 << 20
    assert sum(sizes) > 4 * len(data)


@posix_only("has no mapping that takes no memory")
def test_more_than_32_bits_of_doubles():
    sparse = mmap.mmap(-1, 2**33 + 33, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON, prot=mmap.PROT_READ)
    assert count_doubles(sparse) == 2**33 + 32


LOCKED_BY_CPYTHON = pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="PyPy closes them whoever reads them: see SECURITY.md"
)


@pytest.mark.parametrize(
    "kind",
    [
        bytearray,
        pytest.param(memoryview, marks=LOCKED_BY_CPYTHON),
        pytest.param(mmap.mmap, marks=LOCKED_BY_CPYTHON),
    ],
)
def test_a_buffer_is_locked_while_it_is_counted(monkeypatch, kind):
    if kind is mmap.mmap:
        data = mmap.mmap(-1, 1_000_000)
        release = data.close
    elif kind is memoryview:
        data = memoryview(bytearray(1_000_000))
        release = data.release
    else:
        data = bytearray(1_000_000)
        release = data.clear
    counting_now, release_tried = threading.Event(), threading.Event()

    update = memory.BYTES.update

    def wait_and_update(*arguments):
        counting_now.set()
        assert release_tried.wait(60)
        return update(*arguments)

    monkeypatch.setattr(memory.BYTES, "update", wait_and_update)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        count = pool.submit(count_doubles, data)
        assert counting_now.wait(60)
        with pytest.raises(BufferError):
            release()
        release_tried.set()
        assert count.result() == 999_999
    release()


def test_subclasses_that_claim_another_length():
    class Text(str):
        __slots__ = ()

        def __len__(self):
            return 1 << 40

    class Bytes(bytes):
        def __len__(self):
            return 1 << 40

    for count in (
        count_doubles,
        doubles_ffi.count_doubles_zip,
        doubles_ffi.count_doubles_once,
        doubles_ffi.count_doubles_slice,
    ):
        assert count(Text("aaa")) == 2
        assert count(Bytes(b"aaa")) == 2
    assert count_doubles(Text("жжж")) == 2
    assert count_doubles(Bytes(b"aaa"), encoding="utf-8") == 2
    assert count_doubles(Bytes(b"aaa"), encoding="cp1252") == 2


def buffers(data):
    anonymous = mmap.mmap(-1, len(data))
    anonymous.write(data)
    yield data
    yield type("Bytes", (bytes,), {})(data)
    yield bytearray(data)
    yield from (memoryview(bytes(pad) + data)[pad:] for pad in range(65))
    yield memoryview(bytearray(data)).toreadonly()
    yield memoryview(data).cast("b")
    yield memoryview(data).cast("c")
    yield memoryview(data).cast("B", [len(data) // 4, 4])
    yield anonymous
    yield array.array("B", data)
    yield array.array("b", data)


def test_anything_contiguous_with_items_of_one_byte():
    data = b"Mississippi, "[:12]
    for buffer in buffers(data):
        assert count_doubles(buffer) == 3, type(buffer)
        assert count_doubles(buffer, encoding="utf-8") == 3, type(buffer)


def test_buffers_are_unlocked_after_the_count():
    data = bytearray(b"aaa")
    assert count_doubles(data) == 2
    data.append(1)  # A BufferError if the count still held it.
    data = bytearray(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        count_doubles(data, encoding="utf-8")
    data.append(1)


def by_an_iterator(data):
    return list(doubles_ffi.find_doubles(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (array.array("i", [1, 1]), r"'i' take 4 bytes.*view\(numpy.uint8\).*cast"),
        (memoryview(b"abcdefgh").cast("d"), r"'d' take 8 bytes"),
        ([1, 1], "not list"),
        (None, "not NoneType"),
        (7, "not int"),
        (["aa"], "not list"),
    ],
)
def test_the_error_for_a_wrong_type_names_it(data, message):
    functions = [count_doubles, doubles_ffi.count_doubles_zip, doubles_ffi.count_doubles_slice]
    functions += [by_an_iterator, doubles_ffi.find_runs, doubles_ffi.longest_run]
    for count in functions:
        with pytest.raises(TypeError, match=message):
            count(data)


PATHS = {
    "count": count_doubles,
    "count, in Python": inspect.unwrap(count_doubles),
    "count with threads": functools.partial(count_doubles, threads=1),
    "count as utf-8": functools.partial(count_doubles, encoding="utf-8"),
    "count as utf-8-sig": functools.partial(count_doubles, encoding="utf-8-sig"),
    "count as latin-1": functools.partial(count_doubles, encoding="latin-1"),
    "count as utf-16": functools.partial(count_doubles, encoding="utf-16"),
    "count as utf-7": functools.partial(count_doubles, encoding="utf-7"),
    "tally": doubles_ffi.tally_doubles,
    "find": by_an_iterator,
    "a new counter": doubles_ffi.DoubleCounter,
    "update": doubles_ffi.DoubleCounter().update,
    "update as utf-8": doubles_ffi.DoubleCounter(encoding="utf-8").update,
    "fill": doubles_ffi.fill_random,
    "zip": doubles_ffi.count_doubles_zip,
    "once": doubles_ffi.count_doubles_once,
    "once bytes": doubles_ffi.count_doubles_once_bytes,
    "slice": doubles_ffi.count_doubles_slice,
    "slice parallel": doubles_ffi.count_doubles_slice_parallel,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [0, 3, 600_000])
@pytest.mark.parametrize("step", [2, -1])
def test_a_buffer_that_is_not_contiguous_is_refused(path, size, step):
    """An empty one too, or the answer would depend on the length of the slice."""
    with pytest.raises(BufferError, match="not C-contiguous"):
        PATHS[path](memoryview(bytearray(size))[::step])


def test_released_and_closed_buffers_are_refused():
    view = memoryview(b"aa")
    view.release()
    with pytest.raises(ValueError, match="released"):
        count_doubles(view)
    mapping = mmap.mmap(-1, 10)
    mapping.close()
    with pytest.raises(ValueError, match="closed"):
        count_doubles(mapping)


@pytest.mark.parametrize("function", [count_doubles, tally_doubles, count_each, random_string])
@pytest.mark.parametrize("threads", [0, -1])
def test_threads_are_at_least_one(function, threads):
    with pytest.raises(ValueError, match=f"threads must be at least 1, not {threads}"):
        function(1 if function is random_string else b"aa", threads=threads)


def test_long_ascii_text_is_not_copied():
    long = "ab" * text.POINTER_PAYS
    pointer, length = text.utf8(long)
    assert not isinstance(pointer, bytes)
    assert bytes(memory.view(pointer, length)) == long.encode()


def test_python_without_cpythons_api(monkeypatch):
    monkeypatch.setattr(memory, "IS_CPYTHON", False)
    in_python = inspect.unwrap(count_doubles)
    for unit in "bжé𝄞\ud800":
        assert in_python(("a" + 2 * unit) * 30_000) == 30_000
        assert in_python(2 * unit) == 1
