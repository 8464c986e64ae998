"""Random text: what it is drawn from, what it depends on, how it is spread, what is refused."""

import array
import hashlib
import mmap
import multiprocessing.shared_memory
import os
import string
import sys
import traceback
from collections import Counter

import pytest
import reference_random
from hypothesis import given
from hypothesis import strategies as st
from scripts import check_run
from systems import posix_only

from doubles_ffi import fill_random, generate, random_string

ASCII = "".join(map(chr, range(128)))
SIZES = [1, 2, 3, 26, 52, 62, 64, 100, 127, 128]
SEEDS = [0, 1, -1, 2**64, -(2**64), 10**5000, "", "1", "s", "\ud800", b"", b"1", b"s"]


@pytest.mark.parametrize("alphabet", [string.ascii_letters + string.digits, "z", "ACGT", ASCII])
def test_any_ascii_alphabet(alphabet):
    text = random_string(20_000, alphabet=alphabet)
    assert len(text) == 20_000
    assert set(text) == set(alphabet)


def test_an_alphabet_whose_len_is_wrong():
    alphabet = type("Text", (str,), {"__len__": lambda _: 1000})("ab")
    assert set(random_string(100, alphabet=alphabet)) == {"a", "b"}


def test_lengths():
    whole = random_string(200_000, seed=3)
    for length in (0, 1, 2, 3, 4, 5, 63, 64, 65, 1023, 1024, 1025, 65_535, 65_536, 65_537, 131_073):
        assert random_string(length, seed=3) == whole[:length]


def test_python_without_cpythons_api(monkeypatch):
    expected = random_string(100_000, seed=3)
    monkeypatch.setattr("doubles_ffi._library.memory.IS_CPYTHON", False)
    assert random_string(100_000, seed=3) == expected


def test_a_new_str_is_a_str_like_any_other():
    text = random_string(100_000, seed=3)
    copy = "".join(list(text))
    assert (text, hash(text)) == (copy, hash(copy))
    assert sys.getsizeof(text, 0) == sys.getsizeof(copy, 0)  # PyPy does not tell.
    assert text.isascii()


def test_without_arguments_no_two_texts_are_alike_and_all_are_letters():
    texts = {random_string(40) for _ in range(1000)}
    assert len(texts) == 1000
    assert set("".join(texts)) == set(string.ascii_letters)


def test_a_seed_gives_the_same_text_again():
    texts = [random_string(40, seed=seed) for seed in SEEDS]
    assert texts == [random_string(40, seed=seed) for seed in SEEDS]
    assert len(set(texts)) == len(SEEDS)


def test_the_number_of_threads_changes_nothing():
    texts = {random_string(1_000_003, seed=5, threads=threads) for threads in (None, 1, 2, 3, 99)}
    assert len(texts) == 1


# The golden vectors: they never change. docs/random.md defines them.
GOLDEN = [
    (0, string.ascii_letters, "ecea045e61c2d923"),
    (-(2**70), "01", "671c63b8e0551bae"),
    ("Mississippi", string.ascii_letters + string.digits, "c0c4e173d879f79b"),
    (b"\xff\x00", ASCII[1:], "fd4dc29273b2d810"),
]


@pytest.mark.parametrize(("seed", "alphabet", "digest"), GOLDEN)
def test_golden_vectors(seed, alphabet, digest):
    text = random_string(200_000, seed=seed, alphabet=alphabet)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("size", range(1, 129))
def test_the_definition_for_every_size(size):
    alphabet = ASCII[::-1][:size]
    expected = reference_random.text("size", alphabet, 0, 300)
    assert random_string(300, seed="size", alphabet=alphabet) == expected


@given(
    st.integers() | st.text(st.characters(exclude_categories=()), max_size=9) | st.binary(),
    st.permutations(ASCII).flatmap(
        lambda order: st.integers(1, 128).map(lambda n: "".join(order[:n]))
    ),
    st.integers(0, 300),
)
def test_the_definition_for_any_seed_and_alphabet(seed, alphabet, length):
    expected = reference_random.text(seed, alphabet, 0, length)
    assert random_string(length, seed=seed, alphabet=alphabet) == expected


def chi_square(observed, cells):
    expected = sum(observed.values()) / cells
    return sum((observed[cell] - expected) ** 2 for cell in observed) / expected + expected * (
        cells - len(observed)
    )


def within_five_deviations(statistic, cells):
    """Chi-square has mean k and variance 2 k for k degrees of freedom."""
    freedom = cells - 1
    return abs(statistic - freedom) <= 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("size", SIZES)
