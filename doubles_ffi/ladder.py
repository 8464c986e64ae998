"""The historic counters, from the first one on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._input import Data  # noqa: TC001 (annotations resolve at run time)
from doubles_ffi._input.buffers import hold_still, lock
from doubles_ffi._input.text import exact, utf8
from doubles_ffi._library import (
    InvalidUtf8Error,
    check,
    count_once,
    count_once_bytes,
    count_slice,
    count_slice_parallel,
    count_zip,
)
from doubles_ffi.counting import count_doubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from doubles_ffi._library.memory import Pointer

    Rung = Callable[[Pointer, int], int]

_ACCEPTED = "str or a bytes-like object"


def count_doubles_zip(data: Data) -> int:
    """Count by two iterators over characters (`char` in Rust), zipped. Bytes are taken as UTF-8.

    Runs as one call, which Ctrl-C can't interrupt. Rust's `chars` is sound only on bytes that do
    not change, so a buffer that is not `bytes` is copied.

    >>> count_doubles_zip("aaa")
    2

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeDecodeError: the bytes are not UTF-8.
        UnicodeEncodeError: the str has a lone surrogate, which no `char` can be.
    """
    return _count_chars(count_zip, data)


def count_doubles_once(data: Data) -> int:
    """Count by one iterator over characters (`char` in Rust). Bytes are taken as UTF-8.

    Runs as one call, which Ctrl-C can't interrupt. Rust's `chars` is sound only on bytes that do
    not change, so a buffer that is not `bytes` is copied.

    >>> count_doubles_once("aaa")
    2

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeDecodeError: the bytes are not UTF-8.
        UnicodeEncodeError: the str has a lone surrogate, which no `char` can be.
    """
    return _count_chars(count_once, data)


def count_doubles_once_bytes(data: Data) -> int:
    """Count by one iterator over bytes. A str is taken as UTF-8, and its bytes are counted.

    Runs as one call, which Ctrl-C can't interrupt.

    >>> count_doubles_once_bytes("aaa"), count_doubles_once_bytes("жж")
    (2, 0)

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeEncodeError: the str has a lone surrogate, for which UTF-8 has no bytes.
    """
    return _count_units(count_once_bytes, data)


def count_doubles_slice(data: Data) -> int:
    """Count by windows of two bytes. A str is taken as UTF-8, and its bytes are counted.

    Runs as one call, which Ctrl-C can't interrupt.

    >>> count_doubles_slice("aaa")
    2

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeEncodeError: the str has a lone surrogate, for which UTF-8 has no bytes.
    """
    return _count_units(count_slice, data)


def count_doubles_slice_parallel(data: Data) -> int:
    """Count by windows of two bytes under rayon. A str is taken as UTF-8; its bytes are counted.

    Runs as one call, which Ctrl-C can't interrupt.

    >>> count_doubles_slice_parallel("aaa")
    2

    Raises:
        TypeError, BufferError: as `count_doubles`.
        UnicodeEncodeError: the str has a lone surrogate, for which UTF-8 has no bytes.
    """
    return _count_units(count_slice_parallel, data)


def _count_chars(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        return _count_units(rung, data)
    still = hold_still(data, _ACCEPTED)
    try:
        return check(rung(still, len(still)))
    except InvalidUtf8Error:
        return count_doubles(still, encoding="utf-8")  # Raises the exception that says where.


def _count_units(rung: Rung, data: Data) -> int:
    if isinstance(data, str):
        text = exact(data)  # The pointer is valid for as long as it is held.
        return check(rung(*utf8(text)))
    with lock(data, _ACCEPTED) as array:
        return check(rung(array, len(array)))
