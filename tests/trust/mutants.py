"""Every mutant of the crate fails a test.

cargo-gamma builds the crate's tests once for each part of the crate, with all its mutants behind a
switch that each run reads from the environment, and tells which tests reach which mutant. It keeps
every verdict in build/trust, so that the next run on the same code continues. On other code it
tries all again, first by the test that killed a mutant before.
"""

import json
import math
import os
import re
import signal
import subprocess
import time
from collections import Counter

from trust.code import fingerprint
from trust.crate import BUILD, CRATE
from trust.model import LIBRARY, Figure, need_crate, say

GOAL = "every mutant of the crate killed, except those that are listed as equivalent"
HOURS = 3
COVERS = LIBRARY

FOLDER = BUILD / "mutants"
REPORT = "gamma-report.json"

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
    r"src/kernel/avx512/utf8\.rs: if self\.tile == TILE: relational\.eq_to_ne: .*": (
        "when ASCII is asked for: each loop finds the same in it"
    ),
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
    # What can't be in the input of a loop.
    r"src/kernel/portable/utf8\.rs: if LONGEST >= 4 \{: relational\.ge_to_le: .*": (
        "no byte is F0 or more in the loops for shorter code points"
    ),
    r"src/kernel/portable/utf8\.rs: .*BEFORE - 3\.\..*: arith\.sub_to_div: .*": (
        "more bytes before the tile may choose the loop for longer code points: it finds the same"
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


# The parts of the crate, and what tests are told. The kernels' suite takes longer than all others
# together. It calls kernels alone.
PARTS = {
    "rest": (
        ("--file=src/**/*.rs", "--exclude-file=src/kernel.rs", "--exclude-file=src/kernel/**"),
        ("--", "--skip", "kernel::tests"),
    ),
    "kernels": (
        # Of neon.rs nothing is compiled on x86-64.
        ("--file=src/kernel.rs", "--file=src/kernel/**/*.rs", "--exclude-file=src/kernel/neon.rs"),
        (),
    ),
}


def run(seconds, _earlier):
    need_crate("cargo-gamma", seconds)
    end = time.monotonic() + seconds
    found, not_tried = Counter(), []
    for name, (files, arguments) in PARTS.items():
        folder = FOLDER / name
        if end > time.monotonic():
            try_all(folder, (*files, *arguments), end - time.monotonic())
        report, log = folder / REPORT, folder / "cache" / "gamma-progress.log"
        is_started = is_of_this_code(folder)
        if is_started and report.exists():
            found += verdicts(json.loads(report.read_text("utf-8")))
        else:
            killed = log.read_text("utf-8").count(" killed ") if is_started and log.exists() else 0
            not_tried.append(f"{killed:,} killed of the {name}, not all are tried")
    parts = [f"{number:,} {verdict}" for verdict, number in found.items()]
    text = ", ".join([*parts, *not_tried])
    return Figure(text, passed=not found["alive"], reached=not (not_tried or found["waiting"]))


def try_all(folder, options, seconds):
    """Try the mutants of a part for some seconds, unless its report exists."""
    report = folder / REPORT  # It is written when all are tried.
    is_done = is_of_this_code(folder) and report.exists()
    if is_done or (is_of_this_code(folder) and gamma(folder, "--resume-testing", seconds=seconds)):
        return
    folder.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    (folder / "code").write_text(code(), "utf-8")
    common = ("--exclude-file=**/tests*", f"--exclude-file={ORACLE}", "--cargo-arg=--locked")
    gamma(folder, f"--mutators={MUTATORS}", *common, *options, seconds=seconds)


def is_of_this_code(folder):
    started = folder / "code"
    return started.exists() and started.read_text("utf-8") == code()


def code():
    return fingerprint("rustlib/src", "rustlib/tests")


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


def gamma(folder, *options, seconds):
    """Run cargo-gamma until it ends or the time is over; return whether it could work."""
    folders = [f"--cache-dir={folder / 'cache'}", f"--artifact-dir={folder}"]
    always = ["--no-config", "--no-relaunch", "--progress=never", *folders]
    command = ["cargo", "gamma", "run", *always, *options]
    # It continues in the same environment only.
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    with subprocess.Popen(command, cwd=CRATE, env=environment) as mutating:
        try:
            mutating.wait(None if math.isinf(seconds) else seconds)
        except subprocess.TimeoutExpired:
            mutating.send_signal(signal.SIGINT)
    return mutating.returncode in {0, -signal.SIGINT, 128 + signal.SIGINT}
