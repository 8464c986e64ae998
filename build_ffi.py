"""Describe the compiled module to cffi: out-of-line API mode, linked to the Rust library.

The declarations are those of rustlib/include/doubles.h, which cbindgen makes from the Rust exports.
A C compiler sees both the header and the calls, so a signature that does not fit is a build error.

doubles_ffi/_native.c is compiled into the same module: what cffi's calls can't give.
"""

import os
import re
import sys
from pathlib import Path

from cffi import FFI

INCLUDE = Path("rustlib/include")

SOURCE = Path("doubles_ffi/_native.c")

MODULE = "doubles_ffi._native"

# By default the module is for the CPython that builds it. Built for the stable ABI, it serves all
# versions from 3.10 on, with slower calls.
STABLE_ABI = os.environ.get("DOUBLES_ABI3") == "1"

# The module looks for the library beside itself, wherever the package lies.
BESIDE_ITSELF = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"


def declarations() -> str:
    """Return the header as far as cffi's parser follows: without C++ and the preprocessor's lines.

    Constants (``#define NAME 1``) stay; cffi has the C compiler confirm their values.
    """
    header = (Path(__file__).parent / INCLUDE / "doubles.h").read_text(encoding="utf-8")
    header = re.sub(r"(?ms)^#ifdef __cplusplus$.*?^#endif.*?$", "", header)
    return re.sub(r"^#(?!define \w+ \d+$).*$", "", header, flags=re.MULTILINE)


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    MODULE,
    (Path(__file__).parent / SOURCE).read_text(encoding="utf-8"),
    include_dirs=[str(INCLUDE)],
    depends=[str(SOURCE), str(INCLUDE / "doubles.h")],
    libraries=["doubles"],
    # A function that the stable ABI lacks would otherwise be missing only when it is called.
    extra_compile_args=["-Werror=implicit-function-declaration"],
    extra_link_args=[f"-Wl,-rpath,{BESIDE_ITSELF}"],
    py_limited_api=STABLE_ABI,
    define_macros=[("Py_LIMITED_API", "0x030a0000")] if STABLE_ABI else [],
)
