"""No call reads or writes where it must not, or leaks.

AddressSanitizer, which finds leaks too, runs the fuzzing corpus, the crate's tests and a part of
the Python tests; valgrind runs the C program. ThreadSanitizer is not among them: without Rust's
sources, std and its locks can't be instrumented, and it takes what they order for races.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from trust.crate import BUILD, CRATE, attempt, c_program, cargo, host
from trust.model import ROOT, Figure, need_debian, say

GOAL = "clean, all of them, and ThreadSanitizer too"

FOLDER = BUILD / "sanitizers"

ADDRESS = ("-Zsanitizer=address",)

# Tests of what is handed to the library.
PYTHON_TESTS = ("counting", "counter", "columns", "tally", "native")


def run(seconds):
    need_debian("valgrind")
    end = time.monotonic() + seconds
    clean, left_out = [], ["TSan"]
    # With the seconds that each takes about: the crate's tests are many, and ASan slows them down.
    for name, check, needed in (
        ("the corpus under ASan and LSan", corpus, 0),
        ("the C program under valgrind", valgrind, 0),
        ("Python tests under a preloaded ASan", python_tests, 90),
        ("the crate's tests under ASan and LSan", unit_tests, 1200),
    ):
        if needed and time.monotonic() + needed > end:
            left_out.append(name)
            continue
        done = check()
        if done.returncode:
            say(done.stdout[-4000:])
            return Figure(f"{name}: not clean", passed=False)
        clean.append(name)
        say(f"clean: {name}")
    text = f"clean: {', '.join(clean)}; not run: {', '.join(left_out)}"
    return Figure(text, passed=True, reached=False)


def corpus():
    for kernel in ("avx512", "avx2", "portable"):
        done = cargo(
            *("test", "--release"),
            folder=CRATE / "fuzz",
            flags=ADDRESS,
            target="sanitizers/address",
            DOUBLES_KERNEL=kernel,
        )
        if done.returncode:
            break
    return done


def unit_tests():
    return cargo("test", "--release", "--lib", flags=ADDRESS, target="sanitizers/address")


def valgrind():
    built = cargo("build", target="sanitizers/valgrind")
    if built.returncode:
        return built
    program = c_program(FOLDER / "valgrind" / "debug")
    # The pool's threads are never joined: what the system keeps of them is only possibly lost.
    options = ["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    return attempt(["valgrind", "--quiet", *options, program])


def python_tests():
    """Run them in a copy of the package with an instrumented library."""
    built = cargo("build", "--release", "--lib", flags=ADDRESS, target="sanitizers/address")
    if built.returncode:
        return built
    copy = FOLDER / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("doubles_ffi", "tests", "rustlib/include"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copy(FOLDER / "address" / host() / "release" / "libdoubles.so", copy / "doubles_ffi")
    tests = [f"tests/test_{name}.py" for name in PYTHON_TESTS]
    return attempt(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        copy,
        PYTHONPATH=os.fspath(copy),
        LD_PRELOAD=os.fspath(runtime()),
        # CPython leaves memory to the system when it ends; a test measures what is given back.
        ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=8",
    )


def runtime():
    """Return the sanitizer's runtime as a shared library; rustc has it as an archive only."""
    made, archive = FOLDER / "runtime.so", FOLDER / "runtime.a"
    libraries = Path(attempt(["rustc", "--print", "target-libdir"]).stdout.strip())
    shutil.copy(libraries / "librustc-stable_rt.asan.a", archive)
    # This one member is for programs alone.
    subprocess.run(["ar", "d", archive, "asan_preinit.cpp.o"], check=True)
    whole = ["-Wl,--whole-archive", archive, "-Wl,--no-whole-archive"]
    system = ["-lpthread", "-ldl", "-lrt", "-lm"]
    subprocess.run(["cc", "-shared", "-o", made, *whole, *system], check=True)
    return made
