"""Every mutant of the crate fails a test.

cargo-mutants makes the changes, one by one. `rustlib/.cargo/mutants.toml` lists those that change
nothing that can be observed, each with its reason.
"""

import json
import math
import os
import shutil
import signal
import subprocess

from trust.crate import BUILD, CRATE
from trust.model import LIBRARY, Figure, need_crate, say

GOAL = "every mutant of the crate killed, except those that are listed as equivalent"
HOURS = 24
COVERS = LIBRARY

FOLDER = BUILD / "mutants"

# The most valuable first: a limit on the time cuts off the kernels.
FILES = (
    "summary.rs",
    "text_summary.rs",
    "code_points.rs",
    "parallel.rs",
    "tally.rs",
    "random.rs",
    "marks.rs",
    "find.rs",
    "find/*.rs",
    "squeeze.rs",
    "longest.rs",
    "runs.rs",
    "columns.rs",
    "columns/*.rs",
    "arrow.rs",
    "arrow/*.rs",
    "pool.rs",
    "os.rs",
    "ladder.rs",
    "ffi.rs",
    "ffi/*.rs",
    "kernel.rs",
    "kernel/**/*.rs",
)


def run(seconds, _earlier):
    need_crate("cargo-mutants", seconds)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    files = [f"--file=src/{file}" for file in FILES]
    command = ["cargo", "mutants", "--no-shuffle", "--output", str(FOLDER), *files]
    # The tests run in a third of the time, and compile as fast.
    environment = os.environ | {"CARGO_PROFILE_DEV_OPT_LEVEL": "1"}
    with subprocess.Popen(
        command, cwd=CRATE, env=environment, stdout=subprocess.DEVNULL
    ) as mutating:
        try:
            mutating.wait(None if math.isinf(seconds) else seconds)
        except subprocess.TimeoutExpired:
            mutating.send_signal(signal.SIGINT)
    results = FOLDER / "mutants.out"
    planned = len(json.loads((results / "mutants.json").read_text("utf-8")))
    killed, missed, other = (
        sum(len((results / f"{name}.txt").read_text("utf-8").splitlines()) for name in names)
        for names in (("caught", "timeout"), ("missed",), ("unviable",))
    )
    say((results / "missed.txt").read_text("utf-8"))
    tried = killed + missed + other
    text = f"{killed} of {killed + missed} killed; {tried} of {planned} tried"
    return Figure(text, passed=killed > 0 and not missed, reached=tried == planned)
