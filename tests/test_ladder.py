"""All rungs, in Rust, Python and NumPy, give one answer wherever they answer one question."""

import sys

import pytest
import reference
import strategies
from hypothesis import given

import doubles_ffi
from doubles_ffi import baselines

CHARACTER_RUNGS = [doubles_ffi.count_doubles_zip, doubles_ffi.count_doubles_once]
BYTE_RUNGS = [
    doubles_ffi.count_doubles_once_bytes,
    doubles_ffi.count_doubles_slice,
    doubles_ffi.count_doubles_slice_parallel,
]
NEEDS_NUMPY = pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="NumPy has no wheel for PyPy"
)
BASELINES = [
    pytest.param(getattr(baselines, name), marks=[NEEDS_NUMPY] if "numpy" in name else [])
    for name in baselines.__all__
]


def label(rung):
    return f"{rung.__module__}.{rung.__name__}"


def test_every_baseline_is_here():
    assert len(BASELINES) == 6


@pytest.mark.parametrize("rung", CHARACTER_RUNGS, ids=label)
@given(strategies.text)
def test_character_rungs(rung, text):
    expected = reference.count(text)
    assert rung(text) == expected
    assert rung(text.encode()) == expected
    assert rung(bytearray(text.encode())) == expected


@pytest.mark.parametrize("rung", BYTE_RUNGS, ids=label)
@given(strategies.binary, strategies.text)
def test_byte_rungs(rung, data, text):
    assert rung(data) == reference.count(data)
    assert rung(memoryview(data)) == reference.count(data)
    assert rung(text) == reference.count(text.encode())


@pytest.mark.parametrize("baseline", BASELINES, ids=label)
@given(strategies.text_with_lone_surrogates, strategies.binary)
def test_baselines(baseline, text, data):
    assert baseline(text) == reference.count(text)
    assert baseline(data) == reference.count(data)


@pytest.mark.parametrize("rung", CHARACTER_RUNGS + BYTE_RUNGS + BASELINES, ids=label)
def test_all_agree_on_ascii(rung):
    text = "Mississippi\n\n\0\0 bookkeeper" * 3000  # long enough to pass without a copy
    assert rung(text) == reference.count(text)
    assert rung(text.encode()) == reference.count(text)


@pytest.mark.parametrize("rung", CHARACTER_RUNGS, ids=label)
@pytest.mark.parametrize("unit", "ж€𝄞")
def test_long_text_that_is_not_ascii(rung, unit):
    assert rung((unit + "b") * 20_000 + unit * 3) == 2


@pytest.mark.parametrize("rung", CHARACTER_RUNGS, ids=label)
def test_bytes_must_be_utf8(rung):
    for data in (b"aa\xff", b"\xed\xa0\x80", b"\xe2\x82"):
        with pytest.raises(UnicodeDecodeError) as raised:
            rung(data)
        with pytest.raises(UnicodeDecodeError) as expected:
            data.decode()
        assert raised.value.args == expected.value.args


@pytest.mark.parametrize("rung", CHARACTER_RUNGS + BYTE_RUNGS, ids=label)
def test_lone_surrogates_have_no_utf8(rung):
    with pytest.raises(UnicodeEncodeError):
        rung("\ud800\ud800")
