"""Bytes that are text: the count of the decoded text, and the errors of `bytes.decode`."""

import codecs
import encodings.aliases
import sys

import pytest
import reference
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import check_run
from systems import linux_only

from doubles_ffi import (
    _input,
    count_doubles,
    find_doubles,
    find_runs,
    longest_run,
    tally_doubles,
)
from doubles_ffi._decoding import _KEPT, decode_chunks, is_incremental
from doubles_ffi._library import lib, memory, stretch


def fields(error):
    """Return the fields of an error; of PyPy's only those that `decode` and decoders agree on."""
    encoding, data, start, end, reason = error.args
    if sys.implementation.name == "pypy":
        if encoding.startswith("utf16"):
            encoding = "utf16"  # Without the byte order that the decoders name.
        if reason == "codepoint not in range(0x110000)":
            end = start + 4  # To `decode`, all that follows is wrong, too.
    return encoding, data, start, end, reason


def text_encodings():
    """Return the names of Python's encodings, except those that only Windows has."""
    for name in sorted({*encodings.aliases.aliases.values(), "utf_8_sig", "idna", "undefined"}):
        if name not in {"mbcs", "oem"} and codecs.lookup(name)._is_text_encoding:
            yield name


def outcome(function):
    """Return the result of a function, or everything about the error that it raises."""
    try:
        return function()
    except UnicodeDecodeError as error:
        return type(error), fields(error)
    except UnicodeError as error:
        return type(error), error.args


