"""Render docs/benchmarks.json as docs/benchmarks.md, its charts, and the tables in the README.

    cd tests && python -m benchmarks.report [PASS.json]...

Passes of pytest-benchmark, if there are any, are collected into docs/benchmarks.json first.
"""

import re
import sys

from benchmarks import results
from benchmarks.chart import draw, duration
from benchmarks.groups import GROUPS
from benchmarks.load_before import COMMIT
from benchmarks.model import BEFORE, LIMIT, OURS, PEER
from benchmarks.targets import TARGETS, significant

DOCS = results.FILE.parent
README = DOCS.parent / "README.md"

# The groups whose charts are committed; `python -m benchmarks.chart` draws any other.
CHARTED = ("original-str", "short-str", "scripts", "utf8", "random", "columns", "command")

# The group that the README shows.
ORIGINAL = "original-str"

# Below this many bytes what counts is the call, and a rate says nothing.
WORTH_A_RATE = 100_000

INTRODUCTION = """\
# Benchmarks

pytest-benchmark times each contestant for a stretch of its own, in several passes over all of them;
the shortest time counts. Each gives the right answer before its time is taken. The peers are what
users of PyO3 write, and the limits do less than the work: `tests/benchmarks/peers` has both. Where
there are several limits of a kind, the fastest is shown. All is defined in
`tests/benchmarks/groups.py` and `targets.py`. Ratios mean more than times; above 1 is faster."""

TARGET_HEADS = ("work: rival", "goal", "measured", "")

README_TABLES = re.compile(
    r"(?<=<!-- make bench writes this -->\n).*(?=<!-- to here -->)", re.DOTALL
)


def table(heads, rows):
    """Return a table in Markdown, numbers to the right."""
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in (heads, rule, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def target_table(data):
    """Return the table of the targets, and the reasons of those that are missed."""
    kernel = data["machine"]["kernel"]
    rows, reasons = [], []
    for target in TARGETS:
        goal = "at most " * (not target.is_ratio) + target.show(target.goal(kernel), kernel)
        measured = target.measured(data)
        if not measured:
            rows.append((target.work, goal, "", "not measured"))
            continue
        number, label = measured
        shown = target.show(number, kernel) + (f" ({label})" if label else "")
        is_reached = target.is_reached(number, kernel)
        rows.append((target.work, goal, shown, "reached" if is_reached else "**missed**"))
        if target.reason and not is_reached:
            reasons.append(f"- *{target.work}.* {target.reason}")
    return "\n\n".join([table(TARGET_HEADS, rows), *filter(None, ["\n".join(reasons)])])


def before_table(data):
    """Return how many times as fast as the earlier commit all is that both can do."""
    rows = []
    for group in GROUPS:
        for label, case in data["groups"].get(group.name, {}).items():
            seconds = case["seconds"]
            for contestant in group.contestants:
                name = contestant.name.removeprefix(f"{COMMIT}: ")
                if contestant.role == BEFORE and {name, contestant.name} <= seconds.keys():
                    ratio = seconds[contestant.name] / seconds[name]
                    rows.append((f"{group.title}, {label}: {name}", f"{significant(ratio)} x"))
    return table(("work", "times as fast"), rows)


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


def group_part(group, cases):
    parts = [f"## {group.title}", group.note]
    if group.name in CHARTED:
        parts.append(f"![{group.title}](benchmarks/{group.name}.svg)")
    for label, case in cases.items():
        parts += [f"### {label}"] if len(cases) > 1 else []
        parts.append(case_table(group, case))
    names = {c.name for c in group.contestants} - {
        n for case in cases.values() for n in case["seconds"]
    }
    if names:
        parts.append(f"Not measured: {', '.join(sorted(names))}.")
    return "\n\n".join(parts)


def render(data):
    """Return docs/benchmarks.md."""
    parts = [
        INTRODUCTION,
        table(("", ""), data["machine"].items()),
        "## What is to be reached",
        f"The goals are those for this kernel, {data['machine']['kernel']}.",
        target_table(data),
        *(group_part(g, data["groups"][g.name]) for g in GROUPS if g.name in data["groups"]),
        f"## Against {COMMIT}",
        "An earlier commit, built beside this one and measured in the same run.",
        before_table(data),
    ]
    return "\n\n".join(parts) + "\n"


def short_table(data, name):
    """Return the times of a group's first case, and how they compare with the slowest."""
    group = next(group for group in GROUPS if group.name == name)
    label, case = next(iter(data["groups"][name].items()))
    shown = [c for c in group.contenders(case["seconds"]) if c.role not in {LIMIT, BEFORE}]
    times = [case["seconds"][c.name] for c in shown]
    rows = [
        (
            f"**{c.name}**" if c.role == OURS else c.name,
            duration(time),
            significant(times[0] / time),
        )
        for c, time in zip(shown, times)
    ]
    return table((label, "time", "times as fast"), rows)


def readme_tables(data):
    """Return what stands in the README between two comments."""
    machine = data["machine"]
    text = "{processor}; kernel {kernel}; {system}; {Python}; {date}; {command}.".format(**machine)
    return "\n\n".join([short_table(data, ORIGINAL), short_table(data, "command"), text])


def main(passes):
    if passes:
        results.write(passes)
    data = results.read()
    (DOCS / "benchmarks.md").write_text(render(data), "utf-8")
    readme = README.read_text("utf-8")
    README.write_text(README_TABLES.sub(lambda _: readme_tables(data) + "\n", readme), "utf-8")
    for name in CHARTED:
        draw(name, data, DOCS / "benchmarks" / f"{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
