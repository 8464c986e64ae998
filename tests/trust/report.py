"""Render docs/reliability.json as docs/reliability.md.

cd tests && python -m trust.report

{row: {"date": of the last run, "commit": of the first one on this code, "code": its fingerprint,
       "machine": text, "seconds": all runs took, "figure": text, "details": more of it,
       "passed": whether the promise held, "reached": whether it got to its goal,
       "state": what the next run adds to, "changed": whether the code has changed since}}
"""

import json

from trust.model import ROOT, load_all

FILE = ROOT / "docs" / "reliability.json"

INTRODUCTION = """\
# Reliability

Each promise below has a program in `tests/trust` that tries to break it. `make trust` runs them all
at full length; `make trust MINUTES=10` runs as much of each as fits. Runs on the same code add up.
When the code that a promise is about changes, its figure is dropped; comments don't count. `make
trust-self-test` plants faults and expects the row that should find each one to fail."""

HEADS = ("promise", "tested", "since")

DROPPED = "not since its code changed"


def read():
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def write(results):
    """Write both files, without the figures of code that has changed."""
    rows = load_all()
    for row in rows:
        if row.name in results:
            results[row.name]["changed"] = results[row.name].get("code") != row.code()
    FILE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    FILE.with_suffix(".md").write_text(render(rows, results), "utf-8")


def render(rows, results):
    """Return docs/reliability.md."""
    full = sum(is_full(results.get(row.name)) for row in rows)
    lines = [line(HEADS), line(["---"] * len(HEADS))]
    lines += [line(cells(row, results.get(row.name))) for row in rows]
    parts = [
        INTRODUCTION,
        f"**{full} of {len(rows)} promises are tested at full length.** Times are of two cores.",
        "\n".join(lines),
        "## Details",
        *(section(row, results.get(row.name)) for row in rows),
    ]
    return "\n\n".join(parts) + "\n"


def is_full(result):
    return bool(result and result["passed"] and result["reached"] and not result["changed"])


def line(cells):
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def cells(row, result):
    """Return what the table says: no cell is longer than a line."""
    if result is None or (result["changed"] and result["passed"]):
        what = "not yet" if result is None else DROPPED
        return row.promise, f"{what} (*takes {duration(3600 * row.hours)}*)", ""
    figure = result["figure"]
    if not result["passed"]:
        figure = f"**failed**: {figure}"
    elif not result["reached"]:
        figure += f" (*short: takes {duration(3600 * row.hours)}*)"
    return row.promise, figure, result["commit"]


def section(row, result):
    """Return a promise's own part: the goal, what was found, and how to run it again."""
    again = f"`make trust ROWS={row.name}`"
    parts = [f"### {row.name}", f"{row.promise}.", f"Goal: {row.goal}."]
    if result:
        text = ". ".join(filter(None, (result["figure"], result["details"]))).rstrip(".")
        found = "Found before its code changed" if result["changed"] else "Found"
        parts.append(f"{found}: {text}.")
        run = f"{again}, {duration(result['seconds'])} until {result['date']}"
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
