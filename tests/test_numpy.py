"""NumPy's arrays as input, its arrays to fill, and its integers as arguments."""

from functools import partial

import numpy
import pytest

from doubles_ffi import (
    DoubleCounter,
    count_doubles,
    count_doubles_slice,
    count_doubles_zip,
    fill_random,
    find_doubles,
    random_string,
    tally_doubles,
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
    assert tally_doubles(data).total() == 3
    assert sum(length - 1 for _, length, _ in find_doubles(data)) == 3


def test_an_empty_array_has_no_doubles():
    assert count_doubles(numpy.zeros(0, numpy.uint8)) == 0


def find(data):
    return list(find_doubles(data))


# Functions that take one text.
OF_ONE_TEXT = [
    count_doubles,
    partial(count_doubles, threads=1),
    partial(count_doubles, encoding="utf-8"),
    partial(count_doubles, encoding="utf-16"),
    tally_doubles,
    find,
    DoubleCounter,
    count_doubles_zip,
    count_doubles_slice,
]


@pytest.mark.parametrize("function", OF_ONE_TEXT)
def test_arrays_of_text_and_of_wider_items_are_refused(function):
    """In either byte order, and by each function."""
    for type_ in ("<U3", ">U3", "<U1", ">U1", "S3", "O"):
        for array in (numpy.array(["aab", "bbb"], type_), numpy.array("aab", type_)):
            with pytest.raises(TypeError, match=r"^items of format .* take \d+ bytes each"):
                function(array)
    with pytest.raises(TypeError, match=r"'[lq]' take 8 bytes"):
        function(numpy.zeros(4, numpy.int64))


# NumPy raises a ValueError for these.
WITHOUT_A_BUFFER = [numpy.zeros(1, "M8[D]"), numpy.zeros(1, "m8[s]")]
if hasattr(numpy.dtypes, "StringDType"):
    WITHOUT_A_BUFFER.append(numpy.array(["aa"], "T"))


@pytest.mark.parametrize("function", OF_ONE_TEXT)
def test_arrays_without_a_buffer_are_refused(function):
    for array in WITHOUT_A_BUFFER:
        with pytest.raises(TypeError, match=r"expected .*bytes-like object, not ndarray"):
            function(array)


@pytest.mark.parametrize(
    "data",
    [
        numpy.zeros((4, 4), numpy.uint8)[:, 1:3],
        numpy.asfortranarray(numpy.zeros((4, 4), numpy.uint8)),
    ],
)
def test_arrays_that_are_not_contiguous_are_refused(data):
    with pytest.raises(BufferError, match="not C-contiguous"):
        count_doubles(data)


def test_an_array_is_filled_in_place():
    array = numpy.zeros(70_001, numpy.uint8)
    fill_random(array, seed=9)
    assert bytes(array) == random_string(70_001, seed=9).encode()


def test_arrays_that_can_not_be_filled():
    with pytest.raises(TypeError, match="8 bytes each"):
        fill_random(numpy.zeros(3))
    frozen = numpy.zeros(3, numpy.uint8)
    frozen.flags.writeable = False
    with pytest.raises(BufferError, match="read-only"):
        fill_random(frozen)


def test_integers_of_numpy_as_arguments():
    assert random_string(numpy.int64(5), seed=numpy.int64(1)) == random_string(5, seed=1)
