"""The Rust library, checked: the only importer of the compiled module.

Importing this raises `ImportError` if the library is missing or is not the one that the compiled
module was built for.
"""

from pathlib import Path
from typing import cast

_REBUILD = "rebuild with `python setup.py build` in the checkout, or reinstall doubles_ffi"

try:
    from doubles_ffi._native import ffi, lib
except ImportError as error:  # pragma: no cover: its test needs a process of its own
    raise ImportError(
        f"the compiled module in {Path(__file__).parent} is missing or does not load ({error}); "
        + _REBUILD
    ) from error

__all__ = ["check", "ffi", "lib"]


def _check_version(path: Path, expected: int, found: int) -> None:
    if found != expected:  # pragma: no cover: its test needs a process of its own
        raise ImportError(
            f"the Rust library in {path} has ABI version {found}, expected {expected}; " + _REBUILD
        )


_check_version(Path(__file__).parent, lib.DOUBLES_ABI_VERSION, lib.doubles_abi_version())


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
