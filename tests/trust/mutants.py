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

# A mutant's file, line, mutator and change; and why no test can see it.
EQUIVALENT = {
    # How work is cut, or which of two ways does it.
    r"src/parallel\.rs: let (Some\(Plan .* 2 \* size|cost = .* \* ROW_COSTS).*: arith\.mul_.*": (
        "from which length on work is split: the results are the same"
    ),
    r"src/parallel\.rs: if bytes\.len\(\) < BYTES_WORTH_SPLITTING \{: relational\..*": (
        "short input takes a shorter way, and longer input may as well"
    ),
    r"src/kernel/portable\.rs: let stretch = .*: arith\.mul_.*": (
        "a shorter stretch, of whole units, has the same sum"
    ),
    r"src/kernel/gather\.rs: if bytes\.len\(\) < WORTH_GATHERING \{: relational\..*": (
        "both ways tally the same"
    ),
    r"src/kernel/gather\.rs: .*STRETCH \+ 1.*: arith\..*": "any length up to 4 GiB will do",
    r"src/kernel/gather\.rs: .*stretch\.len\(\) - 1.*: arith\.sub_to_div: .*": (
        "only input of more than 2 GiB has a second stretch: the row `huge`"
    ),
    r"src/kernel/gather\.rs: if filled >= BUFFER \{: relational\..*": (
        "the buffer has room for one more block, and may be emptied before it is full"
    ),
    r"src/kernel/portable\.rs: while start \+ 2 \* LANES <= .*: relational\.le_to_lt: .*": (
        "the loop for the rest squeezes the last block as well"
    ),
    r"src/kernel/avx(2|512)\.rs: .*pairs < WORTH_ALIGNING \{: relational\.lt_to_le: .*": (
        "both ways count the same"
    ),
    r"src/kernel/avx(2|512)\.rs: .*pairs <= VECTOR \{: relational\.le_to_lt: .*": (
        "both ways count a single vector"
    ),
    r"src/kernel/avx(2|512)\.rs: let head = .* / WIDTH .*: arith\.div_to_rem: .*": (
        "a whole number of units, less than a line: loads are not aligned, and that is all"
    ),
    r"src/kernel/avx2\.rs: .*suspects\) & 0x3333_3333 != 0 \{: bitwise\.and_to_or: .*": (
        "`redraw` leaves words that can be used as they are"
    ),
    r"src/kernel/table\.rs: if least < table\.least_rest \{: relational\.lt_to_le: .*": (
        "`redraw` leaves words that can be used as they are"
    ),
    r"src/kernel/avx2\.rs: (0\.\.=32|33\.\.=64) => draw_from.*: match_arm\..*": (
        "the loop for larger alphabets draws the same"
    ),
    r"src/kernel/avx2\.rs: while left > 1 \{: relational\.gt_to_ge: .*": (
        "one more turn, which has no parts to choose from"
    ),
    r"src/kernel/avx2\.rs: (16\.\.|8\.\.16|4\.\.8) => count_twice.*: match_arm\..*": (
        "the loop over single pairs counts the same"
    ),
    r"src/kernel/avx(2|512)\.rs: while start \+ VECTOR <= to \{: relational\.le_to_lt: .*": (
        "a last whole vector is counted as one that ends where the bytes do"
    ),
    r"src/kernel/avx(2|512)\.rs: let blocks = .*: arith\.sub_to_div: .*\) / \(VECTOR\)": (
        "fewer blocks: what is left is counted a vector at a time"
    ),
    r"src/kernel/avx512/utf8\.rs: if self\.had_four: logical\.or_remove_left: .*": (
        "the loop for three bytes finds out that it was the wrong one"
    ),
    r"src/kernel/avx512/utf8\.rs: if LONGEST == 3 && has_four \{: logical\.and_remove_right: .*": (
        "the loop for four bytes finds the same in all text"
    ),
    r"src/kernel/avx512/utf8\.rs: let is_dense = .*": "how many bytes the next tile has",
    r"src/kernel/avx2/utf8\.rs: let has_begun = \(\*last >= 0xC0\).*: relational\.ge_to_gt: .*": (
        "C0 is a fault by itself, whatever comes after it"
    ),
    r"src/kernel/utf8\.rs: pub\(super\) fn new\(text.*: fn_value\.none: None": (
        "the loop that begins at a cache line is faster, and that is all"
    ),
    r"src/kernel/utf8\.rs: if text\.len\(\) < WORTH_ALIGNING \|\| line == 0 \{: "
    r"(logical\.or_remove_right|relational\.lt_to_le): .*": (
        "the start of a text that is aligned, or as short, may be copied too"
    ),
    # What only another processor or system shows.
    r"src/kernel/avx(2|512)\.rs: let has = is_x86_feature_detected!.*: logical\..*": (
        "a processor that has all of these: the row `cpus` has others"
    ),
    r"src/os\.rs: .*(ask_for_huge_pages|pages\.end\.addr\(\)|start < end|MADV_HUGEPAGE).*": (
        "advice to the system changes no result"
    ),
    r"src/pool\.rs: (&& )?os::can_map\(.*: (arith|logical)\..*": (
        "how much memory threads take is an estimate: the row `resources` has too little of it"
    ),
    r"src/pool\.rs: (while threads > 1 \{: relational\.gt_to_ge|threads /= 2;: assign\..*): .*": (
        "only where the system refuses threads: the row `resources`"
    ),
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
    """Return a mutant's file, line, mutator and change, in one line."""
    line = source.splitlines()[mutant["location"]["start"]["line"] - 1].strip()
    change = " ".join((mutant.get("replacement") or mutant.get("description") or "").split())
    return f"{file}: {line}: {mutant['mutatorName']}: {change}"


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
