"""Parts of a row that run in processes of their own, so that a signal or a hang is noticed."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from trust.model import Figure, say

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
    if python is not sys.executable:  # It has an installed package, for which PYTHONPATH is wrong.
        environment["PYTHONPATH"] = ""
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


def add_up(  # noqa: PLR0913 (all that such a row is)
    row, kinds, seconds, earlier, *, what, is_enough, **how
):
    """Return the figure of a row whose parts are kinds of tries, each of which prints a number.

    Args:
        row: the name of its module, whose `main` prints the number.
        kinds: their names.
        seconds: how long all of them may take.
        earlier: the state of the last figure.
        what: the text after the number of all tries.
        is_enough: returns whether the tries and the seconds of all kinds are those of full length.
        how: passed to `ask`.

    Raises:
        PartError: a part failed.
    """
    tries, times = Counter(earlier.get("tries")), Counter(earlier.get("times"))
    for kind, each, seed in rounds([*kinds], seconds):
        tries[kind] += ask(f"trust.{row}", kind, each, seed, seconds=each, **how)
        times[kind] += each
        reached = tries.keys() == {*kinds} and is_enough(tries, times)
        if reached:
            break
    details = ", ".join(f"{kind} {number:,}" for kind, number in tries.items())
    state = {"tries": tries, "times": times}
    text = f"{tries.total():,} {what}"
    return Figure(text, passed=True, reached=reached, details=details, state=state)


def repeat(attempt, seconds, seed):
    """Try until the time is over, and print the sum of the numbers of tries that this returns."""
    random.seed(int(seed))
    end = time.monotonic() + float(seconds)
    tries = 0
    while not tries or time.monotonic() < end:
        tries += attempt()
    print(json.dumps(tries))


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
