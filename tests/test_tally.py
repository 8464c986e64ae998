"""tally_doubles: how many of the doubles that count_doubles counts each unit makes."""

import array
from collections import Counter

import pytest
import reference
import strategies
from hypothesis import given
from hypothesis import strategies as st

from doubles_ffi import count_doubles, tally_doubles
from doubles_ffi._input.text import _CHUNK, POINTER_PAYS
from doubles_ffi._library import stretch


@given(strategies.binary)
def test_bytes_tally_bytes(data):
    assert tally_doubles(data) == reference.tally(data)
    assert tally_doubles(memoryview(data)) == reference.tally(data)


@given(strategies.text_with_lone_surrogates)
def test_str_tallies_code_points(text):
    assert tally_doubles(text) == reference.tally(text)


@given(strategies.text, st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_text_in_an_encoding_tallies_code_points(text, encoding):
    assert tally_doubles(text.encode(encoding), encoding=encoding) == reference.tally(text)


@pytest.mark.parametrize("unit", ["a", "ж", "€", "𝄞", "\ud800"])
def test_long_runs_across_chunks(unit):
    length = 3 * _CHUNK + 1
    for pad in range(3):
        text = "x" * pad + unit * length
        expected = Counter({unit: length - 1}) + reference.tally("x" * pad)
        assert tally_doubles(text) == expected
        data = text.encode("utf-8", "surrogatepass")
        if unit != "\ud800":
            assert tally_doubles(data, encoding="utf-8") == expected
        assert tally_doubles(data).total() == count_doubles(data)


def test_doubles_across_slices(monkeypatch):
    monkeypatch.setattr(stretch, "TALLY_SLICE", 2 * POINTER_PAYS)
    for text in ("aab" * 40_000, "жжк" * 20_000):
        assert tally_doubles(text) == reference.tally(text)
        assert tally_doubles(text.encode()) == reference.tally(text.encode())
        assert tally_doubles(text.encode(), encoding="utf-8") == reference.tally(text)


def test_ties_come_in_the_order_of_units():
    text = "жжaa€€\U0010ffff\U0010ffffzz\0\0"
    assert list(tally_doubles(text)) == sorted(set(text))
    assert tally_doubles(text).most_common(3) == [("\0", 1), ("a", 1), ("z", 1)]
    assert list(tally_doubles(text.encode(), encoding="utf-8")) == sorted(set(text))
    assert list(tally_doubles(b"zzaa\xff\xff\0\0")) == sorted(b"za\xff\0")


def test_any_number_of_threads_tallies_the_same():
    text = "aabbжж" * 300_000
    for threads in (None, 1, 2):
        assert tally_doubles(text, threads=threads) == reference.tally(text)


@pytest.mark.parametrize(
    "column",
    [
        ["aa"],
        {"aa": 1},
        (row for row in ["aa"]),
        array.array("i", [1]),
        *(memoryview(bytes(8)).cast("i"), memoryview(bytes(8)).cast("d")),
    ],
    ids=lambda column: type(column).__name__,
)
def test_a_column_is_refused_with_advice(column):
    with pytest.raises(TypeError, match=r"; add up the tallies of rows with sum\(map\(tally_doub"):
        tally_doubles(column)
