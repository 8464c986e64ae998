"""Every mutant of the crate fails a test.

cargo-gamma builds the crate's tests once, with all mutants behind a switch that each run reads from
the environment, and tells which tests reach which mutant. It keeps every verdict in build/trust, so
that the next run on the same code continues.
"""

import json
import math
import os
import re
import signal
import subprocess
from collections import Counter

from trust.code import fingerprint
from trust.crate import BUILD, CRATE
from trust.model import LIBRARY, Figure, need_crate, say

GOAL = "every mutant of the crate killed, except those that are listed as equivalent"
HOURS = 3
COVERS = LIBRARY

FOLDER = BUILD / "mutants"

ENVIRONMENT = ("PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME")

# What tests compare with.
ORACLE = "src/oracle.rs"

# The changes that cargo-mutants makes too: of operators, and of results.
MUTATORS = "fn_value,relational,arith,bitwise,shift,assign,logical,match_guard,match_arm,unary"

# The line of a mutant, with its file before it and the change after it; and why it can't be seen.
EQUIVALENT = {
    r"src/parallel\.rs: .*: replace < with (==|>|<=)": "a short input takes a shorter way",
    r"src/code_points\.rs: .*: replace \| with \^": "no bit is set in both",
}


def run(seconds, _earlier):
    need_crate("cargo-gamma", seconds)
    code = fingerprint("rustlib/src", "rustlib/tests")
    started, report = FOLDER / "code", FOLDER / "gamma-report.json"
    can_resume = started.exists() and started.read_text("utf-8") == code
    if not (can_resume and gamma("--resume-testing", seconds=seconds)):
        FOLDER.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)
        started.write_text(code, "utf-8")
        files = ("--file", "src/**/*.rs", "--exclude-file", "**/tests*", "--exclude-file", ORACLE)
        gamma("--mutators", MUTATORS, *files, "--cargo-arg=--locked", seconds=seconds)
    if not report.exists():  # It is written when all are tried.
        log = FOLDER / "cache" / "gamma-progress.log"
        killed = log.read_text("utf-8").count(" killed ") if log.exists() else 0
        return Figure(f"{killed:,} killed, the rest is not tried", passed=True, reached=False)
    found = verdicts(json.loads(report.read_text("utf-8")))
    planned = found.total()
    parts = ", ".join(f"{number:,} {verdict}" for verdict, number in found.items())
    text = f"{planned - found['waiting']:,} of {planned:,} tried: {parts}"
    return Figure(text, passed=not found["alive"], reached=not found["waiting"])


def verdicts(report):
    """Return how many mutants of a report there are of each verdict, and show those alive."""
    found = Counter()
    for file, content in report["files"].items():
        for mutant in content["mutants"]:
            verdict, change = verdict_of(mutant), described(file, content["source"], mutant)
            if verdict == "alive" and any(re.fullmatch(known, change) for known in EQUIVALENT):
                verdict = "equivalent"
            if verdict == "alive":
                say(f"alive: {change} ({mutant['status']})")
            found[verdict] += 1
    return found


def verdict_of(mutant):
    """Return what cargo-gamma found. It reports as alive what hung or ran out of memory."""
    ended = re.match("timed out|out of memory", mutant.get("statusReason") or "")
    return "killed" if ended else VERDICTS.get(mutant["status"], "alive")


VERDICTS = {
    "Killed": "killed",
    "CompileError": "not compiled",
    "Ignored": "not compiled",  # For this target.
    "Pending": "waiting",
}


def described(file, source, mutant):
    """Return a mutant's file, line, and change."""
    line = source.splitlines()[mutant["location"]["start"]["line"] - 1].strip()
    return f"{file}: {line}: {mutant.get('description') or mutant.get('replacement')}"


def gamma(*options, seconds):
    """Run cargo-gamma until it ends or the time is over; return whether it could work."""
    folders = [
        "--no-relaunch",
        "--cache-dir",
        FOLDER / "cache",
        "--artifact-dir",
        FOLDER,
        "--progress",
        "never",
    ]
    command = ["cargo", "gamma", "run", "--no-config", *folders, *options]
    # It continues in the same environment only.
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    with subprocess.Popen([*map(str, command)], cwd=CRATE, env=environment) as mutating:
        try:
            mutating.wait(None if math.isinf(seconds) else seconds)
        except subprocess.TimeoutExpired:
            mutating.send_signal(signal.SIGINT)
    return mutating.returncode in {0, -signal.SIGINT, 128 + signal.SIGINT}
