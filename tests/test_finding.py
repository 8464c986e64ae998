"""Where doubles are, held against itertools."""

import contextlib
import gc
import inspect
import itertools
import subprocess
import sys

import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import binary, runs, text, text_with_lone_surrogates
from systems import OWN_CONSOLE, press_ctrl_c

from doubles_ffi import find_doubles, find_runs
from doubles_ffi._input import chunks
from doubles_ffi._library import InvalidUtf8Error, memory
from doubles_ffi._library.search import _SLICE, Search, run_columns

least = st.integers(1, 5) | st.just(2**70)

# More than one call into C searches.
LONGER = "xy" * 300


@given(text_with_lone_surrogates | runs, least)
def test_str(data, min_run):
    for each in (data, data + LONGER):
        assert list(find_doubles(each, min_run=min_run)) == reference.runs(each, min_run)


@given(binary, least)
def test_bytes(data, min_run):
    for each in (data, data + LONGER.encode()):
        for convert in (bytes, bytearray, memoryview):
            found = list(find_doubles(convert(each), min_run=min_run))
            assert found == reference.runs(each, min_run)


@given(text | runs, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "utf-7"]))
def test_encoded_text(data, encoding):
    assert list(find_doubles(data.encode(encoding), encoding=encoding)) == reference.runs(data)


LONG = {
    "all equal": "a" * (3 * _SLICE),
    "all equal, three bytes": "€" * (3 * _SLICE),
    "none equal": "ab" * (2 * _SLICE),
    "pairs": "aabb" * _SLICE,
    "a run over chunks": "b" * 3 + "жa" * 20_000 + "𝄞" * (2 * _SLICE) + "c\n\n" * 5,
    "newlines": "\n" * (2 * _SLICE + 1),
}


@pytest.mark.parametrize("name", LONG)
def test_long_text(name):
    data = LONG[name]
    expected = reference.runs(data)
    assert list(find_doubles(data)) == expected
    assert list(find_doubles(data.encode(), encoding="utf-8")) == expected
    assert list(find_doubles(data.encode("utf-16"), encoding="utf-16")) == expected
    assert list(find_doubles(data.encode())) == reference.runs(data.encode())


