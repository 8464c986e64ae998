"""Where doubles are, held against itertools."""

import contextlib
import gc
import inspect
import itertools
import pickle
import subprocess
import sys

import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import any_text, binary, runs, text, text_with_lone_surrogates
from systems import OWN_CONSOLE, press_ctrl_c

import doubles_ffi
from doubles_ffi import count_doubles, find_doubles
from doubles_ffi._input import chunks
from doubles_ffi._library import InvalidUtf8Error, memory
from doubles_ffi._library.search import _SLICE, Search, run_columns


@given(text_with_lone_surrogates | runs)
def test_str(data):
    assert list(find_doubles(data)) == reference.runs(data)


@given(binary)
def test_bytes(data):
    for convert in (bytes, bytearray, memoryview):
        assert list(find_doubles(convert(data))) == reference.runs(data)
    assert sum(length - 1 for _, length, _ in find_doubles(data)) == count_doubles(data)


@given(text | runs, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "utf-7"]))
def test_encoded_text(data, encoding):
    assert list(find_doubles(data.encode(encoding), encoding=encoding)) == reference.runs(data)


@given(any_text.filter(str.isascii) | st.text("aé\xff", max_size=50))
def test_latin_1(data):
    assert list(find_doubles(data.encode("latin-1"), encoding="latin-1")) == reference.runs(data)


def test_units_are_ints_of_bytes_and_characters_of_text():
    assert list(find_doubles(b"\xff\xff")) == [(0, 2, 255)]
    assert list(find_doubles("жж")) == [(0, 2, "ж")]
    assert list(find_doubles("жж".encode(), encoding="utf-8")) == [(0, 2, "ж")]
    assert list(find_doubles("жж".encode())) == []
    assert list(find_doubles("\ud800\ud800")) == [(0, 2, "\ud800")]


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


@given(binary, st.sampled_from(["utf-8", "utf-16-le", "cp1252", "gb18030"]))
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


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("a",), {"encoding": "utf-8"}, TypeError),
        ((5,), {}, TypeError),
        ((memoryview(b"abcdef")[::2],), {}, BufferError),
        ((memoryview(b"abcd").cast("H"),), {}, TypeError),
        ((b"a",), {"encoding": "no such encoding"}, LookupError),
        ((b"a",), {"encoding": "hex"}, LookupError),
    ],
)
def test_wrong_arguments(arguments, options, error):
    with pytest.raises(error):
        next(find_doubles(*arguments, **options))
    with pytest.raises(error):
        count_doubles(*arguments, **options)


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


def test_a_fault_is_raised_once_and_ends_the_iterator():
    found = find_doubles(b"aa\xff", encoding="utf-8")
    assert next(found) == (0, 2, "a")
    with pytest.raises(UnicodeDecodeError):
        next(found)
    assert list(found) == []


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


def test_it_is_public_has_a_signature_and_can_be_pickled():
    assert "find_doubles" in doubles_ffi.__all__
    assert str(inspect.signature(find_doubles)).startswith("(data: 'Data', *, min_run:")
    assert pickle.loads(pickle.dumps(find_doubles)) is find_doubles


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
