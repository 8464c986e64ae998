"""DoubleCounter: any split, merged in any order, is the whole."""

import codecs
import copy
import gc
import itertools
import pickle
import sys
import threading
import weakref

import pytest
import reference
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import check_run
from systems import posix_only

from doubles_ffi import DoubleCounter, count_each, find_runs
from doubles_ffi._library import stretch


def check(counter, units, size):
    assert counter.length == len(units)
    assert counter.count == reference.count(units)
    assert counter.tally in (None, reference.tally(units))
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


places = st.lists(st.integers(0, 10**6), max_size=12)
order = st.lists(st.integers(0, 10**6), min_size=15, max_size=15)


@pytest.mark.parametrize("encoding", [None, "utf-8"])
@given(st.data(), places, order)
@settings(max_examples=3000)
def test_any_tree_of_merges(encoding, draws, places, order):
    units = draws.draw(strategies.text if encoding else strategies.binary)
    data = units.encode() if encoding else units
    chunks = cut(data, places)
    whole = DoubleCounter(data, encoding=encoding, tally=True)
    check(whole, units, len(data))
    parts = [DoubleCounter(chunk, encoding=encoding, tally=True) for chunk in chunks]
    before = [part.copy() for part in parts]
    assert merge(parts, iter(order)) == whole
    assert parts == before
    grown = DoubleCounter(encoding=encoding, tally=True)
    for chunk in chunks:
        grown.update(chunk)
    assert grown == whole


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


WHOLE = [b"a", b"aa", "ж".encode(), "€".encode(), "𝄞".encode()]
WRONG = [b"\x80", b"\xc2", b"\xe2\x82", b"\xf0\x9d\x84", b"\xff", b"\xe0\x80"]
damaged = st.lists(st.sampled_from(WHOLE) | st.sampled_from(WRONG), max_size=12).map(b"".join)


@given(damaged, places)
@settings(max_examples=1000)
def test_invalid_utf8_is_reported_with_its_position(data, places):
    # Decoders want text to begin with a whole code point.
    chunks = [b"x", *cut(data, places)]
    counter = DoubleCounter(encoding="utf-8", tally=True)
    assert first_refusal(counter, chunks) == first_error(chunks)


@pytest.mark.parametrize("surrogate", [b"\xed\xa0", b"\xed\xa0\x80", b"\xed\xbf\xbf"])
def test_surrogates_are_refused_at_once(surrogate):
    with pytest.raises(UnicodeDecodeError) as raised:
        DoubleCounter(b"aa", encoding="utf-8").update(b"a" + surrogate)
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


def test_each_slice_continues_where_the_last_one_ended(monkeypatch):
    monkeypatch.setattr(stretch, "TALLY_SLICE", 7)
    text = "aabbжжж€€𝄞𝄞" * 20
    counter = DoubleCounter(text.encode(), encoding="utf-8", tally=True)
    check(counter, text, len(text.encode()))
    with pytest.raises(UnicodeDecodeError) as raised:
        counter.update(b"aaaaaaaaaaaaaa\xff")
    assert raised.value.start == len(text.encode()) + 14
    check(counter, text, len(text.encode()))


def test_a_counter_from_a_pickle_can_be_added():
    counter = DoubleCounter("жж".encode(), encoding="utf-8")
    assert (counter + rebuilt(counter)).count == 3


def test_copies_go_their_own_ways():
    counter = DoubleCounter(b"aa", tally=True)
    for other in (counter.copy(), copy.copy(counter), copy.deepcopy(counter), rebuilt(counter)):
        assert other == counter
        other.update(b"a")
        assert other != counter
        assert counter != other
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


# Text that is cut within a "ж", so that each chunk can follow each other one.
BEGINNING, FROM_HANDLER, SHORT, LONG = (
    b"aa\xd0",
    b"\xb6bb\xd0",
    b"\xb6\xd0\xb6a\xd0",
    b"\xb6" + b"aab" * 20 + b"\xd0",
)


def of(*chunks):
    return DoubleCounter(b"".join(chunks), encoding="utf-8", tally=True)


def interrupted(operation, handler):
    """Run an operation on a new counter for each place where a signal handler can interrupt it.

    Python runs the handler after a call of a C function or at the beginning of one in Python. So
    does a profile function. Yields the counter, and what the operation has returned or raised.
    """
    for place in itertools.count():
        counter = of(BEGINNING)
        calls = itertools.count()

        def profile(_, event, __, *, counter=counter, calls=calls, place=place):
            if event in {"call", "c_return"} and next(calls) == place:
                sys.setprofile(None)
                handler(counter)

        sys.setprofile(profile)
        try:
            result = operation(counter)
        except (KeyboardInterrupt, UnicodeDecodeError) as error:
            result = error
        finally:
            sys.setprofile(None)
        if next(calls) <= place:  # The operation has fewer calls.
            assert place > 2
            return
        yield counter, result


def update_from_handler(counter):
    counter.update(FROM_HANDLER)


def interrupt(_):
    raise KeyboardInterrupt


def update_and_interrupt(counter):
    counter.update(FROM_HANDLER)
    raise KeyboardInterrupt


