"""The crate's tests in Debian sid, which has what the toolchain here may lack.

Debian is installed once, as root, in the folder build/trust/sid.
"""

import math
import os
import shutil

from trust.crate import BUILD, CRATE, attempt
from trust.model import ROOT, MissingError, need_debian, say

FOLDER = BUILD / "sid"

# Lists the packages, once all of them are installed.
READY = FOLDER / "ready"

PACKAGES = (
    # Debian's compiler, and the sources of std for it.
    *("cargo", "gcc", "libc6-dev", "rust-src"),
    # To compile for aarch64, and to run that.
    *("libstd-rust-dev:arm64", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"),
)

# What std depends on, which comes with its sources.
VENDORED_WITH_STD = FOLDER / "usr/lib/rustlib/src/rust/library/vendor"


def make(seconds):
    """Have the folder, with the crate and all that it depends on in it; a trial makes none."""
    if os.getuid() != 0:
        raise MissingError("needs root")
    if not READY.exists() or READY.read_text() != " ".join(PACKAGES):
        if not math.isinf(seconds):
            raise MissingError("needs Debian sid, which a run of full length fetches")
        fetch()
    copy = FOLDER / "crate"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(CRATE, copy / "rustlib", ignore=shutil.ignore_patterns("target", "fuzz"))
    # Inside, cargo has no network: it takes the sources of other crates from this folder.
    vendored = attempt(["cargo", "vendor", "--locked", "--quiet", os.fspath(copy / "vendor")])
    if vendored.returncode:
        say(vendored.stdout[-4000:])
        raise MissingError("needs the sources of others' crates, which can't be fetched")
    for package in VENDORED_WITH_STD.iterdir():
        shutil.copytree(package, copy / "vendor" / f"std-{package.name}")
    config = copy / ".cargo" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        (ROOT / ".cargo" / "config.toml").read_text()
        + '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "/crate/vendor"\n'
    )


def fetch():
    need_debian("debootstrap")
    shutil.rmtree(FOLDER, ignore_errors=True)
    install = ["apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES]
    for command in (
        ["debootstrap", "--variant=minbase", "sid", FOLDER],
        # How packages are fetched here.
        ["cp", "-rT", "/etc/apt/apt.conf.d", FOLDER / "etc/apt/apt.conf.d"],
        ["chroot", FOLDER, "dpkg", "--add-architecture", "arm64"],
        ["chroot", FOLDER, "apt-get", "update", "-qq"],
        ["chroot", FOLDER, *install],
    ):
        done = attempt(command, DEBIAN_FRONTEND="noninteractive")
        if done.returncode:
            say(done.stdout[-4000:])
            raise MissingError("needs Debian sid, which can't be fetched")
    READY.write_text(" ".join(PACKAGES))


def cargo_test(target, *options, **environment):
    """Run the crate's unit tests there, compiled for a target."""
    place = ["chroot", FOLDER, "env", "--chdir=/crate/rustlib", "PATH=/usr/bin:/bin"]
    cargo = ["cargo", "test", "--release", "--lib", "--offline", "--locked", "--target", target]
    return attempt([*place, *cargo, *options], **environment)
