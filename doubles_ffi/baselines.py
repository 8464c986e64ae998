"""The count in pure Python and in NumPy, for races against the counters in Rust.

Each takes a str, whose code points it counts, or bytes. All give the same answer.
"""

from __future__ import annotations

import itertools
import re

__all__ = [
    "count_doubles_comprehension",
    "count_doubles_itertools",
    "count_doubles_numpy",
    "count_doubles_once",
    "count_doubles_regex",
    "count_doubles_zip",
]

# A look-ahead takes no characters, so that pairs may overlap. DOTALL: a newline is a unit too.
_DOUBLE = re.compile(r"(?=(.)\1)", re.DOTALL)
_DOUBLE_BYTES = re.compile(rb"(?=(.)\1)", re.DOTALL)


def count_doubles_zip(data: str | bytes) -> int:
    """Count by comparing the input with itself, one step further on.

    >>> count_doubles_zip("aaa")
    2
    """
    total = 0
    for left, right in zip(data, data[1:]):
        if left == right:
            total += 1
    return total


def count_doubles_once(data: str | bytes) -> int:
    """Count by one walk that remembers the unit before.

    >>> count_doubles_once("aaa")
    2
    """
    total = 0
    previous = None
    for unit in data:
        if unit == previous:
            total += 1
        previous = unit
    return total


def count_doubles_itertools(data: str | bytes) -> int:
    """Count by two iterators from `itertools.tee`, one of them a step ahead.

    >>> count_doubles_itertools("aaa")
    2
    """
    left, right = itertools.tee(data)
    next(right, None)
    total = 0
    for a, b in zip(left, right):
        if a == b:
            total += 1
    return total


def count_doubles_regex(data: str | bytes) -> int:
    r"""Count the matches of `(?=(.)\1)`.

    >>> count_doubles_regex("aaa")
    2
    """
    if isinstance(data, str):
        return len(_DOUBLE.findall(data))
    return len(_DOUBLE_BYTES.findall(data))


def count_doubles_comprehension(data: str | bytes) -> int:
    """Count by summing a generator expression.

    >>> count_doubles_comprehension("aaa")
    2
    """
    return sum(1 for left, right in zip(data, data[1:]) if left == right)


def count_doubles_numpy(data: str | bytes) -> int:
    """Count by comparing a NumPy array with itself, one step further on.

    >>> count_doubles_numpy("aaa")
    2

    Raises:
        ImportError: NumPy is not installed; it comes with `doubles_ffi[numpy]`.
    """
    import numpy

    if isinstance(data, bytes):
        units = numpy.frombuffer(data, numpy.uint8)
    elif data.isascii():
        units = numpy.frombuffer(data.encode(), numpy.uint8)
    else:
        units = numpy.frombuffer(data.encode("utf-32-le", "surrogatepass"), numpy.uint32)
    return int(numpy.count_nonzero(units[1:] == units[:-1]))
