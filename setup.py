"""Build the Rust library, then the cffi module that links to it. All else is in pyproject.toml."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from sysconfig import get_config_var
from typing import Any

try:
    import cffi  # noqa: F401  # Without it setuptools would ignore cffi_modules and build nothing.
    from setuptools import Distribution, __version__, setup
    from setuptools.command.build import build
    from setuptools.command.build_ext import build_ext
    from setuptools.errors import ExecError
except ModuleNotFoundError as error:
    sys.exit(f"error: {error}: pip install cffi setuptools")

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # Before setuptools 70.1 another package makes wheels, and `build` needs none.
    bdist_wheel = None

CRATE = Path("rustlib")
MACOS = sys.platform == "darwin"
WINDOWS = sys.platform == "win32"

# Windows takes a DLL that is already loaded for any other of its name: it has the package's name.
LIBRARY = {"darwin": "libdoubles.dylib", "win32": "doubles_ffi.dll"}.get(
    sys.platform, "libdoubles.so"
)

# The name that the module asks the loader for; it looks beside the module alone. On Windows that is
# the name of the file; there the linker is told to leave out the time of the build.
LINK_ARGUMENT = {"darwin": f"-Wl,-install_name,@rpath/{LIBRARY}", "win32": "/Brepro"}.get(
    sys.platform, f"-Wl,-soname,{LIBRARY}"
)

# One Windows runs Pythons of several machines, and cargo would build for its own.
TARGETS = {"win-amd64": "x86_64-pc-windows-msvc", "win-arm64": "aarch64-pc-windows-msvc"}

# Setuptools can say that the licence is an expression, as PEP 639 has it, since this version.
SINCE = 77
LICENSE_FIELD = "license_expression" if int(__version__.split(".")[0]) >= SINCE else "license"

# The crates that are linked into the library, for tools and for people. `make notices` renews both.
SBOM = CRATE / "doubles.cdx.json"
NOTICES = CRATE / "LICENSES-THIRD-PARTY.yml"

# The wheel's tag says what build_ffi.py builds for.
STABLE_ABI = {"py_limited_api": "cp310"} if os.environ.get("DOUBLES_ABI3") == "1" else {}


# Equal sources give equal wheels: their files get this time, the earliest that a zip can hold.
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")


class Project(Distribution):
    """The project of pyproject.toml. On Windows the command is a program that pip makes."""

    def parse_config_files(self, *args: Any, **options: Any) -> None:
        """Read pyproject.toml, which has the script for other systems."""
        super().parse_config_files(*args, **options)
        if WINDOWS:
            self.scripts = []
            self.entry_points = {"console_scripts": ["doubles=doubles_ffi.__main__:main"]}


class CleanBuild(build):
    """Build into an empty folder, or a wheel would hold files of an earlier build."""

    def run(self) -> None:
        """Remove the last build, then build."""
        if Path(self.build_lib).exists():
            shutil.rmtree(self.build_lib)
        super().run()


class BuildRustFirst(build_ext):
    """Put the Rust library into the folder of the module, and link the module to it."""

    def run(self) -> None:
        """Build the Rust library, then the module."""
        built = build_library(self.plat_name)
        package = Path(self.build_lib, "doubles_ffi")
        self.mkpath(str(package))
        self.copy_file(built, str(package))
        if self.inplace:
            # An older library is kept if its time is later; a module for this Python alone would be
            # preferred to the one for the stable ABI.
            for stale in (LIBRARY, f"_native{get_config_var('EXT_SUFFIX')}"):
                Path("doubles_ffi", stale).unlink(missing_ok=True)
            self.copy_file(built, "doubles_ffi")
        for extension in self.extensions:
            if WINDOWS:
                extension.library_dirs.append(str(Path(built).parent))
                extension.extra_compile_args.append("/Brepro")
                extension.extra_link_args.append("/Brepro")
                continue
            extension.library_dirs.append(str(package))
            # No names of this machine's folders: no debug information, and no symbols either.
            extension.extra_compile_args.append("-g0")
            if not MACOS:
                # auditwheel wants each module to need libc. PyPy's module calls no function of
                # it, and some compilers would leave it out.
                extension.extra_link_args += ["-Wl,-s", "-Wl,--no-as-needed"]
        super().run()

    def get_output_mapping(self) -> dict[str, str]:
        """Name the library too, for editable installs that link each file."""
        modules = super().get_output_mapping()
        beside = [[str(Path(path).with_name(LIBRARY)) for path in pair] for pair in modules.items()]
        return modules | dict(beside)

    def build_extensions(self) -> None:
        """Build without CPython's own library folders, which may be this machine's alone."""
        if not WINDOWS:
            foreign = ("-Wl,-rpath,", "-Wl,-rpath=", "-Wl,-R")
            command = self.compiler.linker_so
            self.compiler.linker_so = [flag for flag in command if not flag.startswith(foreign)]
        super().build_extensions()


class WheelWithNotices(bdist_wheel or object):
    """Add the notices of all crates in the library: the SBOM of PEP 770, and Rust's own."""

    def write_wheelfile(self, wheelfile_base: str, *args: str) -> None:
        """Add them to the metadata. The crates' are among the licence files."""
        super().write_wheelfile(wheelfile_base, *args)
        self.add(SBOM, Path(wheelfile_base, "sboms"))
        notices = sysroot() / "share/doc/rust/COPYRIGHT-library.html"
        if notices.exists():  # Toolchains other than rustup's may keep them elsewhere.
            self.add(notices, Path(wheelfile_base, "licenses/rust"))

    def add(self, file: Path, folder: Path) -> None:
        """Copy a file into a folder, which is made."""
        self.mkpath(str(folder))
        self.copy_file(str(file), str(folder))


