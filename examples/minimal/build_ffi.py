"""Describe the compiled module to cffi: the header's declarations, linked to the Rust library."""

import re
import sys
import zlib
from pathlib import Path

from cffi import FFI

header = Path("include/bytestats.h").read_text("utf-8")
exports = Path("src/ffi.rs").read_text("utf-8")
if f"src/ffi.rs {zlib.crc32(exports.encode()):08x}" not in header:
    sys.exit("include/bytestats.h was made from another src/ffi.rs: RENEW_HEADER=1 cargo test")

ffibuilder = FFI()
ffibuilder.cdef(re.sub(r"(?m)^#(?!define).*", "", header))  # cffi knows no other directive.
ffibuilder.set_source(
    "bytestats._native",
    '#include "bytestats.h"',
    include_dirs=["include"],
    libraries=["bytestats"],
    extra_link_args=["-Wl,-rpath," + ("@loader_path" if sys.platform == "darwin" else "$ORIGIN")],
)
