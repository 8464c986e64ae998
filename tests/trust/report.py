"""Render docs/reliability.json as docs/reliability.md.

cd tests && python -m trust.report

{row: {"date": of the run, "commit": whose code ran, "machine": text, "seconds": it took,
       "figure": text, "details": more of it, "passed": whether the promise held,
       "reached": whether it got to its goal}}
"""

import json

from trust.model import ROOT, load_all

FILE = ROOT / "docs" / "reliability.json"

INTRODUCTION = """\
# Reliability

Each promise below has a program in `tests/trust` that tries to break it. `make trust` runs them all
at full length, which takes more than a day; `make trust MINUTES=10` runs as much of each as fits.
`make trust-self-test` plants faults and expects the row that should find each one to fail."""

HEADS = ("promise", "tested", "commit")


def read():
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def write(results):
    """Write both files."""
    FILE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    FILE.with_suffix(".md").write_text(render(load_all(), results), "utf-8")


def render(rows, results):
    """Return docs/reliability.md."""
    full = sum(is_full(results.get(row.name)) for row in rows)
    lines = [line(HEADS), line(["---"] * len(HEADS))]
    lines += [line(cells(row, results.get(row.name))) for row in rows]
    parts = [
        INTRODUCTION,
        f"**{full} of {len(rows)} promises were tested at full length.** The others are marked.",
        "\n".join(lines),
        "## Details",
        *(section(row, results.get(row.name)) for row in rows),
    ]
    return "\n\n".join(parts) + "\n"


def is_full(result):
    return bool(result and result["passed"] and result["reached"])


def line(cells):
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def cells(row, result):
    """Return what the table says: no cell is longer than a line."""
    if result is None:
        return row.promise, "not yet", ""
    figure = result["figure"]
    if not result["passed"]:
        figure = f"**failed**: {figure}"
    elif not result["reached"]:
        figure += " (*short of its goal*)"
    return row.promise, figure, result["commit"]


def section(row, result):
    """Return a promise's own part: the goal, what was found, and how to run it again."""
    again = f"`make trust ROWS={row.name}`"
    parts = [f"### {row.name}", f"{row.promise}.", f"Goal: {row.goal}."]
    if result:
        text = ". ".join(filter(None, (result["figure"], result["details"]))).rstrip(".")
        parts.append(f"Found: {text}.")
        run = f"{again}, {duration(result['seconds'])} on {result['date']}"
        parts.append(f"{run}, commit {result['commit']}; {result['machine']}.")
    else:
        parts.append(f"Not run yet: {again}.")
    return "\n\n".join(parts)


def duration(seconds):
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


if __name__ == "__main__":
    write(read())
