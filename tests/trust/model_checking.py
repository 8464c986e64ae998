"""No order of the steps of two threads and their forks lets a count wait forever.

Spin tries all orders of `rustlib/model/pool.pml`, a model of the protocol in `rustlib/src/pool.rs`.
It must find an error once a precaution is taken away, or the model could not fail. Miri would run
the code itself, but it can't fork, and Rust's sources, which it needs, may be missing.
"""

import re
import subprocess

from trust.crate import BUILD, CRATE
from trust.model import Figure, need_debian, say

GOAL = "all states, no error; an error without each precaution"
HOURS = 0.03
COVERS = ("rustlib/src/pool.rs", "rustlib/src/os.rs", "rustlib/model")

MODEL = CRATE / "model" / "pool.pml"
FOLDER = BUILD / "model"

# Each takes one away; the last asks for a run that ends well.
PRECAUTIONS = (
    "PID_ALONE",
    "FORKS_ALONE",
    "COLLECTOR_UNDER_LOCK",
    "BUILDER_UNDER_LOCK",
    "NO_SECOND_LOOK",
    "CHILD_HAS_ITS_POOL",
)


def run(_seconds, _earlier):
    """Take some seconds."""
    need_debian("spin")
    errors, states, said = verify()
    if errors:
        say(said)
        return Figure(f"an error within {states:,} states", passed=False)
    blind = [precaution for precaution in PRECAUTIONS if not verify(f"-D{precaution}")[0]]
    if blind:
        return Figure(f"no error without {', '.join(blind)}", passed=False)
    without = f"an error without each of {len(PRECAUTIONS) - 1} precautions"
    return Figure(f"{states:,} states, no error; {without}", passed=True)


def verify(*macros):
    """Return how many errors there are, how many states were tried, and what Spin says."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for step in (
        ["spin", *macros, "-a", MODEL],
        ["cc", "-O2", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"],
        ["./pan", "-m100000"],
    ):
        said = subprocess.run(step, cwd=FOLDER, check=True, capture_output=True, text=True).stdout
    errors = int(re.search(r"errors: (\d+)", said)[1])
    states = int(float(re.search(r"(\S+) states, stored", said)[1]))
    if errors == 0 and ("Search not completed" in said or "max search depth" in said):
        raise RuntimeError(said)
    return errors, states, said
