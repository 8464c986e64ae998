"""Render docs/benchmarks.json as docs/benchmarks.md, its charts, and the tables of other pages.

    cd tests && python -m benchmarks.report [PASS.json]...

Passes of pytest-benchmark, if there are any, are collected into docs/benchmarks.json first.
"""

import itertools
import re
import sys

from benchmarks import results
from benchmarks.chart import draw, duration
from benchmarks.groups import GROUPS
from benchmarks.model import BASELINE, LIMIT, OURS, PEER
from benchmarks.targets import TARGETS, significant

DOCS = results.FILE.parent

GROUP = {group.name: group for group in GROUPS}

# The groups that have a chart.
CHARTED = ("original-str", "short-str", "scripts", "utf8", "random", "columns", "command")

# The group of the teaching example, and those of its contestants that the README shows.
ORIGINAL = "original-str"
SHORT = {
    "Python: once": "a loop in Python",
    "NumPy": "NumPy",
    "PyO3: par_windows(2)": "Rust's `par_windows(2)`, by PyO3",
    "count_doubles": "`count_doubles`",
}

# What the README shows of squeezing.
SQUEEZED = "runs-squeeze"
SQUEEZERS = {
    "re.sub": 'without their doubles, by `re.sub(r"(.)\\1+", r"\\1", letters)`',
    "squeeze_doubles": "without their doubles, by `squeeze_doubles`",
}

# What the guide shows of short calls.
CALLS = {
    ("update", "64 bytes"): {"bare cffi call": "cffi, bare"},
    ("short-bytes", "5 bytes"): {
        "PyO3: windows(2)": "PyO3",
        "count_doubles": "C of your own in cffi's module, as `count_doubles`",
    },
}

# Below this many bytes what counts is the call, and a rate says nothing.
WORTH_A_RATE = 100_000

INTRODUCTION = """\
# Benchmarks

The figures depend on the CPU, in some rows by half: Zen 5 executes vectors of 512 bits whole, Zen 4
in halves. The times are those of one run; [the goals](#goals) are compared on each CPU that was
measured. Ratios mean more than times."""

PROCESSORS = """\
## By processor

A number with x says how many times as fast as the rival, a percentage which part of its speed.
**Bold** numbers miss their goal. After the name of a processor is the kernel that ran."""

# The works of a processor's short table.
HIGHLIGHTS = {
    "5 bytes: PyO3's best",
    "str, 10 M letters: PyO3: par_windows(2)",
    "bytes, 10 MB, 1 thread: read",
    "bytes, 1 GB, all threads: read",
    "UTF-8, the slowest text: simdutf8 alone",
    "UTF-8, geometric mean: simdutf8 alone",
    "column of pyarrow, mixed: loop over PyO3's",
    "file, 1 GiB, bytes: same loop",
    "squeeze 10 MB, slowest of letters, English, French: memcpy",
    "squeeze UTF-8, UCS-2, UCS-4, the slowest: memcpy",
}

METHOD = """\
## How it is measured

pytest-benchmark times each contestant for a stretch of its own, in several passes over all of them;
the shortest time counts. Each gives the right answer before its time is taken. The peers are what
users of PyO3 write, and the limits do less than the work: `tests/benchmarks/peers` has both. Of
several limits of a kind, the fastest is shown. `tests/benchmarks/groups.py` defines the races and
`targets.csv` the goals."""

GOALS = """\
## Goals

All works, compared as in the short tables. Where the goals differ, they are in the order of the
processors. Two comparisons have no goal: `bytes.decode` of pure ASCII only copies, and `update` of
64 bytes takes a lock and checks its argument, which a bare call through cffi does not."""

THREADS = """\
## Two Python threads

Calls that two Python threads make together, each with an input of its own, compared with those of
one thread: in one free-threaded CPython, whose GIL is switched on and then off. A call for 10 MB
uses all cores by itself, unless it is told `threads=1`."""

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


def cell(target, cpu, entry):
    """Return what a CPU measured of a target, and whether it is missed; nothing if not measured."""
    found = entry["measured"].get(target.work)
    if not found:
        return "", False
    number, case = found
    is_missed = not target.is_reached(number, cpu)
    shown = f"**{target.show(number)}**" if is_missed else target.show(number)
    return shown + f" ({case})" * bool(case), is_missed


def goal_table(goals):
    """Return the table of the goals, with a column for each CPU, and why some are missed."""
    rows, reasons = [], []
    for target in TARGETS:
        cells = [cell(target, cpu, entry) for cpu, entry in goals.items()]
        asked = [target.show(target.goal(cpu)) for cpu in goals]
        asked = asked if len(set(asked)) > 1 else asked[:1]
        rows.append((target.work, " / ".join(asked), *(shown for shown, _ in cells)))
        if target.reason and any(is_missed for _, is_missed in cells):
            reasons.append(f"- *{target.work}.* {target.reason}")
    return "\n\n".join([table(("work: rival", "goal", *goals), rows), "\n".join(reasons)]).rstrip()


def cpu_part(cpu, entry):
    """Return the short table of a CPU, and how many of its goals are reached."""
    rows, missed = [], []
    for target in TARGETS:
        shown, is_missed = cell(target, cpu, entry)
        missed += [is_missed] * bool(shown)
        if shown and target.work in HIGHLIGHTS:
            rows.append((target.work, target.show(target.goal(cpu)), shown))
    run = "{processor}; kernel {kernel}; {date}, commit {commit}; {command}".format(**entry)
    reached = f"{len(missed) - sum(missed)} of {len(missed)} goals are reached."
    return "\n\n".join([f"### {cpu}", f"{run}. {reached}", table(("", "goal", "measured"), rows)])


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


def thread_part(threads):
    """Return how two Python threads scale."""
    heads = ("one call", "with a GIL", "two threads", "without a GIL", "two threads")
    rows = [
        (case, duration(one), f"{one / two:.2f} x", duration(free), f"{free / both:.2f} x")
        for case, (one, two, free, both) in threads["seconds"].items()
    ]
    return "\n\n".join([THREADS, table(heads, rows), run_line(threads)])


def render(data):
    """Return docs/benchmarks.md."""
    groups = data["groups"]
    parts = [
        INTRODUCTION,
        run_line(data),
        "## In pictures",
        *(chart_part(name, groups[name]) for name in CHARTED if name in groups),
        PROCESSORS,
        *itertools.starmap(cpu_part, data["goals"].items()),
        GOALS,
        goal_table(data["goals"]),
        METHOD,
        table(("", ""), data["machine"].items()),
        *(group_part(g, groups[g.name]) for g in GROUPS if g.name in groups),
        *([thread_part(data["threads"])] if "threads" in data else []),
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
    squeezed = data["groups"].get(SQUEEZED, {}).get("letters, str", {"seconds": {}})["seconds"]
    rows += [
        (text, duration(squeezed[name])) for name, text in SQUEEZERS.items() if name in squeezed
    ]
    return table(("10 million letters", "time"), rows) + "\n\n" + run_line(data)


def call_table(data):
    """Return what a short call costs, in docs/guide.md."""
    rows = []
    for (group, case), contestants in CALLS.items():
        seconds = data["groups"][group][case]["seconds"]
        rows += [(text, duration(seconds[name])) for name, text in contestants.items()]
    return table(("one call", "time"), rows) + "\n\n" + run_line(data)


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
    DOCS / "guide.md": call_table,
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
