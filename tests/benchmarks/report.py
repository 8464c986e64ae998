"""Render docs/benchmarks.json as docs/benchmarks.md, its charts, and the tables of other pages.

    cd tests && python -m benchmarks.report [PASS.json]...

Passes of pytest-benchmark, if there are any, are collected into docs/benchmarks.json first.
"""

import re
import sys

from benchmarks import results
from benchmarks.chart import draw, duration
from benchmarks.groups import GROUPS
from benchmarks.model import BASELINE, LIMIT, OURS, PEER
from benchmarks.targets import TARGETS, significant

DOCS = results.FILE.parent

GROUP = {group.name: group for group in GROUPS}

# The groups whose charts are committed; `python -m benchmarks.chart` draws any other.
CHARTED = ("original-str", "short-str", "scripts", "utf8", "random", "columns", "command")

# The group of the teaching example, and those of its contestants that the README shows.
ORIGINAL = "original-str"
SHORT = {
    "Python: once": "a loop in Python",
    "NumPy": "NumPy",
    "PyO3: par_windows(2)": "Rust's `par_windows(2)`, by PyO3",
    "count_doubles": "`count_doubles`",
}

# Below this many bytes what counts is the call, and a rate says nothing.
WORTH_A_RATE = 100_000

INTRODUCTION = """\
# Benchmarks

The figures depend on the CPU, in some rows by half: Zen 5 executes vectors of 512 bits whole, Zen 4
in halves. This page shows one run, and the goals for each CPU that was measured. Ratios mean more
than times."""

METHOD = """\
## How it is measured

pytest-benchmark times each contestant for a stretch of its own, in several passes over all of them;
the shortest time counts. Each gives the right answer before its time is taken. The peers are what
users of PyO3 write, and the limits do less than the work: `tests/benchmarks/peers` has both. Of
several limits of a kind, the fastest is shown. `tests/benchmarks/groups.py` defines the races and
`targets.csv` the goals."""

GOALS = """\
## Goals

A number above 1 says how many times as fast as the rival, a percentage which part of its speed.
**Bold** numbers miss their goal."""

PLACE = "(?<=<!-- make bench writes this -->\n).*(?=<!-- to here -->)"


