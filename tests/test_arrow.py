"""Arrow's C data interface: each layout, what is malformed, and when it is released."""

import random
import re
import subprocess
import sys
import threading

import arrow_producer
import pytest
from arrow_producer import HERE, Producer, Stream, capsule, i32, i64, view
from systems import need_posix

from doubles_ffi import count_each

TWENTY = b"a" * 20
HUGE = 2**62


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return arrow_producer.build(tmp_path_factory.mktemp("producer"))


LAYOUTS = [
    ("u", 3, [b"\x05", i32(0, 2, 4, 6), b"aabbcc"], {"null_count": -1}, [1, None, 1]),
    ("u", 2, [b"\x05", i32(0, 2, 4, 6), b"aabbcc"], {"null_count": 1, "offset": 1}, [None, 1]),
    ("u", 2, [b"\x01", i32(0, 2, 3), b"aa\xff"], {"null_count": 1}, [1, None]),
    ("u", 0, [None, None, None], {}, []),
    ("z", 2, [None, i32(0, 2, 3), b"aa\xff"], {}, [1, 0]),
    ("U", 2, [None, i64(0, 2, 3), b"aab"], {}, [1, 0]),
    ("Z", 2, [b"\x02", i64(0, 2, 4), b"aa\xff\xff"], {"null_count": 1}, [None, 1]),
    ("vu", 2, [None, view(3) + view(20), TWENTY, i64(20)], {}, [2, 19]),
    ("vz", 1, [None, view(3), None], {}, [2]),
    ("w:3", 2, [None, b"aaabbc"], {}, [2, 1]),
    ("w:0", 2, [None, b""], {}, [0, 0]),
    ("w:0", 2, [None, None], {}, [0, 0]),
    ("n", 2, [], {}, [None, None]),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout[0])
def test_each_layout_is_counted_and_released(library, layout):
    form, length, buffers, fields, answer = layout
    producer = Producer(library, form, length, buffers, **fields)
    assert count_each(producer).tolist() == answer
    assert producer.released == [1, 1, 0]


def test_a_dictionary_is_counted_and_released(library):
    values = Producer(library, "u", 2, [None, i32(0, 2, 3), b"aa\xff"])
    keys = Producer(library, "c", 3, [b"\x05", b"\0\7\0"], dictionary=values, null_count=1)
    assert count_each(keys).tolist() == [1, None, 1]
    assert keys.released == [1, 1, 0], "the producer of a struct releases what belongs to it"


