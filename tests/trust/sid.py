"""Debian sid, which has what the toolchain here may lack, and other Pythons.

Debian is installed once, as root, in the folder build/trust/sid.
"""

import functools
import math
import os
import shutil

from trust.crate import BUILD, CRATE, attempt, fetch
from trust.model import ROOT, MissingError, need_debian

FOLDER = BUILD / "sid"

# Lists the packages, once all of them are installed.
READY = FOLDER / "ready"

PACKAGES = (
    # Debian's compiler, and the sources of std for it.
    *("cargo", "gcc", "libc6-dev", "rust-src"),
    # To compile for aarch64, and to run that.
    *("libstd-rust-dev:arm64", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"),
    # The Pythons that Debian prefers, and a newer one.
    *("ca-certificates", "binutils", "python3-dev", "python3-venv", "pypy3-dev", "pypy3-venv"),
    *("python3.15-dev", "python3.15-venv"),
)

# What std depends on, which comes with its sources.
VENDORED_WITH_STD = FOLDER / "usr/lib/rustlib/src/rust/library/vendor"


def make(seconds):
    """Have the folder; a trial makes none."""
    if os.getuid() != 0:
        raise MissingError("needs root")
    if READY.exists() and READY.read_text() == " ".join(PACKAGES):
        return
    if not math.isinf(seconds):
        raise MissingError("needs Debian sid, which a run of full length fetches")
    need_debian("debootstrap")
    run = functools.partial(fetch, "Debian sid")
    if not READY.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        run("debootstrap", "--variant=minbase", "sid", FOLDER)
        # How packages are fetched here.
        run("cp", "-rT", "/etc/apt/apt.conf.d", FOLDER / "etc/apt/apt.conf.d")
        run("chroot", FOLDER, "dpkg", "--add-architecture", "arm64")
    run("chroot", FOLDER, "apt-get", "-qq", "update")
    run("chroot", FOLDER, "apt-get", "-qq", "install", "--no-install-recommends", *PACKAGES)
    READY.write_text(" ".join(PACKAGES))


def copy_crate():
    """Put the crate there, with all that it depends on."""
    copy = FOLDER / "crate"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(CRATE, copy / "rustlib", ignore=shutil.ignore_patterns("target", "fuzz"))
    # Inside, cargo has no network: it takes the sources of other crates from this folder.
    fetch("others' crates", "cargo", "vendor", "--locked", "--quiet", copy / "vendor")
    for package in VENDORED_WITH_STD.iterdir():
        shutil.copytree(package, copy / "vendor" / f"std-{package.name}")
    config = copy / ".cargo" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        (ROOT / ".cargo" / "config.toml").read_text()
        + '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "/crate/vendor"\n'
    )


def cargo_test(target, *options, **environment):
    """Run the crate's unit tests there, compiled for a target."""
    copy_crate()
    place = ["chroot", FOLDER, "env", "--chdir=/crate/rustlib", "PATH=/usr/bin:/bin"]
    cargo = ["cargo", "test", "--release", "--lib", "--offline", "--locked", "--target", target]
    return attempt([*place, *cargo, *options], **environment)
