"""Every CPU counts the same, and none meets an instruction that it lacks.

qemu-user plays the CPUs: all tests of the crate, golden texts among them, the fuzzing corpus
against its oracles, and the C program. It knows no AVX-512. For aarch64 the crate's tests are
compiled and run in Debian sid, in a folder that is made once, as root: build/trust/sid.
"""

import math
import os
import re
import shutil
import time

from trust.crate import BUILD, CRATE, attempt, c_program, cargo
from trust.model import Figure, MissingError, need_debian, say

MODELS = ("qemu64", "Nehalem", "Haswell", "EPYC-Rome", "max")

GOAL = f"{', '.join(MODELS)} and aarch64"

SID = BUILD / "sid"
PACKAGES = (
    *("cargo", "gcc", "libc6-dev", "qemu-user"),
    *("libstd-rust-dev:arm64", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
)

AARCH64 = {
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER": "qemu-aarch64 -L /usr/aarch64-linux-gnu",
}

# What they start would run on the real CPU.
STARTERS = ("c_abi", "header", "forced_panic")


class NotPassedError(Exception):
    """What was said by tests that did not pass."""


def run(seconds):
    end = time.monotonic() + seconds
    need_debian("qemu-user", "qemu-x86_64")
    tests = [*compiled(CRATE), *compiled(CRATE / "fuzz")]
    program = c_program(BUILD / "cpus" / "release" / "deps")
    played, left_out = [], []
    for model in (*MODELS, "aarch64"):
        if played and time.monotonic() > end:
            left_out.append(model)
        else:
            try:
                is_arm = model == "aarch64"
                number = aarch64(seconds) if is_arm else play(model, tests, program)
            except NotPassedError as fault:
                say(f"{fault}"[-4000:])
                return Figure(f"{model}: not passed", passed=False)
            except MissingError as fault:
                left_out.append(f"{model} ({fault})")
                continue
            played.append(f"{model} ({number} tests)")
            say(played[-1])
    text = f"passed on {', '.join(played)}"
    if left_out:
        text += f"; not run: {', '.join(left_out)}"
    return Figure(text, passed=True, reached=not left_out)


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


def make_sid():
    need_debian("debootstrap")
    shutil.rmtree(SID, ignore_errors=True)
    install = ["apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES]
    for command in (
        ["debootstrap", "--variant=minbase", "sid", SID],
        # How packages are fetched here.
        ["cp", "-rT", "/etc/apt/apt.conf.d", SID / "etc/apt/apt.conf.d"],
        ["chroot", SID, "dpkg", "--add-architecture", "arm64"],
        ["chroot", SID, "apt-get", "update", "-qq"],
        ["chroot", SID, *install],
    ):
        done = attempt(command, DEBIAN_FRONTEND="noninteractive")
        if done.returncode:
            say(done.stdout[-4000:])
            raise MissingError("needs Debian sid, which can't be fetched")
    (SID / "ready").touch()


def aarch64(seconds):
    if os.getuid() != 0:
        raise MissingError("needs root")
    if not (SID / "ready").exists():
        if not math.isinf(seconds):
            raise MissingError("needs Debian sid, which a run of full length fetches")
        make_sid()
    copy = SID / "crate"
    shutil.rmtree(copy / "rustlib", ignore_errors=True)
    shutil.copytree(CRATE, copy / "rustlib", ignore=shutil.ignore_patterns("target", "fuzz"))
    # There the sources of others' crates are to be had from here alone.
    vendor = os.fspath(copy / "vendor")
    vendored = attempt(["cargo", "vendor", "--locked", "--quiet", vendor])
    if vendored.returncode:
        raise NotPassedError(vendored.stdout)
    (copy / ".cargo").mkdir(exist_ok=True)
    (copy / ".cargo" / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "/crate/vendor"\n'
    )
    options = "--release --lib --offline --locked --target=aarch64-unknown-linux-gnu"
    command = f"cd /crate/rustlib && PATH=/usr/bin:/bin exec cargo test {options}"
    return passed(attempt(["chroot", SID, "sh", "-c", command], **AARCH64))