MALFORMED = {
    "a negative offset": ("u", 1, [None, i32(-5, 2), b"aaa"], {}),
    "decreasing offsets": ("u", 2, [None, i32(0, 3, 2), b"aaa"], {}),
    "decreasing long offsets": ("U", 2, [None, i64(0, 3, 2), b"aaa"], {}),
    "the lowest long offset": ("U", 1, [None, i64(0, -(2**63)), b"aaa"], {}),
    "no buffer of offsets": ("u", 1, [None, None, None], {}),
    "no buffer of text": ("u", 1, [None, i32(0, 3), None], {}),
    "too few buffers": ("u", 1, [None], {}),
    "no buffers": ("u", 1, [], {}),
    "a negative number of buffers": ("u", 1, [None, i32(0, 1), b"a"], {"n_buffers": -1}),
    "a negative length": ("u", -1, [None, i32(0), b""], {}),
    "a negative start": ("u", 1, [None, i32(0, 1), b"a"], {"offset": -1}),
    "a start and a length that overflow": ("u", HUGE, [None, i32(0), b""], {"offset": HUGE}),
    "nulls without validity": ("u", 1, [None, i32(0, 1), b"a"], {"null_count": 1}),
    "a view behind its buffer": ("vu", 1, [None, view(20), TWENTY, i64(19)], {}),
    "a view of another buffer": ("vu", 1, [None, view(20, 1), TWENTY, i64(20)], {}),
    "a view of a negative buffer": ("vu", 1, [None, view(20, -1), TWENTY, i64(20)], {}),
    "a view of negative length": ("vu", 1, [None, view(-1), TWENTY, i64(20)], {}),
    "a view from a negative offset": ("vu", 1, [None, view(20, 0, -1), TWENTY, i64(20)], {}),
    "a buffer of negative size": ("vu", 1, [None, view(20), TWENTY, i64(-1)], {}),
    "no buffer of sizes": ("vu", 1, [None, view(20), TWENTY, None], {}),
    "no buffer of fixed width": ("w:3", 1, [None, None], {}),
    "a width that overflows": (f"w:{HUGE}", 4, [None, b"a"], {}),
    "no format": (None, 1, [None, i32(0, 1), b"a"], {}),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_arrays_are_refused_and_released(library, fault):
    form, length, buffers, fields = MALFORMED[fault]
    producer = Producer(library, form, length, buffers, **fields)
    with pytest.raises(ValueError, match="the Arrow array is malformed"):
        count_each(producer)
    assert producer.released == [1, 1, 0]


def test_the_error_for_a_malformed_row_names_it(library):
    with pytest.raises(ValueError, match="malformed: row 1 is out of bounds"):
        count_each(Producer(library, "u", 3, [None, i32(0, 3, 2, 3), b"aaa"]))


def test_keys_and_values_of_dictionaries_are_checked(library):
    def text(*offsets):
        return Producer(library, "u", len(offsets) - 1, [None, i32(*offsets), b"aa\xff"])

    with pytest.raises(ValueError, match="row 1 is out of bounds"):
        count_each(Producer(library, "c", 2, [None, b"\0\2"], dictionary=text(0, 2, 3)))
    with pytest.raises(ValueError, match=r"malformed$"):
        count_each(Producer(library, "c", 1, [None, b"\0"], dictionary=text(0, -2)))
    with pytest.raises(UnicodeDecodeError, match="in row 2") as caught:
        count_each(Producer(library, "c", 3, [None, b"\0\0\1"], dictionary=text(0, 2, 3)))
    assert caught.value.object == b"\xff"
    nested = text(0, 2)
    for _ in range(5):
        nested = Producer(library, "c", 1, [None, b"\0"], dictionary=nested)
    with pytest.raises(TypeError, match="expected a column"):
        count_each(nested)


@pytest.mark.parametrize("form", ["", "l", "tdD", "w:x", "w:-3", "+l", "d:10,2", "uu"])
def test_arrays_of_other_types_are_refused_and_released(library, form):
    producer = Producer(library, form, 1, [None, b"\0" * 16])
    with pytest.raises(TypeError, match=re.escape(f"not one of Arrow format '{form}'")):
        count_each(producer)
    assert producer.released == [1, 1, 0]


def test_more_rows_than_memory_holds_are_refused_and_released(library):
    producer = Producer(library, "n", HUGE, [])
    with pytest.raises(MemoryError):
        count_each(producer)
    assert producer.released == [1, 1, 0]


def test_a_capsule_is_read_once(library):
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


@pytest.mark.parametrize(
    ("answer", "message"),
    [(lambda: capsule(1, b"something", None), "PyCapsule"), (lambda: int("x"), "invalid literal")],
    ids=["a capsule of another name", "an error of its own"],
)
def test_wrong_answers_of_a_producer_are_errors(answer, message):
    class Producing:
        def __arrow_c_stream__(self, requested_schema=None):
            return answer()

    with pytest.raises(ValueError, match=message):
        count_each(Producing())


def test_an_error_of_a_stream_is_raised_with_its_text(library):
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


# In a process of its own, as everything that expects signals. Python swallows a signal in a
# destructor: others follow. A signal during the unwinding is not raised, since no `with` survives
# that.
INTERRUPTED = """
import signal, sys
import ctypes
import numpy
from arrow_producer import Producer, Stream
from doubles_ffi import count_each

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
    need_posix("has no timer that sends signals")
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


def test_ctrl_c_stops_an_endless_stream(library):
    schemas, arrays, streams, produced = interrupted(
        library,
        "Stream(library, 2**62)",
        "count_each(column)",
        "[*column.released, 2**62 - column.chunks]",
        begun="column.chunks < 2**62",
    )
    assert (schemas, streams) == (1, 1)
    assert arrays == produced > 0


def test_ctrl_c_stops_the_count_of_100_million_rows(library):
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
