"""A free-threaded CPython: Debian has no package of it, so it is built from Debian's sources.

It is built once, as root, into a folder that all checkouts share: FOLDER/bin/python3.Nt, and
FOLDER/wheels for pip. Two idle cores take four minutes.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import wheels
from trust.crate import attempt, fetch
from trust.model import MissingError, say

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
FOLDER = CACHE / "doubles_ffi" / "free-threaded"

# Where Debian may have sources, the newest first.
SOURCES = (("sid", "3.14"), ("trixie", "3.13"))

# Runs a command that has a part in making one.
run = functools.partial(fetch, "a free-threaded Python")

# What CPython's own modules need.
LIBRARIES = ["ssl", "bz2", "lzma", "ffi", "sqlite3", "readline"]
PACKAGES = ["build-essential", "dpkg-dev", "pkg-config", "uuid-dev", "zlib1g-dev"]
PACKAGES += [f"lib{name}-dev" for name in LIBRARIES]

# cffi does not support 3.13t, and refuses it. It works there, once its structs are realized.
REFUSAL = "if FREE_THREADED_BUILD and sys.version_info < (3, 14):"


def python(*, wanted):
    """Return a free-threaded Python, from PATH or FOLDER; make it if that is wanted."""
    for name in ("python3.15t", "python3.14t", "python3.13t"):
        path = shutil.which(name) or shutil.which(name, path=FOLDER / "bin")
        if path:
            return Path(path)
    if not wanted or os.getuid() != 0:
        raise MissingError("needs python3.14t, which a run of full length builds as root")
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
    return python(wanted=False)


def room(*, wanted=True):
    """Return an environment of a free-threaded Python with a new wheel and the tests in it."""
    interpreter = python(wanted=wanted)
    os.environ["PIP_FIND_LINKS"] = str(FOLDER / "wheels")
    wheels.sources()
    wheel = wheels.build(interpreter, "trust/no-gil")
    return wheels.Installed(interpreter, "trust/no-gil", wheel)


def make(work):
    run("apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES)
    if not any(download(work, *source) for source in SOURCES):
        raise MissingError("needs the sources of CPython 3.13 or later, which can't be fetched")
    (archive,) = work.glob("*.orig.tar.xz")
    (work / "source").mkdir()
    (work / "build").mkdir()
    say(f"building {archive.name} without a GIL")
    run("tar", "-xf", archive, "-C", work / "source", "--strip-components=1")
    configure = [work / "source" / "configure", "--disable-gil", f"--prefix={FOLDER}"]
    run(*configure, folder=work / "build")
    run("make", "-s", f"-j{os.cpu_count()}", folder=work / "build")
    run("make", "-s", "install", folder=work / "build")
    (FOLDER / "wheels").mkdir(exist_ok=True)
    if not (FOLDER / "bin" / "python3.14t").exists():
        make_cffi(work, FOLDER / "bin" / "python3.13t")


def download(work, suite, version):
    """Download sources with apt, which compares them with Debian's signed list."""
    mirrors = attempt(["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)"]).stdout
    mirror = next(line for line in mirrors.splitlines() if line.endswith("/debian/ main"))
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (work / "list").write_text(f"deb-src [signed-by={key}] {mirror.replace(' ', f' {suite} ')}\n")
    (work / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    options = [f"Dir::Etc::SourceList={work}/list", "Dir::Etc::SourceParts=-"]
    options += [f"Dir::State::Lists={work}/lists", "APT::Sandbox::User=root"]
    apt = ["apt-get", "-qq", *(f"-o{option}" for option in options)]
    updated = attempt([*apt, "update"], work)
    fetched = attempt([*apt, "source", "--download-only", f"python{version}"], work)
    return not (updated.returncode or fetched.returncode)


def make_cffi(work, interpreter):
    """Leave a wheel of cffi that does not refuse this Python where pip looks for it."""
    pip = ["pip", "--quiet", "--disable-pip-version-check"]
    run(
        sys.executable, "-m", *pip, "download", "--no-deps", "--no-binary=cffi", "cffi", folder=work
    )
    (archive,) = work.glob("cffi-*.tar.gz")
    run("tar", "-xf", archive, folder=work)
    source = work / archive.name.removesuffix(".tar.gz")
    text = (source / "setup.py").read_text("utf-8")
    if REFUSAL not in text:
        raise MissingError("needs python3.14t: this cffi refuses 3.13t in another way")
    (source / "setup.py").write_text(text.replace(REFUSAL, "if False:"), "utf-8")
    run(interpreter, "-m", *pip, "wheel", "--no-deps", f"--wheel-dir={FOLDER}/wheels", source)


if __name__ == "__main__":
    sys.exit(subprocess.run([python(wanted=True), "-VV"], check=False).returncode)
