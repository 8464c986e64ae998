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

# The linker takes libbytestats.so; on Windows bytestats.dll.lib, which stands for the DLL.
LIBRARY = "bytestats.dll" if sys.platform == "win32" else "bytestats"
# The module looks for the library beside itself. Windows does so without being told.
ORIGIN = {"darwin": ["-Wl,-rpath,@loader_path"], "win32": []}

ffibuilder = FFI()
ffibuilder.cdef(re.sub(r"(?m)^#(?!define).*", "", header))  # cffi knows no other directive.
ffibuilder.set_source(
    "bytestats._native",
    '#include "bytestats.h"',
    include_dirs=["include"],
    libraries=[LIBRARY],
    extra_link_args=ORIGIN.get(sys.platform, ["-Wl,-rpath,$ORIGIN"]),
)