def table(heads, rows):
    """Return a table in Markdown, numbers to the right."""
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in (heads, rule, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def measure_goals(data):
    """Return what this run measured of each target: {work: [number, case]}."""
    measured = {target.work: target.measured(data) for target in TARGETS}
    return {work: list(found) for work, found in measured.items() if found}


def goal_table(goals):
    """Return the table of the goals, with a column for each CPU, and why some are missed."""
    rows, reasons = [], []
    for target in TARGETS:
        cells, is_missed = [], False
        for cpu in goals.values():
            found = cpu["measured"].get(target.work)
            if not found:
                cells.append("")
                continue
            (number, case), kernel = found, cpu["kernel"]
            shown = target.show(number, kernel)
            if not target.is_reached(number, kernel):
                shown, is_missed = f"**{shown}**", True
            cells.append(shown + (f" ({case})" if case else ""))
        asked = {target.show(target.goal(cpu["kernel"]), cpu["kernel"]) for cpu in goals.values()}
        rows.append((target.work, " / ".join(sorted(asked)), *cells))
        if target.reason and is_missed:
            reasons.append(f"- *{target.work}.* {target.reason}")
    return "\n\n".join([table(("work: rival", "goal", *goals), rows), "\n".join(reasons)]).rstrip()


def cpu_list(goals):
    """Return what measured each column of the goals."""
    return "\n".join(
        f"- {name}: {cpu['processor']}; kernel {cpu['kernel']}; {cpu['date']}, commit "
        f"{cpu['commit']}; {cpu['command']}"
        for name, cpu in goals.items()
    )


def headline(group, cases):
    """Return one sentence about the first case: how much faster than others our fastest is."""
    label, case = next(iter(cases.items()))
    seconds = case["seconds"]

    def fastest(role):
        names = [c.name for c in group.contestants if c.role == role and c.name in seconds]
        return min(names, key=seconds.get, default=None)

    ours = fastest(OURS)
    rivals = filter(None, map(fastest, (PEER, BASELINE)))
    ratios = [
        f"{significant(seconds[name] / seconds[ours])} times as fast as {name}" for name in rivals
    ]
    return f"{label}: {ours} takes {duration(seconds[ours])}, {' and '.join(ratios)}."


def case_table(group, case):
    """Return the times of a case, slowest first, and how they compare."""
    seconds, size = case["seconds"], case["bytes"]
    shown = group.contenders(seconds)
    peers = [c.name for c in shown if c.role == PEER]
    limits = [c for c in shown if c.role == LIMIT]
    heads = ["contestant", "time", *["GB/s"] * (size >= WORTH_A_RATE)]
    heads += ["times the fastest peer"] * bool(peers) + [f"of {c.family}" for c in limits]
    rows = []
    for contestant in shown:
        time = seconds[contestant.name]
        name = f"**{contestant.name}**" if contestant.role == OURS else contestant.name
        cells = [name, duration(time)]
        if size >= WORTH_A_RATE:
            cells.append(significant(size / time / 1e9))
        if peers:
            cells.append(significant(seconds[peers[-1]] / time))
        cells += [f"{significant(100 * seconds[c.name] / time)} %" for c in limits]
        rows.append(cells)
    return table(heads, rows)


def chart_part(name, cases):
    group = GROUP[name]
    image = f"![{group.title}](benchmarks/{name}.svg)"
    return "\n\n".join([f"### {group.title}", headline(group, cases), image])


def group_part(group, cases):
    parts = [f"## {group.title}, all times" if group.name in CHARTED else f"## {group.title}"]
    parts.append(group.note)
    for label, case in cases.items():
        parts += [f"### {group.title}: {label}"] if len(cases) > 1 else []
        parts.append(case_table(group, case))
    names = {c.name for c in group.contestants} - {
        n for case in cases.values() for n in case["seconds"]
    }
    if names:
        parts.append(f"Not measured: {', '.join(sorted(names))}.")
    return "\n\n".join(parts)


def render(data):
    """Return docs/benchmarks.md."""
    groups = data["groups"]
    parts = [
        INTRODUCTION,
        run_line(data),
        "## In pictures",
        *(chart_part(name, groups[name]) for name in CHARTED if name in groups),
        GOALS,
        goal_table(data["goals"]),
        cpu_list(data["goals"]),
        METHOD,
        table(("", ""), data["machine"].items()),
        *(group_part(g, groups[g.name]) for g in GROUPS if g.name in groups),
    ]
    return "\n\n".join(parts) + "\n"


def run_line(data):
    """Return what a page says of the run that its figures are of."""
    text = "{processor}; kernel {kernel}; {Python}; {date}, commit {commit}; {command}."
    return text.format(**data["machine"])


def original_rows(data):
    """Yield name and time of what counts the letters of the teaching example, slowest first."""
    seconds = next(iter(data["groups"][ORIGINAL].values()))["seconds"]
    for contestant in GROUP[ORIGINAL].contenders(seconds):
        if contestant.role != LIMIT:
            yield contestant.name, seconds[contestant.name]


def readme_table(data):
    """Return the README's few rows."""
    rows = [(SHORT[name], duration(time)) for name, time in original_rows(data) if name in SHORT]
    return table(("10 million letters", "time"), rows) + "\n\n" + run_line(data)


def ladder_table(data):
    """Return all rungs of the ladder, in docs/ladder.md."""
    found = list(original_rows(data))
    slowest = found[0][1]
    rows = [(name, duration(time), significant(slowest / time)) for name, time in found]
    heads = ("10 million letters", "time", "times as fast")
    return table(heads, rows) + "\n\n" + run_line(data)


# The pages that show some of the figures between two comments.
PLACES = {
    DOCS.parent / "README.md": readme_table,
    DOCS / "ladder.md": ladder_table,
}


def main(passes):
    if passes:
        results.write(passes, measure_goals)
    data = results.read()
    (DOCS / "benchmarks.md").write_text(render(data), "utf-8")
    for page, rows in PLACES.items():
        text = page.read_text("utf-8")
        shown = re.sub(PLACE, lambda _, rows=rows: rows(data) + "\n", text, flags=re.DOTALL)
        page.write_text(shown, "utf-8")
    for name in CHARTED:
        draw(name, data, DOCS / "benchmarks" / f"{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
