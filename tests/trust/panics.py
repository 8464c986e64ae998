"""A panic in any export, or in a thread of the pool, becomes a status, and the next call works."""

import re

from trust.crate import CRATE, cargo
from trust.model import Figure, say

GOAL = "every export that the header declares, and every one that uses the pool in a thread of it"


def run(_seconds):
    """Take half a minute, to compile. `rustlib/tests/forced_panic.rs` generates the calls."""
    done = cargo("test", "--features=forced-panic", "--test=forced_panic", target="panics")
    passed = re.search(r"test result: ok. (\d+) passed", done.stdout)
    if done.returncode or passed is None:
        say(done.stdout[-4000:])
        return Figure("a panic got through", passed=False)
    declared = (CRATE / "tests" / "exports.txt").read_text("utf-8").splitlines()
    declared = [line for line in declared if not line.startswith(("#define", "typedef"))]
    # Constants and constant texts are not guarded: nothing in them could panic.
    guarded = [line for line in declared if not line.startswith(("uint32_t ", "const char *"))]
    pooled = [line for line in guarded if "size_t threads" in line or "_parallel(" in line]
    text = f"{len(guarded)} of {len(declared)} exports, all that are guarded"
    return Figure(f"{text}; {len(pooled)} of them in a thread of the pool", passed=True)
