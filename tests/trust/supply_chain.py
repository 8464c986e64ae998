"""What is built is what the lock files say, under known licences, and the same from any folder.

`cargo deny` checks licences and sources of all lock files, cargo the hashes of what it fetches.
Advisories come from outside: Rust's are checked where `~/.cargo/advisory-dbs` holds them, Python's
where `pip-audit` gets answers.
"""

import filecmp
import os
import re
import shutil
import sys
from pathlib import Path

from trust.crate import BUILD, CRATE, attempt, expect
from trust.model import ROOT, FailedError, MissingError, need_crate, run_checks

GOAL = "clean, advisories too, and one wheel to the byte"
HOURS = 0.1
COVERS = ("**/Cargo.lock", "rustlib/deny.toml", "pyproject.toml", "setup.py", "build_ffi.py")

FOLDER = BUILD / "supply_chain"

CRATES = (CRATE, CRATE / "fuzz", ROOT / "examples/minimal", ROOT / "tests/benchmarks/peers")

ADVISORIES = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "advisory-dbs"


def run(seconds, earlier):
    """Take some minutes, however few there are."""
    need_crate("cargo-deny", seconds)
    return run_checks({name: (check, 0) for name, check in CHECKS.items()}, earlier)


def locks():
    """Fetch everything, and see that each package from elsewhere has a hash to compare with."""
    for crate in CRATES:
        lock = (crate / "Cargo.lock").read_text("utf-8")
        sources = len(re.findall(r"^source = ", lock, re.MULTILINE))
        hashes = len(re.findall(r'^checksum = "[0-9a-f]{64}"$', lock, re.MULTILINE))
        if sources != hashes:
            raise FailedError(f"{crate}: {sources} packages, {hashes} hashes")
        expect(attempt(["cargo", "fetch", "--locked"], crate))


def deny():
    for crate in CRATES:
        cargo_deny(crate, "licenses", "bans", "sources")


def advisories():
    if not ADVISORIES.exists():
        raise MissingError("there is no database")
    for crate in CRATES:
        cargo_deny(crate, "advisories")


def cargo_deny(crate, *checks):
    config = os.fspath(CRATE / "deny.toml")
    command = ["cargo", "deny", "--offline", "--locked", "--config", config, "check", *checks]
    expect(attempt(command, crate))


def audit():
    """Look up all packages of this environment; one that gets no answer is a failure of its own."""
    done = attempt([sys.executable, "-m", "pip_audit", "--strict", "--skip-editable"], ROOT)
    if re.search(r"Found \d+ known vulnerabilit", done.stdout):
        raise FailedError(done.stdout)
    if done.returncode:
        raise MissingError("no answer")


def wheels():
    """Build a wheel in two folders."""
    made = []
    for name in ("one", "two, with a longer name"):
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        expect(attempt(["git", "clone", "--quiet", ROOT, folder], ROOT))
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "made"]
        expect(attempt([*pip, "."], folder))
        made += (folder / "made").glob("*.whl")
    if not filecmp.cmp(*made, shallow=False):
        raise FailedError("the wheels differ")


CHECKS = {
    "all packages of the lock files by their hashes": locks,
    "their licences and sources": deny,
    "Rust's advisories": advisories,
    "Python's advisories": audit,
    "one wheel, to the byte, from two folders": wheels,
}
