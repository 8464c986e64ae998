"""DoubleCounter: any split, merged in any order, is the whole."""

import codecs
import copy
import pickle
import threading
from collections import Counter

import pytest
import reference
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles_ffi import DoubleCounter, _stretch


def tally(units):
    return Counter(a for a, b in zip(units, units[1:]) if a == b)


def check(counter, units, size):
    assert counter.length == len(units)
    assert counter.count == reference.count(units)
    assert counter.tally in (None, tally(units))
    assert counter == rebuilt(counter)
    assert size is None or counter._stretch.end == size


def rebuilt(counter):
    return pickle.loads(pickle.dumps(counter))


def cut(data, places):
    """Cut bytes at places, given as any numbers."""
    places = sorted(place % (len(data) + 1) for place in places)
    return [data[i:j] for i, j in zip([0, *places], [*places, len(data)])]


def merge(counters, order):
    """Merge adjacent counters until one is left: which, order tells."""
    counters = list(counters)
    while len(counters) > 1:
        i = next(order) % (len(counters) - 1)
        counters[i : i + 2] = [counters[i] + counters[i + 1]]
    return counters[0]


places = st.lists(st.integers(0, 10**6), max_size=8)
order = st.lists(st.integers(0, 10**6), min_size=10, max_size=10)


@given(strategies.binary, places, order)
@settings(max_examples=2000)
def test_bytes_in_any_tree_of_merges(data, places, order):
    chunks = cut(data, places)
    whole = DoubleCounter(data, tally=True)
    check(whole, data, len(data))
    assert merge([DoubleCounter(chunk, tally=True) for chunk in chunks], iter(order)) == whole
    grown = DoubleCounter(tally=True)
    for chunk in chunks:
        grown.update(chunk)
    assert grown == whole


@given(strategies.text, places, order)
@settings(max_examples=10_000)
def test_text_in_any_tree_of_merges(text, places, order):
    data = text.encode()
    chunks = cut(data, places)
    whole = DoubleCounter(data, encoding="utf-8", tally=True)
    check(whole, text, len(data))
    parts = [DoubleCounter(chunk, encoding="utf-8", tally=True) for chunk in chunks]
    assert merge(parts, iter(order)) == whole
    grown = DoubleCounter(encoding="utf-8", tally=True)
    for chunk in chunks:
        grown.update(chunk)
    assert grown == whole


@given(strategies.text, order)
def test_one_byte_at_a_time(text, order):
    data = text.encode()[:10]
    parts = [DoubleCounter(bytes([byte]), encoding="utf-8", tally=True) for byte in data]
    whole = DoubleCounter(data, encoding="utf-8", tally=True)
    parts.append(DoubleCounter(encoding="utf-8", tally=True))
    assert merge(parts, iter(order * 2)) == whole


def first_error(chunks):
    """Return what a decoder finds wrong, and in which chunk; or nothing, and how many there are."""
    for number in range(len(chunks)):
        try:
            codecs.utf_8_decode(b"".join(chunks[: number + 1]), "strict")
        except UnicodeDecodeError as error:
            return (error.start, error.end, error.reason), number
    return None, len(chunks)


def first_refusal(counter, chunks):
    for number, chunk in enumerate(chunks):
        before = counter.copy()
        try:
            counter.update(chunk)
        except UnicodeDecodeError as error:
            unchanged = counter == before
            return unchanged and (error.start, error.end, error.reason), number
    return None, len(chunks)


@given(
    st.lists(
        st.sampled_from([b"a", b"aa", "ж".encode(), "€".encode(), "𝄞".encode()])
        | st.sampled_from([b"\x80", b"\xc2", b"\xe2\x82", b"\xf0\x9d\x84", b"\xff", b"\xe0\x80"]),
        max_size=12,
    ).map(b"".join),
    places,
)
@settings(max_examples=1000)
def test_what_is_not_utf8_is_reported_where_it_stands(data, places):
    # Decoders want text to begin with a whole code point.
    chunks = [b"x", *cut(data, places)]
    counter = DoubleCounter(encoding="utf-8", tally=True)
    assert first_refusal(counter, chunks) == first_error(chunks)


@pytest.mark.parametrize("surrogate", [b"\xed\xa0", b"\xed\xa0\x80", b"\xed\xbf\xbf"])
def test_surrogates_are_refused_at_once(surrogate):
    counter = DoubleCounter(b"aa", encoding="utf-8")
    with pytest.raises(UnicodeDecodeError) as raised:
        counter.update(b"a" + surrogate)
    assert raised.value.start == 3


def test_a_stretch_may_begin_within_a_code_point():
    counter = DoubleCounter(b"\x82\xac", encoding="utf-8")
    counter.update(b"aa")
    assert (counter.length, counter.count) == (2, 1)
    assert (DoubleCounter(b"a\xe2", encoding="utf-8") + counter).length == 4
    with pytest.raises(UnicodeDecodeError) as raised:
        DoubleCounter(b"\x80\x80\x80\x80", encoding="utf-8")
    assert (raised.value.start, raised.value.reason) == (3, "invalid start byte")
    counter = DoubleCounter(b"\x80\x80", encoding="utf-8")
    with pytest.raises(UnicodeDecodeError) as raised:
        counter.update(b"\x80\x80")
    assert raised.value.start == 3
    for byte in range(0x80, 0xC0):
        with pytest.raises(UnicodeDecodeError) as raised:
            DoubleCounter(bytes([byte, 0xFF]), encoding="utf-8")
        assert raised.value.start == 1


