"""A panic in any export, or in a thread of the pool, becomes a status, and the next call works."""

import re

from trust.crate import cargo
from trust.model import Figure, say

GOAL = "every export that the header declares, and every one that uses the pool in a thread of it"
HOURS = 0.02
COVERS = ("rustlib/src/ffi.rs", "rustlib/src/ffi", "rustlib/src/pool.rs")


def run(_seconds, _earlier):
    """Take half a minute, to compile. `rustlib/tests/forced_panic.rs` generates the calls."""
    program = ("--features=forced-panic", "--test=forced_panic", "--", "--nocapture")
    done = cargo("test", *program, target="panics")
    survived = re.search(r"(\d+ of \d+) exports survived a panic", done.stdout)
    pooled = re.search(r"(\d+) exports survived a panic in the pool", done.stdout)
    if done.returncode or not (survived and pooled):
        say(done.stdout[-4000:])
        return Figure("a panic got through", passed=False)
    details = "The other exports return constants and are not guarded."
    text = f"{survived[1]} exports; {pooled[1]} in a thread of the pool"
    return Figure(text, passed=True, details=details)
