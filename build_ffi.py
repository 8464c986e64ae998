"""Describe the compiled module to cffi: out-of-line API mode, linked to the Rust library.

The declarations are those of rustlib/include/doubles.h, which cbindgen makes from the Rust exports.
The C compiler compares the calls with the header; `outdated` compares the header with the exports.
So a signature that does not fit is a build error.

doubles_ffi/_native.c, which includes _fast_path.c, is compiled into the same module: what cffi's
calls can't give.
"""

import os
import re
import sys
from pathlib import Path

from cffi import FFI

INCLUDE = Path("rustlib/include")

EXPORTS = Path("rustlib/src")

SOURCE = Path("doubles_ffi/_native.c")

MODULE = "doubles_ffi._native"

# By default the module is for the CPython that builds it. Built for the stable ABI, it serves all
# versions from 3.10 on, with slower calls.
STABLE_ABI = os.environ.get("DOUBLES_ABI3") == "1"

# The module looks for the library beside itself, wherever the package is installed. Windows does so
# without being told.
ORIGIN = {"darwin": "@loader_path", "win32": None}.get(sys.platform, "$ORIGIN")

# What the linker is given: libdoubles.so, or doubles_ffi.dll.lib, by which it links to the DLL.
LIBRARY = "doubles_ffi.dll" if sys.platform == "win32" else "doubles"

# A function that the stable ABI lacks would otherwise be missing only when it is called.
MISSING_IS_AN_ERROR = (
    "/we4013" if sys.platform == "win32" else "-Werror=implicit-function-declaration"
)

# The words of a declaration in Rust that C spells otherwise, or not at all.
IN_C = {"u8": "uint8_t", "u32": "uint32_t", "u64": "uint64_t", "i32": "int32_t", "i64": "int64_t"}
IN_C |= {"usize": "size_t", "c_char": "char", "mut": "", "struct": "", "void": ""}


def words(declaration: str) -> list[str]:
    """Return the words of one parameter or result; they are the same in Rust and C, once sorted."""
    found = re.findall(r"\w+|\*", declaration)
    return sorted(filter(None, (IN_C.get(word, word.removeprefix("Doubles")) for word in found)))


def signature(parameters: str, result: str) -> list[list[str]]:
    """Return the words of each parameter, in order, and of the result."""
    return [*filter(None, map(words, parameters.split(","))), words(result)]


def outdated(header: str, rust: str) -> set[str]:
    """Return the functions whose declarations in the header are not those of the exports.

    `cargo test` runs cbindgen and compares all of the header, structs included. An installer would
    have to compile cbindgen first, which takes half a minute of CPU time.
    """
    header = re.sub(r"//.*|^#.*", "", header, flags=re.MULTILINE)
    in_c = re.findall(r"^(\w[^;{}()]*?)(doubles_\w+)\(([^)]*)\);", header, re.MULTILINE)
    in_rust = re.findall(r'extern "C" fn (doubles_\w+)\(([^)]*)\)([^{]*)\{', rust)
    declared = {name: signature(parameters, result) for result, name, parameters in in_c}
    exported = {name: signature(parameters, result) for name, parameters, result in in_rust}
    names = declared.keys() | exported.keys()
    return {name for name in names if declared.get(name) != exported.get(name)}


def declarations(header: str) -> str:
    """Return the header as far as cffi's parser follows: without C++ and the preprocessor's lines.

    Constants (``#define NAME 1``) stay; cffi has the C compiler confirm their values.
    """
    header = re.sub(r"(?ms)^#ifdef __cplusplus$.*?^#endif.*?$", "", header)
    return re.sub(r"^#(?!define \w+ \d+$).*$", "", header, flags=re.MULTILINE)


root = Path(__file__).parent
header = (root / INCLUDE / "doubles.h").read_text(encoding="utf-8")
rust = "".join(path.read_text(encoding="utf-8") for path in (root / EXPORTS).rglob("*.rs"))
if changed := outdated(header, rust):
    sys.exit(f"error: doubles.h is older than {', '.join(sorted(changed))}: run `make header`")

ffibuilder = FFI()
ffibuilder.cdef(declarations(header))
ffibuilder.set_source(
    MODULE,
    (root / SOURCE).read_text(encoding="utf-8"),
    include_dirs=[str(INCLUDE), str(SOURCE.parent)],
    depends=[str(SOURCE), str(SOURCE.with_name("_fast_path.c")), str(INCLUDE / "doubles.h")],
    libraries=[LIBRARY],
    extra_compile_args=[MISSING_IS_AN_ERROR],
    extra_link_args=[f"-Wl,-rpath,{ORIGIN}"] if ORIGIN else [],
    py_limited_api=STABLE_ABI,
    define_macros=[("Py_LIMITED_API", "0x030a0000")] if STABLE_ABI else [],
)
