"""Every CPU counts the same, and none meets an instruction that it lacks.

qemu-user plays the CPUs: all tests of the crate, golden texts among them, the fuzzing corpus
against its oracles, and the C program. It knows no AVX-512. For aarch64 the crate's tests are
compiled and run in Debian sid, with each of its kernels.
"""

import re
import time

from trust import sid
from trust.crate import BUILD, CRATE, attempt, c_program, cargo
from trust.model import LIBRARY, Figure, MissingError, need_debian, say

MODELS = ("qemu64", "Nehalem", "Haswell", "EPYC-Rome", "max")

GOAL = f"{', '.join(MODELS)} and aarch64"
HOURS = 1
COVERS = LIBRARY

AARCH64 = {
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER": "qemu-aarch64 -L /usr/aarch64-linux-gnu",
}

# What they start would run on the real CPU.
STARTERS = ("c_abi", "header", "forced_panic")


class NotPassedError(Exception):
    """What was said by tests that did not pass."""


def run(seconds, earlier):
    end = time.monotonic() + seconds
    need_debian("qemu-user", "qemu-x86_64")
    tests = [*compiled(CRATE), *compiled(CRATE / "fuzz")]
    program = c_program(BUILD / "cpus" / "release" / "deps")
    played, left_out = {**earlier}, []
    for model in (*MODELS, "aarch64"):
        if model in played:
            continue
        if played and time.monotonic() > end:
            left_out.append(model)
            continue
        try:
            is_arm = model == "aarch64"
            played[model] = aarch64(seconds) if is_arm else play(model, tests, program)
        except NotPassedError as fault:
            say(f"{fault}"[-4000:])
            return Figure(f"{model}: not passed", passed=False)
        except MissingError as fault:
            left_out.append(f"{model} ({fault})")
            continue
        say(f"{model}: {played[model]} tests passed")
    details = f"Passed on {', '.join(f'{model} ({n} tests)' for model, n in played.items())}."
    if left_out:
        details += f" Not run: {', '.join(left_out)}."
    text = f"{len(played)} of {len(MODELS) + 1} processors"
    return Figure(text, passed=True, reached=not left_out, details=details, state=played)


def compiled(folder):
    """Compile a crate's tests, and return them."""
    made = cargo("test", "--release", "--no-run", folder=folder, target="cpus")
    if made.returncode:
        raise NotPassedError(made.stdout)
    tests = re.findall(r"\((\S*/deps/(\S+))\)", made.stdout)
    return [folder / path for path, name in tests if not name.startswith(STARTERS)]


def play(model, tests, program):
    """Run tests and the C program on a CPU, and return how many tests there were."""
    number = 0
    for test in tests:
        folder = CRATE / "fuzz" if "replay" in test.name else CRATE
        number += passed(attempt(["qemu-x86_64", "-cpu", model, test], folder))
    done = attempt(["qemu-x86_64", "-cpu", model, program])
    if done.returncode:
        raise NotPassedError(done.stdout)
    return number


def passed(done):
    found = re.search(r"test result: ok. (\d+) passed", done.stdout)
    if done.returncode or found is None:
        raise NotPassedError(done.stdout)
    return int(found[1])


def aarch64(seconds):
    sid.make(seconds)
    target = "aarch64-unknown-linux-gnu"
    number = passed(sid.cargo_test(target, **AARCH64))
    # The kernels' own suite has run all of them; the other tests take the fastest allowed.
    others = sid.cargo_test(
        target, "--", "--skip", "kernel::", DOUBLES_KERNEL="portable", **AARCH64
    )
    return number + passed(others)
