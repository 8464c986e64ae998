"""Wheels for every Python at hand: built from the sdist, repaired, checked, and tested alone.

    python tests/wheels.py [TAG]...    # or make wheels TAGS='cp311 abi3'; all without

leaves in dist/ what can be uploaded. cargo builds the library once, for all.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build/wheels"
DIST = ROOT / "dist"

# Prints the tag of a Python that can build a module and hold it, and fails in any other.
PROBE = """
import ensurepip, pathlib, sys, sysconfig, venv
assert sys.version_info >= (3, 10)
assert pathlib.Path(sysconfig.get_path("include"), "Python.h").exists()
name = {"cpython": "cp", "pypy": "pp"}[sys.implementation.name]
print(f"{name}{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}")
"""


def run(*command, env=os.environ, **options):
    """Run a command, quietly; if it fails, show what it wrote and raise CalledProcessError.

    It does not see PYTHONPATH, where pip would find what it is about to install.
    """
    result = subprocess.run(
        [*map(str, command)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={name: value for name, value in env.items() if name != "PYTHONPATH"},
        **options,
    )
    if result.returncode:
        print(result.stdout, flush=True)
        result.check_returncode()
    return result.stdout


def interpreters():
    """Return the Pythons at hand by tag: python3.N and pypy3.N of PATH, and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = {}
    for folder in [*map(Path, os.get_exec_path()), *sorted(pyenv.glob("versions/*/bin"))]:
        for path in sorted(folder.glob("p*3.*")):
            if re.fullmatch(r"(python|pypy)3\.\d+t?", path.name):
                probe = subprocess.run(
                    [path, "-c", PROBE], check=False, capture_output=True, text=True
                )
                if probe.returncode == 0:
                    found.setdefault(probe.stdout.strip(), path)
    by_version = sorted(found, key=lambda tag: (tag[:2], int(re.sub(r"\D", "", tag))))
    return {tag: found[tag] for tag in by_version}


def sources():
    """Make the sdist and unpack it, always in the same folder: cargo finds its work again."""
    sdist_folder = WORK / "sdist"
    for folder in (sdist_folder, WORK / "source"):
        shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "build", "--sdist", "--outdir", sdist_folder, ROOT)
    (sdist,) = sdist_folder.iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(WORK, filter="data")
    (WORK / sdist.name.removesuffix(".tar.gz")).rename(WORK / "source")
    return sdist


def build(python, name, *, stable_abi=False):
    """Build a wheel from the unpacked sources, and return where it is."""
    home = WORK / name
    shutil.rmtree(home, ignore_errors=True)
    run(python, "-m", "venv", home / "builder")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(WORK / "target")}
    environment.pop("DOUBLES_ABI3", None)
    if stable_abi:
        environment["DOUBLES_ABI3"] = "1"
    pip = (home / "builder/bin/python", "-m", "pip", "wheel", "--no-deps")
    run(*pip, "--wheel-dir", home, WORK / "source", env=environment)
    (wheel,) = home.glob("*.whl")
    return wheel


def check(wheel):
    """Raise AssertionError if a wheel lacks what every wheel has, or holds what none may."""
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    info = "doubles_ffi-[^/]+"
    for needed in (
        rf"{info}\.data/data/share/man/man1/doubles\.1",
        rf"{info}\.dist-info/licenses/LICENSE",
        rf"{info}\.dist-info/licenses/rust/COPYRIGHT-library\.html",
        rf"{info}\.dist-info/licenses/rustlib/LICENSES-THIRD-PARTY\.yml",
        rf"{info}\.dist-info/sboms/doubles\.cdx\.json",
        r"doubles_ffi/libdoubles\.so",
        r"doubles_ffi/_native\.[^/]+\.so",
    ):
        assert any(re.fullmatch(needed, name) for name in content), f"{wheel.name} lacks {needed}"
    folders = (ROOT, Path.home() / ".cargo", Path.home() / ".rustup", "/tmp/")
    for name, file in content.items():
        for folder in folders:
            assert str(folder).encode() not in file, f"{wheel.name}: {name} names {folder}"
    with tempfile.TemporaryDirectory() as scratch:
        for name, data in content.items():
            if name.endswith(".so"):
                file = Path(scratch, Path(name).name)
                file.write_bytes(data)
                assert ".symtab" not in run("readelf", "--sections", "--wide", file)
                for path in re.findall(r"\((?:RUN|R)PATH\).*\[(.*)\]", run("readelf", "-d", file)):
                    assert path == "$ORIGIN", f"{wheel.name}: {name} looks in {path}"


