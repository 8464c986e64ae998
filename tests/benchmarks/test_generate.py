"""Random text, against the way the original made it."""

import random
import string

import pytest

import doubles_ffi


def join_random_choices(length):
    return "".join(random.choice(string.ascii_letters) for _ in range(length))


MAKERS = {"python_join_choice": join_random_choices, "random_string": doubles_ffi.random_string}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_random_letters(benchmark, scale, make):
    length = scale(1_000_000, 1000)
    benchmark.group = f"{length:,} random letters"
    text = benchmark(make, length)
    assert len(text) == length
    assert set(text) <= set(string.ascii_letters)
