"""Build the Rust library, then the module that links to it. All else is in pyproject.toml."""

import subprocess
import sys
from pathlib import Path
from sysconfig import get_config_var

import cffi  # noqa: F401  # Without it setuptools would ignore cffi_modules and build nothing.
from setuptools import setup
from setuptools.command.build_ext import build_ext

LIBRARY, FLAG = {
    # The second gives the library its name for the loader. A DLL has that of its file; with the
    # flag it needs no C library of Microsoft's that may be missing.
    "darwin": ("libbytestats.dylib", "link-arg=-Wl,-install_name,@rpath/libbytestats.dylib"),
    "win32": ("bytestats.dll", "target-feature=+crt-static"),
}.get(sys.platform, ("libbytestats.so", "link-arg=-Wl,-soname,libbytestats.so"))

# cffi builds for the stable ABI, which free-threaded CPython lacks before 3.15.
STABLE_ABI = {} if get_config_var("Py_GIL_DISABLED") else {"py_limited_api": "cp310"}


class BuildRustFirst(build_ext):
    """Link the module to the Rust library, and copy the library to the module's folder."""

    def run(self) -> None:
        """Run cargo, then the C compiler."""
        flags = f"-C strip=symbols -C {FLAG}"
        cargo = f"cargo rustc --release --lib --target-dir build/rust -- {flags}"
        subprocess.run(cargo.split(), check=True)
        self.library_dirs.append("build/rust/release")
        super().run()
        beside = Path(self.get_ext_fullpath("bytestats._native")).with_name(LIBRARY)
        beside.unlink(missing_ok=True)  # A process may have loaded the old one.
        self.copy_file(f"build/rust/release/{LIBRARY}", str(beside))

    def get_output_mapping(self) -> dict[str, str]:
        """Name the library too, for editable installs that link each file."""
        modules = super().get_output_mapping()
        beside = [[str(Path(path).with_name(LIBRARY)) for path in pair] for pair in modules.items()]
        return modules | dict(beside)


setup(
    cffi_modules=["build_ffi.py:ffibuilder"],
    cmdclass={"build_ext": BuildRustFirst},
    options={"bdist_wheel": STABLE_ABI},
)
