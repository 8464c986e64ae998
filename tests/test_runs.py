"""The longest run, and squeezed text and bytes, against itertools."""

import pickle
import sys

import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import binary, runs, text, text_with_lone_surrogates

from doubles_ffi import Run, find_runs, longest_run, squeeze_doubles
from doubles_ffi._library import memory

any_str = text_with_lone_surrogates | runs | st.text("ab", max_size=300)
mosts = st.integers(1, 5) | st.just(2**64) | st.just(2**70)


@given(any_str, mosts)
def test_a_str_is_squeezed(data, most):
    assert squeeze_doubles(data, most=most) == "".join(reference.squeezed(data, most))


@given(binary, mosts)
def test_bytes_are_squeezed_to_bytes(data, most):
    expected = bytes(reference.squeezed(data, most))
    for convert in (bytes, bytearray, memoryview):
        found = squeeze_doubles(convert(data), most=most)
        assert type(found) is bytes
        assert found == expected


@given(text | runs, mosts)
def test_encoded_text_is_squeezed_undecoded(data, most):
    expected = "".join(reference.squeezed(data, most))
    assert squeeze_doubles(data.encode(), most=most, encoding="UTF-8") == expected.encode()


@given(st.text("ab\x7f", max_size=90), st.text("a\xe9\xff", max_size=90))
def test_ascii_and_latin_1_are_squeezed_undecoded(ascii_text, latin_text):
    for data, encoding in ((ascii_text, "ascii"), (latin_text, "latin-1")):
        expected = "".join(reference.squeezed(data)).encode(encoding)
        assert squeeze_doubles(bytearray(data, encoding), encoding=encoding) == expected


@given(any_str, mosts, st.text("ab\nжЖ€𝄞\ud800", min_size=1, max_size=3))
def test_only_limits_squeezing_to_some_characters(data, most, only):
    expected = "".join(reference.squeezed(data, most, only.__contains__))
    assert squeeze_doubles(data, most=most, only=only) == expected
    assert squeeze_doubles(data, most=most, only=lambda unit: unit in only) == expected


@given(binary, st.binary(min_size=1, max_size=3))
def test_only_limits_squeezing_to_some_bytes(data, only):
    expected = bytes(reference.squeezed(data, 1, only.__contains__))
    assert squeeze_doubles(data, only=only) == expected
    assert squeeze_doubles(data, only=bytearray(only)) == expected
    assert squeeze_doubles(data, only=only.__contains__) == expected


@given(any_str)
@example("")
def test_the_longest_run_of_a_str(data):
    assert longest_run(data) == reference.longest(data)
    assert longest_run(data) is None or type(longest_run(data)) is Run


@given(binary)
def test_the_longest_run_of_bytes(data):
    assert longest_run(data) == reference.longest(data)
    assert longest_run(memoryview(data)) == reference.longest(data)


@given(text | runs, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "utf-7"]))
def test_the_longest_run_of_encoded_text(data, encoding):
    assert longest_run(data.encode(encoding), encoding=encoding) == reference.longest(data)


@pytest.mark.parametrize("length", [*range(200), 4095, 4096, 4097, 70_000])
def test_runs_of_every_length(length):
    data = bytes(length)
    assert squeeze_doubles(data) == data[:1]
    assert squeeze_doubles(data, most=3) == data[:3]
    assert longest_run(data) == ((0, length, 0) if length else None)
    assert longest_run(b"ab" + data) == ((2, length, 0) if length > 1 else (0, 1, ord("a")))


@pytest.mark.parametrize("unit", ["a", "\xe9", "ж", "𝄞"])
def test_text_longer_than_a_call_into_the_library(unit, monkeypatch):
    monkeypatch.setattr("doubles_ffi.runs.SLICE", 1 << 16)
    monkeypatch.setattr("doubles_ffi._library.longest._SLICE", 1 << 16)
    data = "b" + unit * 200_000 + "cc" * 50_000
    assert squeeze_doubles(data) == f"b{unit}c"
    assert squeeze_doubles(data, most=70_000) == "b" + unit * 70_000 + "c" * 70_000
    assert squeeze_doubles(data.encode(), encoding="utf-8") == f"b{unit}c".encode()
    assert longest_run(data) == (1, 200_000, unit)
    assert longest_run(data.encode(), encoding="utf-8") == (1, 200_000, unit)


