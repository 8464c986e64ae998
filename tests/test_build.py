"""What is built: what it links to, and that it names no folder of the machine that built it."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import doubles_ffi

ROOT = Path(__file__).parents[1]
PROJECTS = [ROOT, ROOT / "examples/minimal"]
PACKAGE = Path(doubles_ffi.__file__).parent

LIBRARIES = [*PACKAGE.glob("libdoubles.*")]
MODULES = [*PACKAGE.glob("_native.*.so")]

reads_elf = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF")
runs_setup = pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs the checkout")


def dynamic(file):
    """Return what a file asks of the loader: a list for each kind of entry."""
    command = ["readelf", "--dynamic", "--wide", file]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = {}
    for kind, value in re.findall(r"\((\w+)\)\s.*\[(.*)\]", output):
        entries.setdefault(kind, []).append(value)
    return entries


@reads_elf
def test_the_module_finds_the_library_beside_itself_alone():
    assert MODULES
    for module in MODULES:
        entries = dynamic(module)
        assert "libdoubles.so" in entries["NEEDED"]
        assert entries["RUNPATH"] == ["$ORIGIN"]
        assert "RPATH" not in entries


@reads_elf
def test_the_library_has_a_name_and_no_path():
    (library,) = LIBRARIES
    entries = dynamic(library)
    assert entries["SONAME"] == ["libdoubles.so"]
    assert "RPATH" not in entries
    # auditwheel puts libgcc_s into a wheel for musl, and has it found there.
    assert set(entries.get("RUNPATH", [])) <= {"$ORIGIN/../doubles_ffi.libs"}


@reads_elf
@pytest.mark.parametrize("file", [*LIBRARIES, *MODULES], ids=lambda file: file.name)
def test_no_folder_of_this_machine_is_named(file):
    content = file.read_bytes()
    rust = (Path.home() / ".cargo", Path.home() / ".rustup")
    for folder in (ROOT, *rust, sysconfig.get_path("include"), "/tmp/"):
        assert str(folder).encode() not in content


@reads_elf
@pytest.mark.parametrize("file", [*LIBRARIES, *MODULES], ids=lambda file: file.name)
def test_symbols_for_debuggers_are_stripped(file):
    command = ["readelf", "--sections", "--wide", file]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert ".dynsym" in output
    assert ".symtab" not in output


# Makes what setup.py tells setuptools, and builds nothing.
SETUP = """
import os, sys, sysconfig, setuptools
from distutils.core import run_setup
{before}
distribution = run_setup("setup.py", stop_after="init")
{after}
"""


def run_setup(project, before="", after=""):
    code = SETUP.format(before=before, after=after)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


@runs_setup
@pytest.mark.parametrize(
    ("project", "name"), [(ROOT, "doubles"), (ROOT / "examples/minimal", "bytestats")]
)
def test_an_editable_install_that_links_each_file_has_the_library(project, name):
    after = """
build_ext = distribution.get_command_obj("build_ext")
build_ext.editable_mode = True
build_ext.ensure_finalized()
for built, linked in build_ext.get_output_mapping().items():
    print(os.path.basename(built), os.path.basename(linked))
"""
    done = run_setup(project, after=after)
    assert done.returncode == 0, done.stderr
    files = [line.split() for line in done.stdout.splitlines()]
    assert all(built == linked for built, linked in files)
    assert sorted(built.split(".")[0] for built, _ in files) == ["_native", f"lib{name}"]


@runs_setup
@pytest.mark.parametrize("project", PROJECTS, ids=["doubles_ffi", "minimal"])
@pytest.mark.parametrize("missing", ["cffi", "setuptools"])
def test_a_build_without_its_requirements_fails_and_names_them(project, missing):
    code = f"import runpy, sys; sys.modules[{missing!r}] = None; sys.argv = ['setup.py', 'build']"
    code += "; runpy.run_path('setup.py', run_name='__main__')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert missing in done.stderr.splitlines()[-1]
    if project == ROOT:
        (line,) = done.stderr.splitlines()
        assert line.endswith(": pip install cffi setuptools")


@runs_setup
@pytest.mark.parametrize("disabled", [0, 1])
def test_the_example_asks_for_the_stable_abi_where_python_has_one(disabled):
    before = f"""
