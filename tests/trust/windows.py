"""Windows counts the same, byte for byte.

`.ci/windows` compiles the crate and packs the wheel; Wine runs the tests of both.
"""

import math
import os
import re
from pathlib import Path

from trust.crate import attempt
from trust.model import PRODUCT, ROOT, Figure, MissingError, say

GOAL = "all tests of the crate and of the wheel, under Wine"
HOURS = 0.3
COVERS = (*PRODUCT, ".ci/windows")

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "doubles_ffi/windows")

# What a trial has time for: the answers, and files on several threads.
SOME = ("tests/test_everywhere.py", "tests/test_files.py", "-k", "not truncated and not memory")


def run(seconds, _earlier):
    is_trial = not math.isinf(seconds)
    if os.getuid() != 0:
        raise MissingError("needs root")
    if is_trial and not (CACHE / "sid/ready").exists():
        raise MissingError("needs Wine and others, which `make windows` fetches")
    done = attempt([ROOT / ".ci/windows", *(SOME if is_trial else ())], ROOT)
    numbers = re.findall(r"^test result: ok\. (\d+) passed", done.stdout, re.MULTILINE)
    summary = re.search(r"^=+ (\d+) passed(?:, (\d+) skipped)?.* in ", done.stdout, re.MULTILINE)
    if done.returncode or summary is None:
        say(done.stdout[-8000:])
        return Figure("not passed", passed=False)
    tests, skipped = (int(number or 0) for number in summary.groups())
    crate = sum(map(int, numbers))
    text = f"{tests} tests of Python and {crate} of the crate" if crate else f"{tests} tests"
    details = f"{skipped} tests are skipped there, each for a reason that it names"
    return Figure(text, passed=True, reached=not is_trial, details=details)
