"""The Rust library, checked: the only importer of the compiled module.

Importing this raises `ImportError` if the library is missing or is not the one that the compiled
module was built for.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import update_wrapper
from os.path import dirname
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., int])

_HERE = dirname(__file__)  # noqa: PTH120 (pathlib takes 4 ms to load)

_REBUILD = "rebuild with `python setup.py build` in the checkout, or reinstall doubles_ffi"

try:
    from doubles_ffi import _native
    from doubles_ffi._native import ffi, lib
except ImportError as error:  # pragma: no cover: its test needs a process of its own
    raise ImportError(
        f"the compiled module in {_HERE} is missing or does not load ({error}); " + _REBUILD
    ) from error

__all__ = [
    "add_to_tally",
    "check",
    "fast_path",
    "ffi",
    "lib",
    "new_tally",
    "read_tally",
    "tally_entries",
]


def _check_version(path: str, expected: int, found: int) -> None:
    if found != expected:  # pragma: no cover: its test needs a process of its own
        raise ImportError(
            f"the Rust library in {path} has ABI version {found}, expected {expected}; " + _REBUILD
        )


_check_version(_HERE, lib.DOUBLES_ABI_VERSION, lib.doubles_abi_version())
lib.add_builtins()


def fast_path(function: Function) -> Function:
    """Return a callable that counts short input in C and hands all else to a Python function.

    To `help`, `inspect.signature`, pickle and type checkers it is that function. PyPy, whose calls
    into C are slow, has the function alone.
    """
    if sys.implementation.name != "cpython":  # pragma: no cover: the tests need CPython
        return function
    return cast("Function", update_wrapper(_native.FastPath(function), function))


def check(returned: int) -> int:
    """Return what the library returned if it is a count, else raise what its status stands for.

    What users can do wrong is found before the library is called, or by its caller (invalid UTF-8).

    Raises:
        RuntimeError: the library panicked, or was called wrongly: a bug.
    """
    if returned >= 0:
        return returned
    message = cast("bytes", ffi.string(lib.doubles_status_message(returned))).decode("ascii")
    raise RuntimeError(message)


def new_tally() -> Any:
    """Return an empty tally of the library's, which goes when it is no longer used."""
    tally = lib.doubles_tally_new()
    if tally == ffi.NULL:
        check(lib.DOUBLES_STATUS_PANICKED)
    return ffi.gc(tally, lib.doubles_tally_free)


def tally_entries(tally: Any) -> tuple[Any, Any]:
    """Return the units that a tally holds, by number, and how many doubles each of them makes."""
    length = check(lib.doubles_tally_len(tally))
    units, counts = ffi.new("uint32_t[]", length), ffi.new("uint64_t[]", length)
    check(lib.doubles_tally_read(tally, units, counts, length))
    return units, counts


def read_tally(tally: Any, *, text: bool) -> Counter[Any]:
    """Return what a tally holds: how many doubles each unit makes, a character or a byte."""
    units, counts = tally_entries(tally)
    return Counter(dict(zip(map(chr, units) if text else units, counts)))


def add_to_tally(tally: Any, units: Any, counts: Any) -> None:
    """Add entries, as `tally_entries` returns them or in lists."""
    check(lib.doubles_tally_add(tally, units, counts, len(units)))