def test_every_character_is_as_likely_as_any_other(size):
    text = random_string(2_000_000, seed=f"chi {size}", alphabet=ASCII[:size])
    assert within_five_deviations(chi_square(Counter(text), size), size)
    # Each place within a word of the generator by itself, and the very ends of blocks.
    for place in range(4):
        assert within_five_deviations(chi_square(Counter(text[place::4]), size), size)


# In a process of its own: a fork copies the locks that coverage and other threads hold.
FORKED = """
import os
from doubles_ffi import random_string

random_string(10)  # The child inherits all state that a first call makes.
for _ in range(1000):
    child = os.fork()
    if child == 0:
        os.write(1, random_string(32).encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@posix_only("has no fork")
def test_forked_children_do_not_repeat_each_other():
    output = check_run(FORKED, PYTHONWARNINGS="ignore")
    assert len(output) == 32_000
    assert len({output[start : start + 32] for start in range(0, 32_000, 32)}) == 1000


def test_any_writable_buffer_is_filled_in_place():
    expected = random_string(70_001, seed=9).encode()
    length = len(expected)
    for buffer in (bytearray(length), array.array("B", bytes(length)), mmap.mmap(-1, length)):
        fill_random(buffer, seed=9)
        assert bytes(buffer) == expected, type(buffer)
    shared = multiprocessing.shared_memory.SharedMemory(create=True, size=70_001)
    try:
        fill_random(shared.buf[:70_001], seed=9)
        assert bytes(shared.buf[:70_001]) == expected
    finally:
        shared.close()
        shared.unlink()


def test_nothing_beside_the_buffer_is_written():
    for length in (0, 1, 5, 1023, 1025, 65_537):
        around = bytearray(b"#" * (length + 20))
        fill_random(memoryview(around)[10 : 10 + length], alphabet="ab")
        assert around[:10] == around[10 + length :] == b"#" * 10
        assert set(around[10 : 10 + length]) <= set(b"ab")


def test_each_slice_continues_where_the_last_one_ended(monkeypatch):
    expected = random_string(500_000, seed=4)
    monkeypatch.setattr("doubles_ffi.generate._SLICE", 2 * reference_random.BLOCK)
    assert random_string(500_000, seed=4) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": -1}, "negative"),
        ({"length": 1, "alphabet": ""}, "empty"),
        ({"length": 1, "alphabet": "abca"}, "repeats"),
        ({"length": 1, "alphabet": "abж"}, "ASCII"),
        ({"length": 0, "alphabet": ""}, "empty"),
    ],
)
def test_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        random_string(**arguments)
    if "alphabet" in arguments:
        with pytest.raises(ValueError, match=message):
            fill_random(bytearray(1), alphabet=arguments["alphabet"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"length": 1.5},
        {"length": "1"},
        {"length": 1, "seed": 1.5},
        {"length": 1, "seed": bytearray(b"a")},
        {"length": 1, "alphabet": b"ab"},
        {"length": 1, "alphabet": None},
        {"length": 1, "threads": "2"},
    ],
)
def test_bad_types(arguments):
    with pytest.raises(TypeError):
        random_string(**arguments)


def test_buffers_that_can_not_be_filled():
    with pytest.raises(TypeError, match=r"^expected a bytes-like object, not str$"):
        fill_random("abc")
    with pytest.raises(TypeError, match="8 bytes each"):
        fill_random(array.array("d", [0, 0, 0]))
    mapped = mmap.mmap(-1, 3, access=mmap.ACCESS_READ)
    view = memoryview(bytearray(3)).toreadonly()
    for buffer in (b"abc", memoryview(b"abc"), view, mapped):
        with pytest.raises(BufferError, match="read-only"):
            fill_random(buffer)


@pytest.mark.parametrize("length", [2**62, sys.maxsize, sys.maxsize + 1, 10**30])
def test_too_long(length):
    with pytest.raises(MemoryError):
        random_string(length)


def test_no_entropy(monkeypatch):
    def fail(_):
        raise OSError("no entropy")

    monkeypatch.setattr(os, "urandom", fail)
    with pytest.raises(OSError, match="no entropy"):
        random_string(1)
    with pytest.raises(OSError, match="no entropy"):
        fill_random(bytearray(1))
    assert random_string(1, seed=1)


def test_an_exception_leaves_no_half_written_str(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(generate.Source, "fill", interrupt)
    with pytest.raises(KeyboardInterrupt) as raised:
        random_string(100_000)
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert all("text" not in frame.f_locals for frame in frames)