get_config_var = sysconfig.get_config_var
sysconfig.get_config_var = (
    lambda name: {disabled} if name == "Py_GIL_DISABLED" else get_config_var(name)
)
"""
    after = 'print(distribution.get_option_dict("bdist_wheel").get("py_limited_api"))'
    done = run_setup(ROOT / "examples/minimal", before, after)
    assert done.returncode == 0, done.stderr
    expected = "None" if disabled else "cp310"
    assert expected in done.stdout


# Does as if this were Windows, from the moment on at which setup.py is run.
WINDOWS = """
import json, pathlib, shutil, subprocess
from setuptools.command.build_ext import build_ext
sys.platform = "win32"
shutil.which = lambda name: name
build_ext.run = lambda self: None
"""


@runs_setup
@pytest.mark.parametrize(
    ("platform", "target"),
    [("win-amd64", "x86_64-pc-windows-msvc"), ("win-arm64", "aarch64-pc-windows-msvc")],
)
def test_a_build_on_windows_links_to_the_dll_that_cargo_is_told_to_write(
    tmp_path, platform, target
):
    after = f"""
built = pathlib.Path({str(tmp_path)!r}, "cargo/{target}/release/doubles_ffi.dll")
command = distribution.get_command_obj("build_ext")
command.inplace, command.plat_name, command.build_lib = False, {platform!r}, {str(tmp_path)!r}
command.ensure_finalized()

def cargo(arguments, **others):
    if arguments[0] == "cargo":
        built.parent.mkdir(parents=True)
        built.write_bytes(b"MZ")
        print(json.dumps(arguments))
    return subprocess.CompletedProcess(arguments, 0, "")

subprocess.run = cargo
command.run()
(extension,) = command.extensions
module = [extension.libraries, extension.library_dirs]
print(json.dumps([*module, extension.extra_compile_args, extension.extra_link_args]))
print(*pathlib.Path(command.build_lib, "doubles_ffi").iterdir())
distribution.parse_config_files()
print(distribution.entry_points, distribution.scripts)
"""
    before = WINDOWS + f"os.environ['CARGO_TARGET_DIR'] = {str(tmp_path / 'cargo')!r}"
    done = run_setup(ROOT, before, after)
    assert done.returncode == 0, done.stderr
    cargo, module, files, commands = done.stdout.splitlines()[-4:]
    cargo = json.loads(cargo)
    end = cargo.index("--")
    assert cargo[cargo.index("--target", 0, end) + 1] == target
    assert "-Ctarget-feature=+crt-static" in cargo[cargo.index("--config", 0, end) + 1]
    folder = tmp_path / "cargo" / target / "release"
    assert f"--emit=link={folder / 'doubles_ffi.dll'}" in cargo[end:]
    assert "link-arg=/Brepro" in cargo[end:]
    # rustc writes doubles_ffi.dll.lib beside it; a compiler for Windows adds the .lib to a name.
    assert json.loads(module) == [
        ["doubles_ffi.dll"],
        [str(folder)],
        ["/we4013", "/Brepro"],
        ["/Brepro"],
    ]
    assert files == str(tmp_path / "doubles_ffi/doubles_ffi.dll")
    assert commands == "{'console_scripts': ['doubles=doubles_ffi.__main__:main']} []"


@runs_setup
def test_a_build_for_32_bits_on_windows_says_that_there_is_none():
    after = """
command = distribution.get_command_obj("build_ext")
command.plat_name = "win32"
command.ensure_finalized()
command.run()
"""
    done = run_setup(ROOT, WINDOWS, after)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "there is no build for win32, only for win-amd64, win-arm64"
    )


@runs_setup
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_alone_lists_the_targets_and_does_nothing_else():
    command = ["make", "--dry-run", "-C", ROOT]
    dry = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "pip" not in dry
    listed = subprocess.run(["make", "-C", ROOT], check=True, capture_output=True, text=True).stdout
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (targets,) = re.findall(r"(?m)^\.PHONY: ((?:.*\\\n)*.*)", makefile)
    named = re.findall(r"(?m)^make (\S+) +\S", listed)
    assert sorted([*named, "help"]) == sorted(targets.replace("\\", "").split())


@runs_setup
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("len: usize, threads: usize", "threads: usize, len: usize"),
        ("least: u64", "least: u32"),
        ("data: *const u8", "data: *mut u8"),
        ("data: *const u8", "text: *const u8"),
        ("doubles_abi_version() -> u32", "doubles_abi_version() -> u64"),
        ("fn doubles_kernel(", "fn doubles_kernels("),
    ],
)
def test_the_build_notices_a_header_that_is_older_than_the_exports(tmp_path, before, after):
    for folder in ("rustlib/src", "rustlib/include"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("build_ffi.py", "doubles_ffi/_native.c"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    command = [sys.executable, "build_ffi.py"]
    subprocess.run(command, cwd=tmp_path, check=True)
    changed = 0
    for path in (tmp_path / "rustlib/src").rglob("*.rs"):
        text = path.read_text("utf-8")
        changed += text.count(before)
        path.write_text(text.replace(before, after), "utf-8")
    assert changed
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(
        "error: doubles.h is older than doubles_.*: run `make header`\n", done.stderr
    )