@pytest.mark.parametrize("unit", ["a", "ж", "€", "𝄞"])
@pytest.mark.parametrize("before", range(5))
def test_runs_across_the_ends_of_chunks(unit, before):
    """Every code point that a chunk ends in is torn somewhere."""
    width = len(unit.encode())
    data = "x" * before + "yz" * ((_SLICE - before - 3 * width) // 2) + unit * 6 + "q"
    assert list(find_doubles(data.encode(), encoding="utf-8")) == reference.runs(data)
    assert list(find_doubles(data)) == reference.runs(data)


INVALID = [
    (b"aab\xff\xffcc", "utf-8"),
    (b"aab\xe2\x82", "utf-8"),
    (b"aa\xe2\x82a", "utf-8"),
    (b"\xe2\x82", "utf-8"),
    (b"\xef\xbb\xbfaa\xff", "utf-8-sig"),
    ("жж".encode() * 2 + b"\x80", "utf-8"),
    ("aab".encode("utf-16-le") + b"\0\xd8a", "utf-16-le"),
    (b"aa\xffbb", "ascii"),
    (b"bb\x81\xff", "shift_jis"),
    (b"bb\x81\xff", "cp932"),
    ("aa\u3042\u3042".encode("euc_jp") + b"\x8f\xa1", "euc_jp"),
    (b"aa\x81", "cp1252"),
]


@pytest.mark.parametrize("pad", ["", "xy" * 8, "xy" * (_SLICE // 2), "xyz" * _SLICE])
@pytest.mark.parametrize(("data", "encoding"), INVALID)
def test_runs_before_invalid_text_are_yielded(data, encoding, pad):
    codec = encoding.removesuffix("-sig")
    mark = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
    data = mark + pad.encode(codec) + data.removeprefix(mark)
    with pytest.raises(UnicodeDecodeError) as expected:
        data.decode(encoding)
    found = []
    with pytest.raises(UnicodeDecodeError) as raised:
        found.extend(find_doubles(data, encoding=encoding))
    assert raised.value.args[2:] == expected.value.args[2:]
    assert raised.value.object == expected.value.object
    right = expected.value.object[: expected.value.start].decode(codec)
    assert found == reference.runs(right)


@given(binary, st.sampled_from(["utf-8", "latin-1", "utf-16-le", "cp1252", "gb18030"]))
def test_any_bytes_as_text(data, encoding):
    try:
        expected, fault = data.decode(encoding), None
    except UnicodeDecodeError as error:
        expected, fault = data[: error.start].decode(encoding), error
    found, raised = [], None
    try:
        found.extend(find_doubles(data, encoding=encoding))
    except UnicodeDecodeError as error:
        raised = error
    assert repr(raised) == repr(fault)
    assert found == reference.runs(expected)


def first_run(data, **options):
    return next(find_doubles(data, **options))


@pytest.mark.parametrize("find", [first_run, find_runs])
@pytest.mark.parametrize("min_run", [0, -1])
def test_no_run_has_less_than_one_unit(find, min_run):
    with pytest.raises(ValueError, match=f"min_run must be at least 1, not {min_run}"):
        find("aa", min_run=min_run)


def test_it_is_lazy():
    found = find_doubles("aab" * 1_000_000)
    assert inspect.isgenerator(found)
    assert list(itertools.islice(found, 2)) == [(0, 2, "a"), (3, 2, "a")]
    data = bytearray(b"aab")
    found = find_doubles(data)
    data += b"b"  # Nothing has been asked for.
    assert next(found) == (0, 2, 97)
    with pytest.raises(BufferError):
        data.clear()
    found.close()
    data.clear()
    found = find_doubles(memoryview(data))
    del found
    gc.collect()


def test_a_buffer_that_has_become_text_again(monkeypatch):
    """Another thread may change what is invalid before anyone sees where."""

    def refuse_once(_):
        monkeypatch.undo()
        raise InvalidUtf8Error

    monkeypatch.setattr(memory, "check", refuse_once)
    with pytest.raises(RuntimeError, match="the input was changed"):
        list(find_doubles(b"aa", encoding="utf-8"))


def test_a_buffer_that_changes_after_its_fault(monkeypatch):
    refusals = [False, True, True]
    real = memory.check

    def refuse_twice(returned):
        if refusals.pop():
            raise InvalidUtf8Error
        return real(returned)

    monkeypatch.setattr(memory, "check", refuse_twice)
    with pytest.raises(UnicodeDecodeError):
        list(find_doubles(b"aa\xff", encoding="utf-8"))


@pytest.mark.parametrize("end", [b"", b"eef\xff", b"eef\xe2\x82"])
def test_answers_that_are_still_in_use_stay_valid(end):
    search = Search(slice_size=6, rooms=3)
    answers, starts = [], []
    with pytest.raises(UnicodeDecodeError) if end else contextlib.nullcontext():
        for runs, number in search.runs(chunks(b"aabccd" * 4 + end, "utf-8")):
            answers.append((runs, number))
            starts += run_columns(runs, number, "start")
            last = [run_columns(*answer, "start")[0] for answer in answers[-3:]]
            assert last == starts[-3:]
    assert [*itertools.chain(*starts)] == [0, 3, 6, 9, 12, 15, 18, 21, *[24] * bool(end)]


A_LONG_SEARCH = """
import doubles_ffi
found = doubles_ffi.find_doubles("aabb" * 100_000_000)
next(found)
print("ready", flush=True)
for _ in found:
    pass
"""


def test_control_c_stops_a_long_search():
    with subprocess.Popen(
        [sys.executable, "-c", A_LONG_SEARCH],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **OWN_CONSOLE,
    ) as process:
        assert process.stdout.readline().split() == [b"ready"]
        press_ctrl_c(process)
        _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
