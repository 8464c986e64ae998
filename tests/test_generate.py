"""Random text: what it is drawn from, what it depends on, what is refused."""

import string
import sys
from unittest import mock

import pytest

from doubles_ffi import generate, random_string
from doubles_ffi._library import lib


def test_letters_are_the_default():
    assert set(random_string(100_000)) == set(string.ascii_letters)


@pytest.mark.parametrize(
    "alphabet",
    [
        string.ascii_letters + string.digits,
        "z",
        "01",
        "ACGT",
        "".join(map(chr, range(128))),
    ],
)
def test_any_ascii_alphabet(alphabet):
    text = random_string(20_000, alphabet=alphabet)
    assert len(text) == 20_000
    assert set(text) == set(alphabet)


def test_an_alphabet_that_lies_about_its_length():
    alphabet = type("Text", (str,), {"__len__": lambda _: 1000})("ab")
    assert set(random_string(100, alphabet=alphabet)) == {"a", "b"}


def test_lengths():
    for length in (0, 1, 2, 63, 64, 65, 1_000_003):
        assert len(random_string(length)) == length


def test_no_two_texts_are_alike():
    assert len({random_string(40) for _ in range(1000)}) == 1000


def test_a_seed_gives_the_same_text_again():
    seeds = [0, 1, -1, 2**64, -(2**64), 10**5000, "", "1", "s", "\ud800", b"", b"1", b"s"]
    texts = [random_string(40, seed=seed) for seed in seeds]
    assert texts == [random_string(40, seed=seed) for seed in seeds]
    assert len(set(texts)) == len(seeds)


def test_a_share_of_one_in_52_is_doubled():
    text = random_string(1_000_000, seed=7)
    doubles = sum(a == b for a, b in zip(text, text[1:]))
    # Binomial: 19,231 expected, standard deviation 137; five of them are 0.0006 % by chance.
    assert abs(doubles - 1_000_000 / 52) < 5 * 137


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


@pytest.mark.parametrize(
    "arguments",
    [
        {"length": 1.5},
        {"length": "1"},
        {"length": 1, "seed": 1.5},
        {"length": 1, "alphabet": b"ab"},
        {"length": 1, "alphabet": None},
    ],
)
def test_bad_types(arguments):
    with pytest.raises(TypeError):
        random_string(**arguments)


@pytest.mark.parametrize("length", [2**62, sys.maxsize, sys.maxsize + 1, 10**30])
def test_too_long(length):
    with pytest.raises(MemoryError):
        random_string(length)


def test_no_entropy():
    broken = mock.Mock(wraps=lib)
    broken.doubles_fill_random.return_value = lib.DOUBLES_STATUS_NO_ENTROPY
    with mock.patch.object(generate, "lib", broken), pytest.raises(OSError, match="no random"):
        random_string(1)