@pytest.mark.parametrize("kind", ["abc", "ab\xe9", "abж", "ab𝄞"])
def test_a_squeezed_str_is_stored_as_others_are(kind):
    found = squeeze_doubles(kind * 1000 + kind[-1] * 1000)
    assert found == kind * 1000
    assert sys.getsizeof(found) == sys.getsizeof(kind * 1000)
    assert found.isascii() == kind.isascii()
    assert hash(found) == hash(kind * 1000)


def test_a_predicate_is_called_once_for_each_doubled_character():
    asked = []
    assert squeeze_doubles("aabbaaccd", only=asked.append) == "aabbaaccd"
    assert sorted(asked) == ["a", "b", "c"]


@pytest.mark.parametrize("function", [squeeze_doubles, longest_run, find_runs])
def test_text_that_is_not_utf8(function):
    data = bytes.fromhex("d0b6d0b66161ffff")
    with pytest.raises(UnicodeDecodeError) as caught:
        function(data, encoding="utf-8")
    assert (caught.value.start, caught.value.object) == (6, data)
    with pytest.raises(UnicodeDecodeError, match="position 2: unexpected end of data"):
        function(b"aa\xd0", encoding="utf-8")


def test_squeezed_text_must_be_ascii_where_it_is_said_to_be():
    with pytest.raises(UnicodeDecodeError, match="'ascii' codec can't decode byte 0xd0"):
        squeeze_doubles(b"aa\xd0", encoding="ascii")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"most": 0}, ValueError, "most must be at least 1, not 0"),
        ({"most": 1.5}, TypeError, "float"),
        ({"only": ""}, ValueError, "only is empty"),
        ({"only": b"a"}, TypeError, "only must be a str, a function or None, not bytes"),
        ({"only": 5}, TypeError, "only must be a str, a function or None, not int"),
        ({"encoding": "utf-8"}, TypeError, "a str is already decoded"),
        ({"encoding": "ascii"}, TypeError, "a str is already decoded"),
        ({"encoding": "utf-16"}, TypeError, "a str is already decoded"),
        ({"data": b"aa", "only": "a"}, TypeError, "only must be bytes, a function or None"),
        ({"data": b"aa", "only": b""}, ValueError, "only is empty"),
        ({"data": b"aa", "only": 5}, TypeError, "only: expected bytes, a function or None, not"),
        ({"data": b"aa", "encoding": "utf-16"}, ValueError, "decode it first"),
        ({"data": b"aa", "encoding": "nothing"}, LookupError, "nothing"),
        ({"data": 5}, TypeError, "expected str or a bytes-like object, not int"),
        ({"data": memoryview(b"aabb")[::2]}, BufferError, "not C-contiguous"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        squeeze_doubles(**{"data": "aa"} | arguments)


def test_where_a_str_can_not_be_written_in_place(monkeypatch):
    def no_room(largest, length, room=memory.Room):
        if largest >= 0:
            raise NotImplementedError
        return room(largest, length)

    monkeypatch.setattr("doubles_ffi.runs.Room", no_room)
    for data in ("aab", "жжж\ud800\ud800𝄞𝄞", "\ufeff\ufeffa", ""):
        assert squeeze_doubles(data) == "".join(reference.squeezed(data))
    monkeypatch.setattr("doubles_ffi.runs.str_storage", lambda _: None)
    assert squeeze_doubles("жжa") == "жa"


def test_subclasses_of_str_are_taken_for_the_str_that_they_hold():
    class Text(str):
        __slots__ = ()

        def __len__(self):
            return 10**6

    assert type(squeeze_doubles(Text("aab"))) is str
    assert squeeze_doubles(Text("aab")) == "ab"


def test_a_run_can_be_pickled():
    run = longest_run("abb")
    assert pickle.loads(pickle.dumps(run)) == run == Run(1, 2, "b")