def update_with(chunk):
    return lambda counter: counter.update(chunk)


@pytest.fixture
def short_slices(monkeypatch):
    if sys.implementation.name != "cpython":
        pytest.skip("PyPy runs signal handlers at other places")
    monkeypatch.setattr(stretch, "TALLY_SLICE", 16)


def assert_nobody_is_locked_out(counter):
    thread = threading.Thread(target=counter.update, args=(b"",), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.usefixtures("short_slices")
@pytest.mark.parametrize("chunk", [SHORT, bytearray(SHORT), LONG, bytearray(LONG)])
def test_a_signal_handler_loses_no_update_and_leaves_a_whole_counter(chunk):
    both = of(BEGINNING, FROM_HANDLER, chunk), of(BEGINNING, chunk, FROM_HANDLER)
    for counter, _ in interrupted(update_with(chunk), update_from_handler):
        assert counter in both
    for counter, error in interrupted(update_with(chunk), interrupt):
        assert isinstance(error, KeyboardInterrupt)
        assert counter in (of(BEGINNING), of(BEGINNING, chunk))
        assert_nobody_is_locked_out(counter)
    for counter, error in interrupted(update_with(chunk), update_and_interrupt):
        assert isinstance(error, KeyboardInterrupt)
        assert counter in (of(BEGINNING, FROM_HANDLER), *both)


@pytest.mark.usefixtures("short_slices")
def test_a_single_byte_from_a_signal_handler_is_not_lost(monkeypatch):
    counter = DoubleCounter(b"a", tally=True)
    merge, from_handler = stretch.Stretch.merge, [b"b"]

    def merge_and_be_interrupted(left, right):
        merge(left, right)
        if from_handler:
            counter.update(from_handler.pop())

    monkeypatch.setattr(stretch.Stretch, "merge", merge_and_be_interrupted)
    counter.update(b"c" * 40)
    assert counter == DoubleCounter(b"ab" + b"c" * 40, tally=True)


READERS = {
    "copy": lambda counter: counter.copy(),
    "copy.copy": copy.copy,
    "pickle": rebuilt,
    "left of +": lambda counter: counter + of(),
    "right of +": lambda counter: of() + counter,
}


@pytest.mark.usefixtures("short_slices")
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_copy_while_a_signal_handler_works_is_whole_and_changes_nothing(read):
    for counter, found in interrupted(read, update_from_handler):
        assert found in (of(BEGINNING), of(BEGINNING, FROM_HANDLER))
        assert counter == of(BEGINNING, FROM_HANDLER)
    for counter, error in interrupted(read, interrupt):
        assert isinstance(error, KeyboardInterrupt)
        assert_nobody_is_locked_out(counter)
        assert counter == of(BEGINNING)
        counter.update(SHORT)
        assert counter == of(BEGINNING, SHORT)


@pytest.mark.usefixtures("short_slices")
def test_what_is_read_while_a_signal_handler_updates_is_consistent():
    for counter, found in interrupted(lambda counter: counter.tally, update_from_handler):
        assert found in ({"a": 1}, {"a": 1, "b": 1})
        assert counter == of(BEGINNING, FROM_HANDLER)
    for _, is_equal in interrupted(lambda counter: counter == of(BEGINNING), update_from_handler):
        assert is_equal in (True, False)
    for _, shown in interrupted(repr, update_from_handler):
        assert shown.endswith(("length=2, count=1)", "length=5, count=2)"))


@pytest.mark.usefixtures("short_slices")
@pytest.mark.parametrize("chunk", [b"aa", b"\xb6a\xff", LONG + b"\xb6\xff", b"a" * 20])
def test_a_wrong_chunk_is_reported_where_it_comes_and_the_handlers_counts(chunk):
    positions = []
    for text in (BEGINNING, BEGINNING + FROM_HANDLER):
        with pytest.raises(UnicodeDecodeError) as raised:
            (text + chunk).decode()
        positions.append((raised.value.start, raised.value.end, raised.value.reason))
    for counter, error in interrupted(update_with(chunk), update_from_handler):
        assert (error.start, error.end, error.reason) in positions
        assert counter == of(BEGINNING, FROM_HANDLER)


@posix_only("has no timer that sends signals")
def test_a_real_signal_handler_updates_a_counter():
    script = """
import signal
from doubles_ffi import DoubleCounter

def update(*_):
    global handled
    counter.update(b"abc")
    handled += 1

signal.signal(signal.SIGALRM, update)
chunk = bytes(256 << 20)
for tally in (False, True):
    counter, handled, updates = DoubleCounter(tally=tally), 0, 0
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    while handled < 3:
        counter.update(chunk)
        updates += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert counter.length == updates * len(chunk) + 3 * handled
"""
    check_run(script)


@posix_only("has no fork")
def test_a_forked_child_uses_the_counters_that_no_thread_was_updating():
    script = """
import os, signal, threading
from doubles_ffi import DoubleCounter

idle, busy, chunk = DoubleCounter(b"aa"), DoubleCounter(), bytes(8 << 20)
ready = threading.Barrier(3)

def update():
    idle.update(b"a")
    ready.wait()
    while True:
        busy.update(chunk)

for _ in range(2):
    threading.Thread(target=update, daemon=True).start()
ready.wait()
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        idle.update(b"a")
        assert (idle.copy() + DoubleCounter(b"a")).count == 5
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
os._exit(0)  # The threads are still updating.
"""
    check_run(script, PYTHONWARNINGS="ignore")


def test_an_exception_before_the_lock_is_taken_does_not_release_it():
    class Lock:
        """Held by another thread."""

        def acquire(self):
            raise KeyboardInterrupt

        def _is_owned(self):
            return False

    counter = of(BEGINNING)
    counter._lock = Lock()
    with pytest.raises(KeyboardInterrupt):
        counter.update(SHORT)


def test_a_chunk_that_changes_while_its_fault_is_looked_for(monkeypatch):
    chunk = bytearray(b"\xb6a\xff")
    real = stretch.Stretch.copy

    def repair_and_copy(self):
        chunk[-1] = ord("a")
        return real(self)

    monkeypatch.setattr(stretch.Stretch, "copy", repair_and_copy)
    counter = of(BEGINNING)
    with pytest.raises(UnicodeDecodeError):
        counter.update(chunk)
    assert counter == of(BEGINNING)


class Named(DoubleCounter):
    """A subclass as users write one; its attributes are in a dictionary and in a slot."""

    __slots__ = ("__dict__", "__place", "unset")

    def __init__(self, name, place, data=b""):
        super().__init__(data)
        self.name = name
        self.__place = place

    @property
    def place(self):
        return self.__place


WAYS = {
    "copy": lambda counter: counter.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "+": lambda counter: counter + DoubleCounter(b""),
}
WAYS |= {
    f"pickle {protocol}": lambda counter, protocol=protocol: pickle.loads(
        pickle.dumps(counter, protocol)
    )
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_subclass_keeps_its_type_and_its_attributes(way):
    counter = Named("left", 3, b"aa")
    other = way(counter)
    assert type(other) is Named
    assert (other.name, other.place, other.count) == ("left", 3, 1)
    assert not hasattr(other, "unset")
    other.update(b"a")
    assert (counter.count, other.count) == (1, 2)


@pytest.mark.parametrize("kind", [DoubleCounter, count_each, find_runs])
def test_objects_can_be_referred_to_weakly(kind):
    held = kind(b"aa") if kind is not count_each else kind(["aa"])
    reference = weakref.ref(held)
    assert reference() is held
    del held
    gc.collect()
    assert reference() is None


@given(damaged, st.integers(0, 50))
@settings(max_examples=1000)
def test_a_merge_raises_the_error_of_decode(data, place):
    left, right = cut(b"x" + data, [place])
    expected, _ = first_error([left + right])
    try:
        parts = [DoubleCounter(part, encoding="utf-8") for part in (left, right)]
    except UnicodeDecodeError:
        assert expected
        return
    before = parts[0].copy()
    if expected is None:
        assert parts[0] + parts[1] == DoubleCounter(left + right, encoding="utf-8")
        return
    with pytest.raises(UnicodeDecodeError) as found:
        parts[0] + parts[1]
    assert (found.value.start, found.value.end, found.value.reason) == expected
    assert parts[0] == before


def test_a_counter_has_a_tally_if_asked_for_one():
    assert DoubleCounter(b"aa").tally is None
    assert DoubleCounter(tally=True).tally == {}


def test_a_subclass_equals_its_base_class():
    assert Named("left", 3, b"aa") == DoubleCounter(b"aa") == Named("right", 4, b"aa")
    assert type(DoubleCounter(b"a") + Named("right", 4, b"a")) is DoubleCounter


def test_repr():
    assert repr(Named("left", 3, b"aa")) == "Named(length=2, count=1)"
    assert repr(DoubleCounter(b"aa")) == "DoubleCounter(length=2, count=1)"
    counter = DoubleCounter("жж".encode(), encoding="UTF8")
    assert repr(counter) == "DoubleCounter(encoding='utf-8', length=2, count=1)"


def test_bad_input():
    for encoding in ("latin-1", "utf-8-sig"):
        with pytest.raises(ValueError, match=f"bytes or UTF-8, not {encoding}"):
            DoubleCounter(encoding=encoding)
    with pytest.raises(LookupError):
        DoubleCounter(encoding="nonsense")
    with pytest.raises(TypeError, match=r"^expected a bytes-like object, not str$"):
        DoubleCounter("aa")
    with pytest.raises(TypeError, match="8 bytes each"):
        DoubleCounter(memoryview(bytes(8)).cast("d"))
    for other in (DoubleCounter(encoding="utf-8"), DoubleCounter(tally=True)):
        with pytest.raises(ValueError, match="different things"):
            DoubleCounter() + other
        with pytest.raises(ValueError, match="different things"):
            other + DoubleCounter()
    with pytest.raises(TypeError, match="unsupported operand"):
        DoubleCounter() + 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(DoubleCounter())
    assert DoubleCounter() != 0
