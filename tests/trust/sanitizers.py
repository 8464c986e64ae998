"""No call reads or writes where it must not, or leaks.

AddressSanitizer, which finds leaks too, runs the fuzzing corpus, the crate's tests and a part of
the Python tests; valgrind runs the C program. ThreadSanitizer runs the crate's tests in Debian sid,
which has the sources of std: unless that is instrumented too, what its locks order looks like
races. The kernels' own tests, which take long, are of loops on one thread and are left out there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from trust import sid
from trust.crate import BUILD, CRATE, attempt, c_program, cargo, expect, host, rustflags
from trust.model import LIBRARY, ROOT, need_debian, run_checks

GOAL = "all of them clean, under ASan, LSan, TSan and valgrind"
HOURS = 0.3
COVERS = LIBRARY

FOLDER = BUILD / "sanitizers"

# Tests of what is handed to the library.
PYTHON_TESTS = ("counting", "counter", "columns", "arrow", "counts", "tally", "native")
PYTHON_TESTS += ("runs", "find_runs", "row_runs")


def run(seconds, earlier):
    need_debian("valgrind")
    # With the seconds that each takes about: the crate's tests are many, and ASan slows them down.
    checks = {
        "the corpus under ASan and LSan": (corpus, 0),
        "the C program under valgrind": (valgrind, 0),
        "Python tests under a preloaded ASan": (python_tests, 150),
        "the crate's tests under ASan and LSan": (unit_tests, 1200),
        "the crate's tests of more than kernels under TSan": (lambda: races(seconds), 600),
    }
    return run_checks(checks, earlier, seconds)


def corpus():
    for kernel in ("avx512", "avx2", "portable"):
        with_address("test", folder=CRATE / "fuzz", DOUBLES_KERNEL=kernel)


def with_address(command, *arguments, **options):
    """Run a command of cargo with AddressSanitizer."""
    flags = ("-Zsanitizer=address",)
    target = "sanitizers/address"
    expect(cargo(command, "--release", *arguments, flags=flags, target=target, **options))


def unit_tests():
    with_address("test", "--lib")


def valgrind():
    expect(cargo("build", target="sanitizers/valgrind"))
    program = c_program(FOLDER / "valgrind" / "debug")
    # The pool's threads are never joined: what the system keeps of them is only possibly lost.
    options = ["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    expect(attempt(["valgrind", "--quiet", *options, program]))


def python_tests():
    """Run them in a copy of the package with an instrumented library."""
    with_address("build", "--lib")
    copy = FOLDER / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("doubles_ffi", "tests", "rustlib/include"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copy(FOLDER / "address" / host() / "release" / "libdoubles.so", copy / "doubles_ffi")
    tests = [f"tests/test_{name}.py" for name in PYTHON_TESTS]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = {"PYTHONPATH": os.fspath(copy), "LD_PRELOAD": os.fspath(runtime())}
    # CPython leaves memory to the system when it ends; a test measures what is given back.
    environment["ASAN_OPTIONS"] = "detect_leaks=0:quarantine_size_mb=8"
    expect(attempt(command, copy, **environment))


def races(seconds):
    sid.make(seconds)
    # Debian builds its compiler without this.
    shutil.copy(archive("tsan"), sid.FOLDER / f"usr/lib/rustlib/{host()}/lib")
    options = ("--config", rustflags("-Zsanitizer=thread"), "-Zbuild-std")
    without = ("--", "--skip", "kernel::")
    expect(sid.cargo_test(host(), *options, *without, RUSTC_BOOTSTRAP="1"))


def archive(sanitizer):
    """Return a sanitizer's runtime as it comes with rustc."""
    libraries = Path(attempt(["rustc", "--print", "target-libdir"]).stdout.strip())
    return libraries / f"librustc-stable_rt.{sanitizer}.a"


def runtime():
    """Return AddressSanitizer's runtime as a shared library; rustc has it as an archive only."""
    made, copy = FOLDER / "runtime.so", FOLDER / "runtime.a"
    shutil.copy(archive("asan"), copy)
    # This one member is for programs alone.
    subprocess.run(["ar", "d", copy, "asan_preinit.cpp.o"], check=True)
    whole = ["-Wl,--whole-archive", copy, "-Wl,--no-whole-archive"]
    system = ["-lpthread", "-ldl", "-lrt", "-lm"]
    subprocess.run(["cc", "-shared", "-o", made, *whole, *system], check=True)
    return made
