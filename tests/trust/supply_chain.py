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

from trust.crate import BUILD, CRATE, attempt
from trust.model import ROOT, Figure, need_crate, say

GOAL = "clean, advisories too, and one wheel to the byte"
HOURS = 0.1
COVERS = ("**/Cargo.lock", "rustlib/deny.toml", "pyproject.toml", "setup.py", "build_ffi.py")

FOLDER = BUILD / "supply_chain"

CRATES = (CRATE, CRATE / "fuzz", ROOT / "examples/minimal", ROOT / "tests/benchmarks/peers")

ADVISORIES = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "advisory-dbs"


class NotCleanError(Exception):
    """What a command said that failed."""


def run(seconds, _earlier):
    """Take some minutes, however few there are."""
    need_crate("cargo-deny", seconds)
    clean, left_out = [], []
    try:
        for check in (locks, deny, advisories, audit, wheels):
            good, missing = check()
            clean += good
            left_out += missing
    except NotCleanError as fault:
        say(f"{fault}"[-4000:])
        return Figure(f"{check.__name__}: not clean", passed=False)
    details = "; ".join(clean)
    if left_out:
        details += f"; not checked: {', '.join(left_out)}"
    text = f"{len(clean)} of {len(clean) + len(left_out)} checks, all clean"
    return Figure(text, passed=True, reached=not left_out, details=details)


def locks():
    """Fetch everything, and see that each package from elsewhere has a hash to compare with."""
    packages = 0
    for crate in CRATES:
        lock = (crate / "Cargo.lock").read_text("utf-8")
        sources = len(re.findall(r"^source = ", lock, re.MULTILINE))
        hashes = len(re.findall(r'^checksum = "[0-9a-f]{64}"$', lock, re.MULTILINE))
        if sources != hashes:
            raise NotCleanError(f"{crate}: {sources} packages, {hashes} hashes")
        succeed(["cargo", "fetch", "--locked"], crate)
        packages += hashes
    return [f"{packages} packages of {len(CRATES)} lock files by their hashes"], []


def deny():
    for crate in CRATES:
        cargo_deny(crate, "licenses", "bans", "sources")
    return ["their licences and sources"], []


def advisories():
    if not ADVISORIES.exists():
        return [], ["Rust's advisories (there is no database)"]
    for crate in CRATES:
        cargo_deny(crate, "advisories")
    return ["Rust's advisories"], []


def cargo_deny(crate, *checks):
    config = os.fspath(CRATE / "deny.toml")
    command = ["cargo", "deny", "--offline", "--locked", "--config", config, "check", *checks]
    succeed(command, crate)


def audit():
    """Look up all packages of this environment; one that gets no answer is a failure of its own."""
    done = attempt([sys.executable, "-m", "pip_audit", "--strict", "--skip-editable"], ROOT)
    if re.search(r"Found \d+ known vulnerabilit", done.stdout):
        raise NotCleanError(done.stdout)
    if done.returncode:
        return [], ["Python's advisories (no answer)"]
    return ["Python's advisories"], []


def wheels():
    """Build a wheel in two folders."""
    made = []
    for name in ("one", "two, with a longer name"):
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        succeed(["git", "clone", "--quiet", ROOT, folder], ROOT)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "made"]
        succeed([*pip, "."], folder)
        made += (folder / "made").glob("*.whl")
    if not filecmp.cmp(*made, shallow=False):
        raise NotCleanError("the wheels differ")
    return ["one wheel, to the byte, from two folders"], []


def succeed(command, folder):
    done = attempt(command, folder)
    if done.returncode:
        raise NotCleanError(f"{command}:\n{done.stdout}")
