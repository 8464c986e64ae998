"""Python's side counts, cuts, refuses and parses as Python itself does."""

import random
import re
import subprocess
import sys
import time

from trust.model import PACKAGE, ROOT, Figure, keep

GOAL = "10,000,000 examples, no difference"
HOURS = 0.2
COVERS = PACKAGE
EXAMPLES = 10_000_000

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "hypothesis"]
PYTEST += ["--hypothesis-show-statistics", "tests", "--ignore=tests/benchmarks"]

# conftest.py defines the profiles. A round of the longer one takes minutes.
SHORT, LONG, LONG_SECONDS = "doubles", "trust", 1200


def run(seconds, earlier):
    end = time.monotonic() + seconds
    examples, is_over = earlier.get("examples", 0), False
    while examples < EXAMPLES and not is_over:
        profile = LONG if seconds > LONG_SECONDS else SHORT
        seed = str(random.getrandbits(32))
        command = [*PYTEST, f"--hypothesis-profile={profile}", f"--hypothesis-seed={seed}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        examples += sum(map(int, re.findall(r"(\d+) passing", done.stdout)))
        if done.returncode or not examples:
            keep("python_fuzzing", f"seed-{seed}.log", (done.stdout + done.stderr).encode())
            failed = ", ".join(re.findall(r"(?m)^(?:FAILED|ERROR) (\S+)", done.stdout))
            return Figure(f"after {examples:,} examples: {failed or done.stderr}", passed=False)
        is_over = time.monotonic() > end
    text, state = f"{examples:,} examples, no difference", {"examples": examples}
    return Figure(text, passed=True, reached=examples >= EXAMPLES, state=state)
