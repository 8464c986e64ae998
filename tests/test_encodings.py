"""Bytes that are text: the same count as decoding them first, and the same errors."""

import codecs

import pytest
import reference
import strategies
from hypothesis import given
from hypothesis import strategies as st

from doubles_ffi import _input, _library, _stretch, count_doubles

TEXT = "Mississippi\n\n\0\0 " * 3
WIDE = TEXT + "жжук €€ 𝄞𝄞 \U0010ffff"
CODECS = {
    "utf-8": WIDE,
    "UTF8": WIDE,
    "utf-8-sig": WIDE,
    "utf-16": WIDE,
    "utf-16-le": WIDE,
    "utf-16-be": WIDE,
    "utf-32": WIDE,
    "utf-32-be": WIDE,
    "utf-7": WIDE,
    "punycode": WIDE,
    "idna": "example",
    "unicode_escape": WIDE,
    "ascii": TEXT,
    "latin-1": TEXT + "ÿÿ",
    "cp1251": TEXT + "жжук",
    "koi8-r": TEXT + "жжук",
    "cp437": TEXT + "ééé",
    "shift_jis": TEXT + "日日本本語",
    "gb18030": WIDE + "汉汉字",
    "big5": TEXT + "漢漢字",
    "euc-kr": TEXT + "한한글",
    "iso2022_jp": TEXT + "日日本本語",
}


@pytest.fixture(params=[1, 2, 3, 7, 64, 65536])
def block(request, monkeypatch):
    monkeypatch.setattr(_input, "_BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("encoding", CODECS)
def test_as_decoding_first(encoding):
    text = CODECS[encoding]
    data = text.encode(encoding)
    assert count_doubles(data, encoding=encoding) == reference.count(text)
    assert count_doubles(bytearray(data), encoding=encoding) == reference.count(text)
    assert count_doubles(b"", encoding=encoding) == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_no_byte_order_mark_is_the_order_of_the_machine(encoding):
    data = b"a\0\0\0a\0\0\0"
    assert count_doubles(data, encoding=encoding) == reference.count(data.decode(encoding))


def outcome(function):
    try:
        return function()
    except UnicodeDecodeError as error:
        return (error.encoding, error.object, error.start, error.end, error.reason)


@given(
    st.lists(
        st.sampled_from([b"a", b"aa", b"\xef\xbb\xbf", "ж".encode(), "€".encode(), "𝄞".encode()])
        | st.sampled_from([b"\x80", b"\xbf", b"\xc2", b"\xe2\x82", b"\xf0\x9d\x84", b"\xff"])
        | st.sampled_from([b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe0\x80"]),
        max_size=12,
    ).map(b"".join),
    st.sampled_from([1, 2, 3, 4, 5, 8, 65536]),
    st.sampled_from(
        ["utf-8", "utf-8-sig", "ascii", "cp1252", "utf-16", "utf-32-le", "utf-7", "gb18030"]
    ),
)
def test_errors_are_those_of_decode(data, block, encoding):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_input, "_BLOCK", block)
        expected = outcome(lambda: reference.count(data.decode(encoding)))
        assert outcome(lambda: count_doubles(data, encoding=encoding)) == expected
        assert outcome(lambda: count_doubles(memoryview(data), encoding=encoding)) == expected


@given(
    st.lists(
        st.sampled_from([b"a", "ж".encode(), "€".encode(), "𝄞".encode()])
        | st.sampled_from([b"\x80", b"\x80\x80\x80\x80\x80", b"\xe2\x82", b"\xf0\x9d\x84"]),
        max_size=40,
    ).map(b"".join),
    st.integers(8, 30),
)
def test_utf8_in_slices(data, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stretch, "SLICE", size)
        expected = outcome(lambda: reference.count(data.decode()))
        assert outcome(lambda: count_doubles(data, encoding="utf-8")) == expected


def test_a_buffer_that_becomes_valid_meanwhile(monkeypatch):
    refuse = lambda *_: _library.lib.DOUBLES_STATUS_INVALID_UTF8  # noqa: E731
    monkeypatch.setattr(_library.UTF8, "update", refuse)
    with pytest.raises(RuntimeError, match="changed while"):
        count_doubles(b"valid", encoding="utf-8")


@pytest.mark.parametrize(
    "beginning", [b"", b"\xef", b"\xef\xbb", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef"]
)
@pytest.mark.parametrize(
    "rest", [b"", b"aab", b"\xff", "жж".encode(), b"\xbf\xbf", b"\xef\xbb\xbf"]
)
def test_utf8_with_a_mark(beginning, rest):
    data = beginning + rest
    expected = outcome(lambda: reference.count(data.decode("utf-8-sig")))
    assert outcome(lambda: count_doubles(data, encoding="utf-8-sig")) == expected
    assert outcome(lambda: count_doubles(bytearray(data), encoding="utf_8_sig")) == expected


@pytest.mark.parametrize("incremental", [None, codecs.getincrementaldecoder("cp1251")])
def test_codecs_of_others(incremental):
    info = codecs.lookup("cp1251")
    name = f"doubles_test_{incremental is None}".lower()
    mine = codecs.CodecInfo(
        info.encode, info.decode, incrementaldecoder=incremental, name="A Name Of Its Own"
    )
    codecs.register(search := lambda wanted: mine if wanted == name else None)
    try:
        assert count_doubles("жжук".encode("cp1251"), encoding=name) == 1
        with pytest.raises(UnicodeDecodeError, match="position 2"):
            count_doubles(b"aa\x98", encoding=name)
    finally:
        codecs.unregister(search)


@given(strategies.binary)
def test_any_bytes_as_utf8(data):
    expected = outcome(lambda: reference.count(data.decode()))
    assert outcome(lambda: count_doubles(data, encoding="utf-8")) == expected


def test_a_decoder_that_fails_where_decoding_does_not(monkeypatch):
    class Failing(codecs.IncrementalDecoder):
        def decode(self, *_):
            raise UnicodeError("of its own")

    info = codecs.lookup("cp1252")
    failing = codecs.CodecInfo(
        info.encode, info.decode, incrementaldecoder=Failing, name="doubles_test_failing"
    )
    monkeypatch.setattr(codecs, "lookup", lambda _: failing)
    with pytest.raises(UnicodeError, match="of its own"):
        count_doubles(b"aa", encoding="cp1252")


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "rot13", "base64"])
def test_unknown_encodings(encoding):
    for data in (b"aa", b""):
        with pytest.raises(LookupError, match=encoding):
            count_doubles(data, encoding=encoding)


def test_encodings_of_a_wrong_type():
    with pytest.raises(TypeError):
        count_doubles(b"aa", encoding=8)


def test_a_str_is_already_decoded():
    with pytest.raises(TypeError, match="already decoded"):
        count_doubles("aa", encoding="utf-8")
