"""What is built: what it links to, and that it names no folder of the machine that built it."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import doubles_ffi

ROOT = Path(__file__).parents[1]
PACKAGE = Path(doubles_ffi.__file__).parent

LIBRARIES = [*PACKAGE.glob("libdoubles.*")]
MODULES = [*PACKAGE.glob("_native.*.so")]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF")


def dynamic(file):
    """Return what a file asks of the loader: a list for each kind of entry."""
    command = ["readelf", "--dynamic", "--wide", file]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = {}
    for kind, value in re.findall(r"\((\w+)\)\s.*\[(.*)\]", output):
        entries.setdefault(kind, []).append(value)
    return entries


def test_the_module_finds_the_library_beside_itself_alone():
    assert MODULES
    for module in MODULES:
        entries = dynamic(module)
        assert "libdoubles.so" in entries["NEEDED"]
        assert entries["RUNPATH"] == ["$ORIGIN"]
        assert "RPATH" not in entries


def test_the_library_has_a_name_and_no_path():
    (library,) = LIBRARIES
    entries = dynamic(library)
    assert entries["SONAME"] == ["libdoubles.so"]
    assert "RPATH" not in entries
    # auditwheel puts libgcc_s into a wheel for musl, and has it found there.
    assert set(entries.get("RUNPATH", [])) <= {"$ORIGIN/../doubles_ffi.libs"}


@pytest.mark.parametrize("file", [*LIBRARIES, *MODULES], ids=lambda file: file.name)
def test_no_folder_of_this_machine_is_named(file):
    content = file.read_bytes()
    rust = (Path.home() / ".cargo", Path.home() / ".rustup")
    for folder in (ROOT, *rust, sysconfig.get_path("include"), "/tmp/"):
        assert str(folder).encode() not in content


@pytest.mark.parametrize("file", [*LIBRARIES, *MODULES], ids=lambda file: file.name)
def test_symbols_for_debuggers_are_stripped(file):
    command = ["readelf", "--sections", "--wide", file]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert ".dynsym" in output
    assert ".symtab" not in output
