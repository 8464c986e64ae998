"""Build the Rust library, then the cffi module that links to it. All else is in pyproject.toml."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import ExecError

CRATE = Path("rustlib")
MACOS = sys.platform == "darwin"
LIBRARY = "libdoubles.dylib" if MACOS else "libdoubles.so"

# The wheel's tag says what build_ffi.py builds for.
STABLE_ABI = {"py_limited_api": "cp310"} if os.environ.get("DOUBLES_ABI3") == "1" else {}


class BuildRustFirst(build_ext):
    """Put the Rust library where the module will lie, and link the module to it there."""

    def run(self) -> None:
        """Build the Rust library, then the module."""
        built = build_library()
        package = Path(self.build_lib, "doubles_ffi")
        self.mkpath(str(package))
        self.copy_file(built, str(package))
        if self.inplace:
            self.copy_file(built, "doubles_ffi")
        for extension in self.extensions:
            extension.library_dirs.append(str(package))
        super().run()


def build_library() -> str:
    """Have cargo build the library, always in release mode, and return where it put it."""
    if shutil.which("cargo") is None:
        raise ExecError("doubles_ffi needs a Rust toolchain to build: see https://rustup.rs")
    command = ["cargo", "rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib"]
    command += ["--manifest-path", str(CRATE / "Cargo.toml")]
    command += ["--message-format", "json-render-diagnostics"]
    if MACOS:  # Else the module would look for the library where it was built.
        command += ["--", "-C", f"link-arg=-Wl,-install_name,@rpath/{LIBRARY}"]
    try:
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise ExecError(f"cargo failed with exit status {error.returncode}") from None
    messages = map(json.loads, output.splitlines())
    files = [file for message in messages for file in message.get("filenames", [])]
    return next(file for file in files if Path(file).name == LIBRARY)


setup(
    license="MIT OR Apache-2.0",
    cffi_modules=["build_ffi.py:ffibuilder"],
    cmdclass={"build_ext": BuildRustFirst},
    options={"bdist_wheel": STABLE_ABI},
)