def check_collected(output, files):
    """Raise AssertionError if pytest lost one of some files, or doesn't say why it left it out."""
    collected = re.search(r"^collected: (.*)", output, re.MULTILINE)[1].split()
    left_out = re.findall(r"^left out: (\S+) \S", output, re.MULTILINE)
    lost = sorted(files.difference(collected, left_out))
    assert not lost, f"no test was collected from {', '.join(lost)}"


class Installed:
    """A wheel in a new environment, with the tests and no checkout."""

    def __init__(self, python, name, wheel):
        self.home = WORK / name / "installed"
        shutil.rmtree(self.home, ignore_errors=True)
        run(python, "-m", "venv", self.home)
        self.python = self.home / "bin/python"
        pip = (
            self.python,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--prefer-binary",
        )
        run(*pip, f"{wheel}[test-wheel]")
        self.room = self.home / "room"
        self.room.mkdir()
        shutil.copy(ROOT / "pyproject.toml", self.room)
        ignored = shutil.ignore_patterns("benchmarks", "trust", "__pycache__")
        shutil.copytree(ROOT / "tests", self.room / "tests", ignore=ignored)
        shutil.copytree(ROOT / "rustlib/include", self.room / "rustlib/include")

    def test(self, *flags, options=(), **environment):
        """Run the tests with flags of Python and options of pytest, and return its last line."""
        options = ("-q", "--tb=short", "-p", "no:cacheprovider", *options)
        pytest = (self.python, *flags, "-m", "pytest", *options, "tests")
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        variables = {**os.environ, "PATH": path, **environment}
        output = run(*pytest, cwd=self.room, env=variables)
        check_collected(output, {path.name for path in ROOT.glob("tests/test_*.py")})
        return output.splitlines()[-1].strip("= ")


def make(pythons, name):
    """Build the wheel of this name, check it, and test it.

    Returns:
        where it is, and what pytest said.
    """
    stable_abi = name == "abi3"
    # It is for what comes later, so the newest of all tries it.
    tag = [tag for tag in pythons if re.fullmatch(r"cp\d+", tag)][-1] if stable_abi else name
    raw = build(pythons[tag], name, stable_abi=stable_abi)
    repaired = WORK / name / "repaired"
    # The time that setup.py gives to all files.
    environment = {"SOURCE_DATE_EPOCH": "315532800", **os.environ}
    run("auditwheel", "repair", "--wheel-dir", repaired, raw, env=environment)
    (wheel,) = repaired.iterdir()
    check(wheel)
    if stable_abi:
        run("abi3audit", "--strict", wheel)
    return wheel, Installed(pythons[tag], name, wheel).test()


def main(names):
    """Make the wheels of these names, or all."""
    pythons = interpreters()
    print("Pythons:", *pythons, flush=True)
    # The checkers are installed beside the Python that runs this.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    sdist = sources()
    shutil.copy(sdist, DIST)
    for name in names or [*pythons, "abi3"]:
        wheel, outcome = make(pythons, name)
        shutil.copy(wheel, DIST)
        print(f"{wheel.name}: {outcome}", flush=True)
    run("twine", "check", "--strict", *DIST.iterdir())
    run("check-wheel-contents", *DIST.glob("*.whl"))
    # 10, except that there is no address of a home page yet. The authors publish no mail address.
    print(run("pyroma", "--min", "9", "--skip-tests", "AuthorEmail", sdist))


if __name__ == "__main__":
    main(sys.argv[1:])