@pytest.mark.parametrize(
    ("left", "right", "start"),
    [(b"aa", b"\x80", 2), (b"aa\xe2", b"bb", 2), (b"\xe2\x82", b"\xac\xac", 3)],
)
def test_where_text_can_not_be_cut(left, right, start):
    left, right = (DoubleCounter(part, encoding="utf-8") for part in (left, right))
    before = left.copy()
    with pytest.raises(UnicodeDecodeError) as raised:
        left + right
    assert left == before
    assert raised.value.start == start


def test_the_empty_counter_is_the_identity():
    for encoding in (None, "utf-8"):
        counter = DoubleCounter(b"aab\xd0\xb6\xd0", encoding=encoding)
        empty = DoubleCounter(encoding=encoding)
        assert counter + empty == empty + counter == counter
        assert empty + empty == empty


def test_slices_go_on_where_the_one_before_ended(monkeypatch):
    monkeypatch.setattr(_stretch, "TALLY_SLICE", 7)
    text = "aabbжжж€€𝄞𝄞" * 20
    counter = DoubleCounter(text.encode(), encoding="utf-8", tally=True)
    check(counter, text, len(text.encode()))
    with pytest.raises(UnicodeDecodeError) as raised:
        counter.update(b"aaaaaaaaaaaaaa\xff")
    assert raised.value.start == len(text.encode()) + 14
    check(counter, text, len(text.encode()))


def test_a_tally_is_there_if_it_was_asked_for():
    assert DoubleCounter(b"aa").tally is None
    assert DoubleCounter(tally=True).tally == {}


def test_copies_go_their_own_ways():
    counter = DoubleCounter(b"aa", tally=True)
    for other in (counter.copy(), copy.copy(counter), copy.deepcopy(counter), rebuilt(counter)):
        assert other == counter
        other.update(b"a")
        assert other != counter
        assert (other.count, other.tally) == (2, {97: 2})
    other = counter.tally
    other.clear()
    assert (counter.count, counter.tally) == (1, {97: 1})


def test_threads_share_a_counter():
    counter = DoubleCounter(encoding="utf-8", tally=True)
    chunk = "жжaa".encode() * 20_000

    def update():
        for _ in range(20):
            counter.update(chunk)

    threads = [threading.Thread(target=update) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen = counter.copy()
        assert seen.length % 80_000 == 0
        assert seen.count == seen.tally.total()
    for thread in threads:
        thread.join()
    assert counter.length == 60 * 80_000


def test_a_signal_handler_may_read_the_counter_that_it_interrupts():
    counter = DoubleCounter(tally=True)
    with counter._lock:
        assert counter.copy() == counter


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (b"aa", b"\x80"),
        (b"aa\xe2", b"bb"),
        (b"a\xf0\x9d", b"\x84b"),
        (b"a\xe2", b"\xe2"),
        (b"a\xe2", "ж".encode()),
        (b"a\xe2", b"\xe2\x82"),
    ],
)
def test_what_a_merge_reports_is_what_decode_does(left, right):
    parts = [DoubleCounter(part, encoding="utf-8") for part in (left, right)]
    with pytest.raises(UnicodeDecodeError) as expected:
        (left + right).decode()
    with pytest.raises(UnicodeDecodeError) as found:
        parts[0] + parts[1]
    for attribute in ("start", "end", "reason"):
        assert getattr(found.value, attribute) == getattr(expected.value, attribute)


def test_any_buffer():
    counter = DoubleCounter()
    for chunk in (b"aa", bytearray(b"ab"), memoryview(b"bb")):
        counter.update(chunk)
    assert (counter.length, counter.count) == (6, 4)


def test_adding_leaves_both_as_they_were():
    left, right = DoubleCounter(b"aa", tally=True), DoubleCounter(b"ab", tally=True)
    both = left + right
    assert (left.count, right.count, both.count) == (1, 0, 2)
    assert (left.tally, right.tally, both.tally) == ({97: 1}, {}, {97: 2})


def test_repr():
    assert repr(DoubleCounter(b"aa")) == "DoubleCounter(length=2, count=1)"
    counter = DoubleCounter("жж".encode(), encoding="UTF8")
    assert repr(counter) == "DoubleCounter(encoding='utf-8', length=2, count=1)"


def test_bad_input():
    with pytest.raises(ValueError, match="bytes or UTF-8, not latin-1"):
        DoubleCounter(encoding="latin-1")
    with pytest.raises(LookupError):
        DoubleCounter(encoding="nonsense")
    with pytest.raises(TypeError, match=r"^expected a bytes-like object, not str$"):
        DoubleCounter("aa")
    with pytest.raises(TypeError, match="8 bytes each"):
        DoubleCounter(memoryview(bytes(8)).cast("d"))
    with pytest.raises(ValueError, match="different things"):
        DoubleCounter() + DoubleCounter(encoding="utf-8")
    with pytest.raises(ValueError, match="different things"):
        DoubleCounter() + DoubleCounter(tally=True)
    with pytest.raises(TypeError, match="unsupported operand"):
        DoubleCounter() + 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(DoubleCounter())
    assert DoubleCounter() != 0
