"""Import the compiled module and, with it, the library.

If either is missing or wrong, the ImportError says why, and names the command that helps.
"""

from __future__ import annotations

import contextlib
import os
import sys
from os.path import dirname, isfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# The folder of the package. (pathlib takes 4 ms to load.)
_HERE = dirname(dirname(__file__))

_LIBRARY = {"darwin": "libdoubles.dylib", "win32": "doubles_ffi.dll"}.get(
    sys.platform, "libdoubles.so"
)


def _unusable(reason: str) -> ImportError:
    """Return the error for a compiled part that is missing or wrong."""
    checkout = dirname(_HERE)
    if isfile(f"{checkout}/build_ffi.py"):
        cure = f"run `python setup.py build` or `pip install -e .` in {checkout}"
        cure += ", or leave that folder to use an installed doubles_ffi"
    else:
        cure = "reinstall it: `pip install --force-reinstall .` in a checkout of doubles_ffi"
    return ImportError(f"the compiled part of doubles_ffi in {_HERE} {reason}; {cure}")


def _unusable_because(error: Exception) -> ImportError:
    """Return the error for a module that can't be imported."""
    text = str(error)
    if "subinterpreters" in text:
        return ImportError(
            "doubles_ffi can't be used in an isolated subinterpreter, as no module of cffi's can"
        )
    # A cffi that is too old says so, or lacks a function.
    is_old = "cffi extension module" in text or isinstance(error, AttributeError)
    if is_old or getattr(error, "name", None) == "_cffi_backend":
        return ImportError(
            f"doubles_ffi needs a newer cffi: {text}; run `pip install --upgrade cffi`"
            if is_old
            else f"doubles_ffi needs cffi, which can't be imported: {text}; run `pip install cffi`,"
            " or in a frozen program add its module, with PyInstaller's option `--hidden-import"
            " _cffi_backend` or Nuitka's `--include-module=_cffi_backend`"
        )
    if isinstance(error, ModuleNotFoundError):
        return _unusable("is missing: there is no _native module for this Python")
    return _unusable(f"does not load: {text}")


def _check_files() -> None:
    """Look for truncated files: to load one would end the process with SIGBUS.

    Raises:
        ImportError: a file is truncated.
    """
    with contextlib.suppress(OSError):  # No such folder: the import says why.
        for name in os.listdir(_HERE):
            if ".so" in name and _is_truncated(f"{_HERE}/{name}"):
                raise _unusable(f"is broken: {name} is truncated")


def _is_truncated(path: str) -> bool:
    """Return whether a file in the ELF format ends before its last part, the section headers.

    The loaders of other formats check that themselves.
    """
    try:
        file = os.open(path, os.O_RDONLY)
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


def _check_version(expected: int, found: int) -> None:
    if found != expected:
        raise _unusable(f"does not fit: {_LIBRARY} has ABI version {found}, expected {expected}")


def _realize_structs() -> dict[str, Any]:
    """Have cffi work out the fields of all structs, and return them.

    By default it does so when a struct is first used. Without a GIL, two threads that use it first
    at once may end the process: cffi 2.1 drops its lock in the middle.
    """
    fields = {}
    for name in ffi.list_types()[1]:
        struct = ffi.typeof(f"struct {name}")
        with contextlib.suppress(ffi.error):  # It has no size where only the library knows it.
            ffi.sizeof(struct)
            fields[name] = struct.fields
    return fields


@contextlib.contextmanager
def _resolved_late() -> Iterator[None]:
    """Have functions looked for when they are called: a library without some tells its version.

    Windows looks for all of them when it loads the module.
    """
    if sys.platform == "win32":
        yield
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY)
    try:
        yield
    finally:
        sys.setdlopenflags(flags)


_check_files()
try:
    with _resolved_late():
        # PyInstaller and Nuitka look for imports in Python's code, and not in that of our module.
        import _cffi_backend  # type: ignore[import-untyped]  # noqa: F401

        import doubles_ffi._native  # noqa: F401
except (ImportError, AttributeError) as error:  # pragma: no cover: needs a process of its own
    raise _unusable_because(error) from error

from doubles_ffi import _native as _native  # noqa: E402, PLC0414 (for the other modules)

ffi, lib = _native.ffi, _native.lib
_check_version(lib.DOUBLES_ABI_VERSION, lib.doubles_abi_version())
if not getattr(sys, "_is_gil_enabled", lambda: True)():  # pragma: no cover: see its test
    _realize_structs()
