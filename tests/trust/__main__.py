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
from dataclasses import asdict

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
        # Rows that end early leave their time to the others.
        try:
            figure = attempt(row, max(end - start, 0) / (len(rows) - number))
        except MissingError as error:
            say(f"{row.name}: NOT RUN: {error}")
            not_run.append(row.name)
            continue
        seconds = time.monotonic() - start
        outcome = "passed" if figure.passed else "FAILED"
        say(f"{row.name}: {outcome} in {seconds:.0f} s: {figure.text}")
        failed += [row.name] * (not figure.passed)
        record(row.name, figure, seconds, is_full=math.isinf(options.minutes))
    for what, names in (("failed", failed), ("not run", not_run)):
        if names:
            say(f"{what}: {', '.join(names)}")
    return bool(failed or (options.rows and not_run))


def attempt(row, seconds):
    try:
        return row.run(seconds)
    except MissingError:
        raise
    except Exception as error:  # noqa: BLE001 (the other rows are still to run)
        traceback.print_exc()
        return Figure(f"{type(error).__name__}: {error}".splitlines()[0], passed=False)


def record(name, figure, seconds, *, is_full):
    """Merge a result into the report. A trial replaces no longer run, unless it failed."""
    results = report.read()
    before = results.get(name)
    if is_full or before is None or not figure.passed or seconds >= before["seconds"]:
        found = asdict(figure)
        results[name] = {
            "date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
            "commit": commit(),
            "machine": f"{processor()}; {platform.system()}, CPython {platform.python_version()}",
            "seconds": round(seconds),
            "figure": found.pop("text"),
            **found,
        }
        report.write(results)


if __name__ == "__main__":
    sys.exit(main())
