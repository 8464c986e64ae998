"""NumPy's arrays as what is counted and filled, and its integers as arguments."""

import numpy
import pytest

from doubles_ffi import (
    count_doubles,
    count_doubles_slice,
    count_doubles_zip,
    fill_random,
    random_string,
)

MISSISSIPPI = b"Mississippi,"


@pytest.mark.parametrize(
    "data",
    [
        numpy.frombuffer(MISSISSIPPI, numpy.uint8),
        numpy.frombuffer(MISSISSIPPI, numpy.int8).reshape(4, -1),
        numpy.frombuffer(MISSISSIPPI, "S1"),
        numpy.frombuffer(MISSISSIPPI, numpy.uint16).view(numpy.uint8),
    ],
)
def test_arrays_with_items_of_one_byte(data):
    assert count_doubles(data) == 3
    assert count_doubles(data, encoding="utf-8") == 3


def test_an_empty_array():
    assert count_doubles(numpy.zeros(0, numpy.uint8)) == 0


@pytest.mark.parametrize("count", [count_doubles, count_doubles_zip, count_doubles_slice])
def test_wider_items(count):
    with pytest.raises(TypeError, match="'l' take 8 bytes"):
        count(numpy.zeros(4, numpy.int64))


@pytest.mark.parametrize(
    "data",
    [
        numpy.zeros((4, 4), numpy.uint8)[:, 1:3],
        numpy.asfortranarray(numpy.zeros((4, 4), numpy.uint8)),
    ],
)
def test_arrays_that_are_not_contiguous(data):
    with pytest.raises(BufferError, match="not C-contiguous"):
        count_doubles(data)


def test_an_array_is_filled_in_place():
    array = numpy.zeros(70_001, numpy.uint8)
    fill_random(array, seed=9)
    assert bytes(array) == random_string(70_001, seed=9).encode()


def test_arrays_that_are_not_filled():
    with pytest.raises(TypeError, match="8 bytes each"):
        fill_random(numpy.zeros(3))
    frozen = numpy.zeros(3, numpy.uint8)
    frozen.flags.writeable = False
    with pytest.raises(BufferError, match="read-only"):
        fill_random(frozen)


def test_integers():
    assert random_string(numpy.int64(5), seed=numpy.int64(1)) == random_string(5, seed=1)
