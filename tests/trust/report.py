"""Render docs/reliability.json as docs/reliability.md.

cd tests && python -m trust.report

{row: {"date": of the run, "machine": text, "seconds": it took,
       "figure": text, "passed": whether the promise held, "reached": whether it got to its goal}}
"""

import json

from trust.model import ROOT, load_all

FILE = ROOT / "docs" / "reliability.json"

INTRODUCTION = """\
# Reliability

What is promised, how it was tried, and how far that went. Each row is a program in `tests/trust`.
`make trust` runs them all at full length, which takes more than a day; `make trust MINUTES=10` runs
as much of each as fits. Where a figure falls short of its goal, the goal stands beside it.
`make trust-self-test` plants faults, and expects the row that should find each one to fail."""

HEADS = ("promise", "figure", "date", "again")


def read():
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def write(results):
    """Write both files."""
    FILE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    FILE.with_suffix(".md").write_text(render(load_all(), results), "utf-8")


def render(rows, results):
    """Return docs/reliability.md."""
    lines = [line(HEADS), line(["---"] * len(HEADS))]
    lines += [line(cells(row, results.get(row.name))) for row in rows]
    machines = sorted({result["machine"] for result in results.values()})
    parts = [INTRODUCTION, "\n".join(lines)]
    parts += ["Run on " + "; on ".join(machines) + "."] if machines else []
    return "\n\n".join(parts) + "\n"


def line(cells):
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def cells(row, result):
    again = f"`make trust ROWS={row.name}`"
    if result is None:
        return row.promise, f"not measured yet; goal: {row.goal}", "", again
    figure = f"{result['figure']}, in {duration(result['seconds'])}"
    if not result["passed"]:
        figure = f"**failed**: {figure}"
    if not (result["passed"] and result["reached"]):
        figure += f"; goal: {row.goal}"
    return row.promise, figure, result["date"], again


def duration(seconds):
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


if __name__ == "__main__":
    write(read())
