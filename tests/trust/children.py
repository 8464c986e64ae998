"""Parts of a row that run in processes of their own, so that a signal or a hang is noticed."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from trust.model import say

TESTS = Path(__file__).parents[1]

# Seconds beyond its own time that a part may take before it counts as hanging: many, as the machine
# may be busy.
GRACE = 300


class PartError(Exception):
    """A part ended otherwise than with an answer."""


def ask(module, *arguments, seconds, python=sys.executable, **environment):
    """Run a part of a row, `python -m MODULE ARGUMENT...`, and return the JSON that it printed.

    Raises:
        PartError: it hung, was ended by a signal, or failed; with how to run it again.
    """
    command = [str(python), "-m", module, *map(str, arguments)]
    with subprocess.Popen(
        command,
        cwd=TESTS,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds + GRACE)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # Its children too.
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            output, errors = process.communicate()
            errors += f"hung for {GRACE} s"
    if process.returncode:
        settings = [f"{name}={value}" for name, value in environment.items()]
        again = f"cd tests; {shlex.join([*settings, *command])}"
        say(output + errors)
        last_line = errors.strip().rpartition("\n")[2]
        raise PartError(f"status {process.returncode} of `{again}`: {last_line}")
    return json.loads(output)


def rounds(parts, seconds):
    """Yield parts in turn, how long each may take, and a fresh seed, until the time is over.

    Each takes at most a minute at a time. The first round is always whole.
    """
    end = time.monotonic() + seconds
    each = min(seconds / len(parts), 60)
    is_first = True
    while is_first or time.monotonic() < end:
        for part in parts:
            left = end - time.monotonic()
            if not is_first and left <= 0:
                return
            yield part, each if is_first else min(each, left), random.getrandbits(32)
        is_first = False