# Bytes that begin escape sequences, shifts and characters of several bytes, and that end them.
UTF8 = [
    *(b"a", b"aa", b"\xef\xbb\xbf", "ж".encode(), "€".encode(), "𝄞".encode()),
    *(b"\x80", b"\xbf", b"\xc2", b"\xe2\x82", b"\xf0\x9d\x84", b"\xff"),
    *(b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe0\x80", b"\x80" * 5),
]
FRAGMENTS = [
    *(b"a", b"aa", b"!!!!!!!!!!", b"\0", b"\x80", b"\xff\xfe", b"\xa4\xa2", b"\xd8\0", b"\0\xd8"),
    *(b"\x1b", b"\x1b$", b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x0e", b"\x0f", b"~{", b"~}"),
    *(b"\\u12", b"\\N{", b"+", b"+AGE-", b"-", b"xn--"),
]


def fragments(of):
    return st.lists(st.sampled_from(of) | st.binary(max_size=3), max_size=40).map(b"".join)


@pytest.mark.parametrize("encoding", ["iso2022_jp_2", "iso2022_kr"])
@pytest.mark.parametrize(
    "data", [b"\x1b$aaaa\x00\x00\x00", b"\x1b$!!!!!!!!!!", b"\x1b$aaaaaaaaaB" * 9]
)
def test_an_invalid_escape_sequence_longer_than_decoders_keep(encoding, data, monkeypatch):
    monkeypatch.setattr(_input, "_CHUNK", 1)
    expected = outcome(lambda: reference.count(data.decode(encoding)))
    assert outcome(lambda: count_doubles(data, encoding=encoding)) == expected


@pytest.mark.parametrize("encoding", list(text_encodings()))
@settings(max_examples=60)
@given(fragments(FRAGMENTS) | fragments(UTF8), st.sampled_from([1, 2, 3, 7, 64, 65536]))
def test_errors_of_all_codecs_are_those_of_decode(encoding, data, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_input, "_CHUNK", chunk)
        expected = outcome(lambda: reference.count(data.decode(encoding)))
        assert outcome(lambda: count_doubles(data, encoding=encoding)) == expected
        assert outcome(lambda: count_doubles(memoryview(data), encoding=encoding)) == expected


TEXT = "Mississippi\n\n\0\0 жжук €€ 𝄞𝄞 \U0010ffff ÿÿ ééé 日日本本語 漢漢字 汉汉字 한한글 "


@pytest.mark.parametrize("encoding", ["UTF8", *text_encodings()])
def test_the_count_is_that_of_the_decoded_text(encoding, monkeypatch):
    try:
        data = (TEXT * 3).encode(encoding, "ignore")  # What the encoding lacks is left out.
    except UnicodeError:
        data = b"example"
    expected = outcome(lambda: reference.count(data.decode(encoding)))
    for chunk in (1, 2, 3, 7, 64, 65536):
        monkeypatch.setattr(_input, "_CHUNK", chunk)
        assert outcome(lambda: count_doubles(data, encoding=encoding)) == expected
        assert outcome(lambda: count_doubles(bytearray(data), encoding=encoding)) == expected
    if encoding != "undefined":
        assert count_doubles(b"", encoding=encoding) == 0


@pytest.mark.parametrize("encoding", list(text_encodings()))
def test_incremental_decoders_keep_little(encoding):
    codec = codecs.lookup(encoding)
    try:
        data = ("ж" * 10_000).encode(encoding)
    except UnicodeError:
        data = b"a" * 10_000
    kept, text = 0, ""
    try:
        decoder = codec.incrementaldecoder()
        for byte in data:
            text += decoder.decode(bytes([byte]))
            kept = max(kept, len(decoder.getstate()[0]))
    except UnicodeError:
        pass
    decodes = text == outcome(lambda: data.decode(encoding))
    # PyPy's decoders of these return no full state, so they can't go back after an error.
    goes_back = sys.implementation.name != "pypy" or not encoding.startswith(("hz", "iso2022"))
    assert is_incremental(codec) == (decodes and kept < 100 and goes_back)


WRONG_AT_THE_END = """
import mmap, resource, signal, sys
import doubles_ffi
from doubles_ffi._library import stretch

encoding, at = sys.argv[1], int(sys.argv[2])
data = mmap.mmap(-1, at + 1, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
data[at] = 0xFF

def interrupted(chunks, start):
    def signalled():
        for number, chunk in enumerate(chunks):
            if number == 3:
                signal.raise_signal(signal.SIGINT)
            yield chunk

    return search(signalled(), start)

search = stretch.utf8_error
if sys.argv[3:]:
    stretch.utf8_error = interrupted
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (160 << 20)  # 160 MiB for the stacks of threads and all
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    doubles_ffi.count_doubles(data, encoding=encoding)
except UnicodeDecodeError as error:
    print(error.start, error.end, error.reason, repr(error.object))
except KeyboardInterrupt:
    print("interrupted")
"""


@linux_only
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_an_error_in_large_input_copies_little(encoding):
    with pytest.raises(UnicodeDecodeError) as expected:
        b"\xff".decode(encoding)
    size = 1 << 28
    found = check_run(WRONG_AT_THE_END, encoding, size)
    assert found == f"{size} {size + 1} {expected.value.reason} {expected.value.object!r}\n"


@linux_only
def test_the_search_for_an_error_can_be_interrupted():
    assert check_run(WRONG_AT_THE_END, "utf-8", (1 << 26) - 1, "interrupt") == "interrupted\n"


def test_an_error_holds_the_whole_text_if_it_is_bytes_or_short():
    large = b"a" * (1 << 20) + b"\xff"
    for encoding in ("utf-8", "ascii"):
        with pytest.raises(UnicodeDecodeError) as raised:
            count_doubles(large, encoding=encoding)
        assert raised.value.object is large
        with pytest.raises(UnicodeDecodeError) as raised:
            count_doubles(bytearray(large), encoding=encoding)
        assert raised.value.object == b"\xff"
        assert raised.value.start == 1 << 20
        with pytest.raises(UnicodeDecodeError) as raised:
            count_doubles(bytearray(large[1:]), encoding=encoding)
        assert raised.value.object == large[1:]


@settings(max_examples=300)
@given(fragments(UTF8) | strategies.binary, st.integers(8, 30))
def test_errors_of_utf8_in_several_slices(data, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretch, "SLICE", size)
        expected = outcome(lambda: reference.count(data.decode()))
        assert outcome(lambda: count_doubles(data, encoding="utf-8")) == expected


def test_a_buffer_that_is_valid_when_its_error_is_made(monkeypatch):
    refuse = lambda *_: lib.DOUBLES_STATUS_INVALID_UTF8  # noqa: E731
    monkeypatch.setattr(memory.UTF8, "update", refuse)
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
def test_codecs_that_others_register(incremental):
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


def test_a_decoder_that_refuses_every_chunk_gets_little_more_than_a_mebibyte():
    class Refusing(codecs.IncrementalDecoder):
        def decode(self, *_):
            raise UnicodeError("of its own")

    codec = codecs.CodecInfo(None, None, incrementaldecoder=Refusing, name="doubles_test_refusing")
    chunks = iter([bytes(_KEPT)] * 9)
    with pytest.raises(UnicodeError, match="of its own"):
        next(decode_chunks(chunks, codec))
    assert len([*chunks]) == 7


def first_run(data, encoding):
    return next(find_doubles(data, encoding=encoding))


@pytest.mark.parametrize(
    "function", [count_doubles, tally_doubles, longest_run, find_runs, first_run]
)
def test_an_encoding_that_can_not_be_used_is_an_error(function):
    for encoding in ("nonsense", "hex", "rot13", "base64"):
        for data in (b"aa", b""):
            with pytest.raises(LookupError, match=encoding):
                function(data, encoding=encoding)
    with pytest.raises(TypeError, match=r"must be str|not int$"):
        function(b"aa", encoding=8)
    with pytest.raises(TypeError, match="a str is already decoded"):
        function("aa", encoding="utf-8")
