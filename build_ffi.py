"""Describe the compiled module to cffi: out-of-line API mode, linked to the Rust library.

The declarations are those of rustlib/include/doubles.h, which cbindgen makes from the Rust exports.
A C compiler sees both the header and the calls, so a signature that does not fit is a build error.
"""

import re
import sys
from pathlib import Path

from cffi import FFI

INCLUDE = Path("rustlib/include")

MODULE = "doubles_ffi._native"

# The module looks for the library beside itself, wherever the package lies.
BESIDE_ITSELF = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"


def declarations() -> str:
    """Return the header as far as cffi's parser follows: without the preprocessor's lines.

    Constants (``#define NAME 1``) stay; cffi has the C compiler confirm their values.
    """
    header = (Path(__file__).parent / INCLUDE / "doubles.h").read_text(encoding="utf-8")
    return re.sub(r"^#(?!define \w+ \d+$).*$", "", header, flags=re.MULTILINE)


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    MODULE,
    '#include "doubles.h"',
    include_dirs=[str(INCLUDE)],
    libraries=["doubles"],
    extra_link_args=[f"-Wl,-rpath,{BESIDE_ITSELF}"],
)
