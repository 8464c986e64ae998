"""The Rust library: the only package that touches the compiled module.

`loading` imports that module, and checks that it fits the library. This file has the functions of
the library that need nothing but memory. `memory` makes pointers. Each type of the library has a
module: `stretch` (summaries and tallies), `search` (finders), `runs`, `longest`, `squeezer`,
`column`, `counts`, `texts`.
"""

from __future__ import annotations

import operator
import os
import sys
from functools import WRAPPER_ASSIGNMENTS, update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar, cast

from doubles_ffi._decoding import utf8_error
from doubles_ffi._library.loading import _native, ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., int])

IS_CPYTHON = sys.implementation.name == "cpython"


def fast_path(function: Function) -> Function:
    """Return a callable that counts short input in C and calls a Python function for all other.

    `help`, `inspect.signature`, pickle and type checkers take it for that function. PyPy, whose
    calls into C are slow, uses the function alone.
    """
    if not IS_CPYTHON:  # pragma: no cover: the tests need CPython
        return function
    # Of the annotations, CPython 3.14 copies only the function that makes them.
    names = (*WRAPPER_ASSIGNMENTS, "__annotations__")
    return cast("Function", update_wrapper(_native.FastPath(function), function, names))


KEY_LENGTH: int = lib.DOUBLES_KEY_LENGTH
BLOCK_LENGTH: int = lib.DOUBLES_BLOCK_LENGTH
GLYPH_LENGTH: int = lib.DOUBLES_GLYPH_LENGTH

# They take a pointer and a length, the first one also `threads`. They return a count, or a status
# for `check`. They are not wrapped: one more call in Python shows in the time of a short count.
count_bytes: Callable[[Any, int, int], int] = lib.doubles_count_bytes
count_zip: Callable[[Any, int], int] = lib.doubles_count_zip
count_once: Callable[[Any, int], int] = lib.doubles_count_once
count_once_bytes: Callable[[Any, int], int] = lib.doubles_count_once_bytes
count_slice: Callable[[Any, int], int] = lib.doubles_count_slice
count_slice_parallel: Callable[[Any, int], int] = lib.doubles_count_slice_parallel

# It takes an alphabet and its length, a key, the number of a block, `threads`, a pointer and a
# length. It returns zero, or a status for `check`.
write_random: Callable[[bytes, int, bytes, int, int, Any, int], int] = lib.doubles_fill_random


class InvalidUtf8Error(Exception):
    """The bytes are not UTF-8. `_decoding.utf8_error` finds out where."""


def check(returned: int) -> int:
    """Return a result of the library, or raise the exception for a status.

    Wrong arguments are found before the library is called, except for invalid UTF-8.

    Raises:
        InvalidUtf8Error: the bytes are not UTF-8.
        MemoryError: memory can't hold the result.
        RuntimeError: the library panicked or was called wrongly, which is a bug.
    """
    if returned >= 0:
        return returned
    if returned == lib.DOUBLES_STATUS_INVALID_UTF8:
        raise InvalidUtf8Error
    if returned == lib.DOUBLES_STATUS_NO_MEMORY:
        raise MemoryError
    message = cast("bytes", ffi.string(lib.doubles_status_message(returned))).decode("ascii")
    raise RuntimeError(message)


def made(handle: Any) -> Any:
    """Return a handle that the library has just made.

    Raises:
        RuntimeError: the library panicked.
    """
    if handle == ffi.NULL:
        check(lib.DOUBLES_STATUS_PANICKED)
    return handle


def utf8_fault(state: Any, end: int, new: bytes = b"") -> Exception:
    """Return the exception for a stream of UTF-8 that can't continue with `new`, or end.

    Args:
        state: a struct with the beginning of a code point, its `tail`.
        end: the bytes of the stream so far, the tail included.
        new: the bytes that can't follow.
    """
    tail = bytes(state.tail)[: state.tail_len]
    return utf8_error([tail, new], end - len(tail))


def thread_limit(threads: int | None) -> int:
    """Return a limit on threads as the library takes it; 0 lets the library choose.

    Raises:
        ValueError: `threads` is below 1.
    """
    return 0 if threads is None else min(at_least_one("threads", threads), sys.maxsize)


def places_at(places: range, index: Any) -> Any:
    """Return the place of an index in a result, or the places of a slice.

    Raises:
        IndexError: the index is out of range.
        TypeError: it is neither an integer nor a slice.
    """
    try:
        return places[index]
    except IndexError:
        raise IndexError(f"the index is out of range, the length is {len(places)}") from None
    except TypeError:
        name = type(index).__name__
        raise TypeError(f"an index must be an integer or a slice, not {name}") from None


def at_least_one(name: str, number: int) -> int:
    """Return an argument that is a number, if it is at least 1.

    Raises:
        ValueError: it is below 1.
    """
    number = operator.index(number)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, not {number}")
    return number


def num_threads() -> int:
    """Return how many threads the library uses by default."""
    return check(lib.doubles_num_threads())


def _warn_of_ignored_threads(setting: str) -> None:
    """Warn if the library ignores a value of DOUBLES_NUM_THREADS.

    Never raises: neither an import nor, hours later, the first long count may fail for it.
    """
    digits = setting.removeprefix("+")
    is_number = digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) in range(1, 20)
    if setting == "" or is_number:
        return
    import warnings

    message = f"DOUBLES_NUM_THREADS must be a positive integer; {setting!r} is ignored"
    try:
        # Without a line of code: none is wrong.
        warnings.warn_explicit(message, RuntimeWarning, "doubles_ffi", 0)
    except RuntimeWarning as warning:  # Warnings are errors.
        warnings.showwarning(warning, RuntimeWarning, "doubles_ffi", 0)


_warn_of_ignored_threads(os.environ.get("DOUBLES_NUM_THREADS", ""))
