"""Run rows of docs/reliability.md and write what they found.

cd tests && python -m trust [--minutes M] [ROW]...

Without rows it runs all, and without minutes each at its full length. The exit status is 1 if one
failed, or was asked for by name and could not be run.
"""

import argparse
import datetime
import math
import platform
import sys
import time
import traceback

from benchmarks.results import commit, processor
from trust import report
from trust.model import ROWS, Figure, MissingError, load, load_all, say


def main():
    parser = argparse.ArgumentParser(prog="trust")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of: {', '.join(ROWS)}")
    options = parser.parse_args()
    rows = [load(name) for name in options.rows] or load_all()
    end = time.monotonic() + 60 * options.minutes
    failed, not_run = [], []
    for number, row in enumerate(rows):
        say(f"{row.name}: {row.promise}")
        start = time.monotonic()
        before = report.read().get(row.name, {})
        if before.get("code") != row.code():
            before = {}
        # Rows that end early leave their time to the others.
        try:
            seconds = max(end - start, 0) / (len(rows) - number)
            figure = attempt(row, seconds, before.get("state", {}))
        except MissingError as error:
            say(f"{row.name}: NOT RUN: {error}")
            not_run.append(row.name)
            continue
        seconds = time.monotonic() - start
        outcome = "passed" if figure.passed else "FAILED"
        say(f"{row.name}: {outcome} in {seconds:.0f} s: {figure.text}: {figure.details}")
        failed += [row.name] * (not figure.passed)
        record(row, figure, seconds, before)
    for what, names in (("failed", failed), ("not run", not_run)):
        if names:
            say(f"{what}: {', '.join(names)}")
    return bool(failed or (options.rows and not_run))


def attempt(row, seconds, earlier):
    try:
        return row.run(seconds, earlier)
    except MissingError:
        raise
    except Exception as error:  # noqa: BLE001 (the other rows are still to run)
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        return Figure("an error", passed=False, details=said)


def record(row, figure, seconds, before):
    """Put a result into the report, which has `before` of the same code.

    Runs that add up are one, since the first of them. Of others a shorter run replaces no longer
    one, unless one of them failed.
    """
    found = {**vars(figure)}
    adds_up = bool(before and figure.state)
    is_shorter = before and not figure.reached and seconds < before["seconds"]
    if is_shorter and not adds_up and figure.passed and before["passed"]:
        return
    results = report.read()
    results[row.name] = {
        "date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
        "commit": before["commit"] if adds_up else commit(),
        "code": row.code(),
        "machine": f"{processor()}; {platform.system()}, CPython {platform.python_version()}",
        "seconds": round(seconds) + (before["seconds"] if adds_up else 0),
        "figure": found.pop("text"),
        **found,
    }
    report.write(results)


if __name__ == "__main__":
    sys.exit(main())