def sysroot() -> Path:
    """Return the folder of the Rust toolchain."""
    if shutil.which("cargo") is None:
        raise ExecError("doubles_ffi needs a Rust toolchain to build: see https://rustup.rs")
    command = ["rustc", "--print", "sysroot"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return Path(output.rstrip("\n"))


def rust_flags() -> list[str]:
    """Return flags for rustc that keep the names of this machine's folders out of the library.

    The environment's flags would replace them and those in .cargo/config.toml, so they are added.
    """
    cargo_home = os.environ.get("CARGO_HOME", Path.home() / ".cargo")
    folders = {cargo_home: "/cargo", sysroot(): "/rust", Path.cwd(): "/doubles_ffi"}
    # musl's toolchain would link libc into programs, and make no shared libraries. On Windows the C
    # library's startup code is linked in, or the DLL would need one of Microsoft's.
    flags = [] if MACOS else [f"-Ctarget-feature={'+' if WINDOWS else '-'}crt-static"]
    encoded = os.environ.get("CARGO_ENCODED_RUSTFLAGS")
    flags += encoded.split("\x1f") if encoded else os.environ.get("RUSTFLAGS", "").split()
    return [*flags, *(f"--remap-path-prefix={folder}={name}" for folder, name in folders.items())]


def target_folder() -> str:
    """Return cargo's folder for the library.

    A separate folder: where `cargo test --release` writes a library of the same name, without these
    flags, cargo would take that one for this one.
    """
    return os.environ.get("CARGO_TARGET_DIR", str(CRATE / "target/package"))


def dll(plat_name: str) -> Path:
    """Return where the library is built on Windows, for a platform of Python."""
    if plat_name not in TARGETS:
        raise ExecError(f"there is no build for {plat_name}, only for {', '.join(TARGETS)}")
    return Path(target_folder(), TARGETS[plat_name], "release", LIBRARY).resolve()


def cargo_command(plat_name: str) -> list[str]:
    """Return the command that builds the library for a platform, always in release mode."""
    command = ["cargo", "rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib"]
    command += ["--manifest-path", str(CRATE / "Cargo.toml"), "--target-dir", target_folder()]
    command += ["--message-format", "json-render-diagnostics"]
    command += ["--config", f"target.'cfg(all())'.rustflags={json.dumps(rust_flags())}"]
    flags = ["-C", f"link-arg={LINK_ARGUMENT}", "-C", "strip=symbols"]
    if WINDOWS:
        flags.append(f"--emit=link={dll(plat_name)}")  # By default it has the name of the crate.
        command += ["--target", TARGETS[plat_name]]
    return [*command, "--", *flags]


def build_library(plat_name: str) -> str:
    """Have cargo build the library, and return where it is."""
    replacing = {"CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"}
    env = {name: value for name, value in os.environ.items() if name not in replacing}
    command = cargo_command(plat_name)
    try:
        run = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    except subprocess.CalledProcessError as error:
        raise ExecError(f"cargo failed with exit status {error.returncode}") from None
    if WINDOWS:
        return str(dll(plat_name))
    messages = map(json.loads, run.stdout.splitlines())
    files = [file for message in messages for file in message.get("filenames", [])]
    return next(file for file in files if Path(file).name == LIBRARY)


COMMANDS = {"build": CleanBuild, "build_ext": BuildRustFirst}
if bdist_wheel:
    COMMANDS["bdist_wheel"] = WheelWithNotices

setup(
    **{LICENSE_FIELD: "MIT OR Apache-2.0"},
    license_files=["LICENSE", str(NOTICES)],
    cffi_modules=["build_ffi.py:ffibuilder"],
    cmdclass=COMMANDS,
    distclass=Project,
    options={"bdist_wheel": STABLE_ABI},
)
