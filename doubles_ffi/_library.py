"""The Rust library, checked: the only importer of the compiled module.

Importing this raises `ImportError` if the library is missing or is not the one that the compiled
module was built for.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import update_wrapper
from os.path import dirname, isfile
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., int])

_HERE = dirname(__file__)  # noqa: PTH120 (pathlib takes 4 ms to load)

_LIBRARY = "libdoubles.dylib" if sys.platform == "darwin" else "libdoubles.so"


def _unusable(reason: str) -> ImportError:
    """Return the error for a library that is missing or wrong, with the command that helps."""
    checkout = dirname(_HERE)  # noqa: PTH120
    if isfile(f"{checkout}/build_ffi.py"):  # noqa: PTH113
        cure = f"run `python setup.py build` or `pip install -e .` in {checkout}"
        cure += ", or leave that folder to use an installed doubles_ffi"
    else:
        cure = "reinstall it: `pip install --force-reinstall .` in a checkout of doubles_ffi"
    return ImportError(f"the compiled part of doubles_ffi in {_HERE} {reason}; {cure}")


def _is_truncated(path: str) -> bool:
    """Tell whether a file in the ELF format ends before its last part, the section headers.

    Loading it would end the process with SIGBUS. Other formats' loaders look for themselves.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # The loader says why.
        return False
    try:
        header, size = os.read(file, 64), os.fstat(file).st_size
    finally:
        os.close(file)
    if not header.startswith(b"\x7fELF\x02"):  # The 64-bit kind.
        return False
    offset, entry, number = (
        int.from_bytes(header[start:stop], sys.byteorder)
        for start, stop in ((0x28, 0x30), (0x3A, 0x3C), (0x3C, 0x3E))
    )
    return size < offset + entry * number


for _name in os.listdir(_HERE):  # noqa: PTH208
    if ".so" in _name and _is_truncated(f"{_HERE}/{_name}"):  # pragma: no cover: see its test
        raise _unusable(f"is broken: {_name} is truncated")

_flags = sys.getdlopenflags()
sys.setdlopenflags(os.RTLD_LAZY)  # A library that lacks functions can still tell its version.
try:
    from doubles_ffi._native import ffi, lib
except ModuleNotFoundError as error:  # pragma: no cover: its test needs a process of its own
    raise _unusable("is missing: there is no _native module for this Python") from error
except ImportError as error:  # pragma: no cover: its test needs a process of its own
    raise _unusable(f"does not load: {error}") from error
finally:
    sys.setdlopenflags(_flags)

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


def _check_version(expected: int, found: int) -> None:
    if found != expected:
        raise _unusable(f"does not fit: {_LIBRARY} has ABI version {found}, expected {expected}")


_check_version(lib.DOUBLES_ABI_VERSION, lib.doubles_abi_version())
lib.add_builtins()


def fast_path(function: Function) -> Function:
    """Return a callable that counts short input in C and hands all else to a Python function.

    To `help`, `inspect.signature`, pickle and type checkers it is that function. PyPy, whose calls
    into C are slow, has the function alone.
    """
    if sys.implementation.name != "cpython":  # pragma: no cover: the tests need CPython
        return function
    from doubles_ffi._native import FastPath  # `add_builtins` has put it there.

    return cast("Function", update_wrapper(FastPath(function), function))


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
