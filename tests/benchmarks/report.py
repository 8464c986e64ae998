"""Race every group, and write docs/benchmarks.md with a chart for each.

    cd tests && python -m benchmarks.report

pytest-benchmark times one contestant after the other, so that a machine that is busy for a minute
is unfair to some. Here they take turns, and the best turn of each counts.
"""

import datetime
import os
import platform
import re
import subprocess
import sys
import timeit
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks import file_groups as f
from benchmarks import groups, model
from benchmarks.chart import draw, duration
from benchmarks.load_peers import CRATE, PeersMissingError, load_peers

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = "make bench"

# Seconds that a turn takes at least, by repeating short calls: far above the clock's resolution.
TURN = 1e-3

# However slow a contestant is, it has so many turns.
LEAST_TURNS = 3

# Below this many bytes what counts is the call, and a rate says nothing.
WORTH_A_RATE = 100_000


def race(contestants, case_input, peers, seconds):
    """Return the best time of each contestant, by name; they take turns until all have had enough.

    All spend the same time, about, so that the fast ones have many turns and the slow ones few.
    """
    timers = {}
    for contestant in contestants:
        names = contestant.names(case_input, peers)
        answer = eval(contestant.call, names)
        if not contestant.is_right(answer, case_input.expected // contestant.part):
            raise RuntimeError(f"{contestant.name} gives {answer!r:.100}")
        timers[contestant] = timeit.Timer(contestant.call, globals=names)
    loops = {contestant: loops_per_turn(timer) for contestant, timer in timers.items()}
    turns = {contestant: [] for contestant in contestants}
    share = seconds / len(contestants)
    running = contestants
    while running:
        for contestant in running:
            turns[contestant].append(timers[contestant].timeit(loops[contestant]))
        running = [c for c in running if len(turns[c]) < LEAST_TURNS or sum(turns[c]) < share]
    return {c.name: min(turns[c]) / loops[c] * c.part for c in contestants}


def loops_per_turn(timer):
    loops = 1
    while timer.timeit(loops) < TURN:
        loops *= 2
    return loops


class Result(NamedTuple):
    times: dict[str, float]  # seconds, by contestant
    size: int  # bytes


def race_all(peers):
    """Return the results by name of the group and label of the case."""
    results = {}
    for group in groups.GROUPS:
        contestants = [c for c in group.contestants if peers or not isinstance(c.function, str)]
        results[group.name] = {}
        for case in group.cases:
            print(f"{group.title}: {case.label}", file=sys.stderr)
            case_input = case.make(case.size)
            times = race(contestants, case_input, peers, group.seconds)
            results[group.name][case.label] = Result(times, len(case_input.raw))
    return results


# How a ratio is said.
TIMES = "times as fast"
OF_READ = "% of its speed"
COST = "times its time"


class Target(NamedTuple):
    """How many times as fast as a rival to be. In several cases, the worst of them counts."""

    work: str
    group: str
    cases: tuple[str, ...]
    ours: str
    rival: str  # a contestant, or the role PEER for the fastest
    goal: float
    style: str = TIMES

    def measure(self, results):
        """Return the smallest ratio, and the case that has it; None if nothing was timed."""
        ratios = {}
        for label in self.cases:
            times = results[self.group][label].times
            rival = self.rival
            if rival == model.PEER:
                rival = GROUPS[self.group].fastest_peer(times)
            if rival in times:
                ratios[times[rival] / times[self.ours]] = label
        return min(ratios.items(), default=None)

    def row(self, results):
        """Return the cells of the table: work, goal, measured, verdict."""
        worst = self.measure(results)
        if worst is None:
            return (self.work, self.show(self.goal), "", "not measured")
        ratio, label = worst
        where = f" ({label})" if len(self.cases) > 1 else ""
        verdict = "reached" if ratio >= self.goal else f"missed by {1 - ratio / self.goal:.0%}"
        return (self.work, self.show(self.goal), self.show(ratio) + where, verdict)

    def show(self, ratio):
        number = {TIMES: ratio, OF_READ: 100 * ratio, COST: 1 / ratio}[self.style]
        return f"{significant(number)} {self.style}"


GROUPS = {group.name: group for group in groups.GROUPS}
ALL = groups.COUNT.name
ONE = groups.COUNT_ONE_THREAD.name
READ_ONE, READ_ALL = (read.name for read in groups.READS)
PAR_WINDOWS = groups.PEERS_STR[-1].name
TEN_MILLION = ("10 M letters",)
MAKE, FILL = (c.name for c in GROUPS["random"].contestants if c.role == model.OURS)
COMMAND_TEXT = ("command-text", f.COMMAND)
CHOICE, CHOICES = (c.name for c in GROUPS["random"].contestants[:2])
RAW_FILL = GROUPS["random"].contestants[-1].name
TARGETS = (
    Target("str, 10 M letters: par_windows(2)", "original-str", TEN_MILLION, ALL, PAR_WINDOWS, 20),
    Target("the same: regex", "original-str", TEN_MILLION, ALL, groups.REGEX.name, 1000),
    Target(
        "bytes, 10 M letters: par_windows(2)", "original-bytes", TEN_MILLION, ALL, PAR_WINDOWS, 20
    ),
    Target("the same: regex", "original-bytes", TEN_MILLION, ALL, groups.REGEX.name, 1000),
    Target("bytes, 10 MB, one thread: pure read", "sizes", ("10 MB",), ONE, READ_ONE, 0.9, OF_READ),
    Target(
        "bytes, 200 KB, one thread: pure read", "sizes", ("200 KB",), ONE, READ_ONE, 0.8, OF_READ
    ),
    Target("bytes, 1 GB, one thread: pure read", "sizes", ("1 GB",), ONE, READ_ONE, 0.95, OF_READ),
    Target("bytes, 1 GB, all threads: pure read", "sizes", ("1 GB",), ALL, READ_ALL, 0.9, OF_READ),
    Target("500 bytes: best of PyO3", "short-bytes", ("500 bytes",), ALL, model.PEER, 2),
    Target("250 bytes: best of PyO3", "short-bytes", ("250 bytes",), ALL, model.PEER, 1),
    Target(
        "5 bytes: bare call", "short-bytes", ("5 bytes",), ALL, groups.BARE_CALL.name, 1 / 1.6, COST
    ),
    Target(
        "str of 5: bare call", "short-str", ("5 letters",), ALL, groups.BARE_CALL.name, 1 / 2, COST
    ),
    Target(
        "str, 10 M Cyrillic letters: best of PyO3",
        "other-str",
        ("10 M Cyrillic letters",),
        ALL,
        model.PEER,
        5,
    ),
    *(
        Target(
            f"UTF-8 files, 10 MB each, the worst: {rival}",
            "utf8",
            tuple(case.label for case in groups.UTF8_FILES),
            ALL,
            rival,
            goal,
        )
        for rival, goal in (("PyO3: from_utf8, chars()", 5), ("bytes.decode alone", 1))
    ),
    *(
        Target(f"random_string of 10 M: {rival}", "random", TEN_MILLION, MAKE, rival, goal)
        for rival, goal in ((model.PEER, 15), (CHOICES, 250), (CHOICE, 800))
    ),
    Target("fill_random of 10 MB: raw fill", "random", TEN_MILLION, FILL, RAW_FILL, 1 / 1.5, COST),
    *(
        Target(work, group, (GROUPS[group].cases[0].label,), ours.name, rival.name, goal, style)
        for work, group, ours, rival, goal, style in (
            ("file, 1 GiB, bytes: same loop", "files", f.BYTES, f.READ, 0.9, OF_READ),
            ("the same: on all threads", "files", f.BYTES, f.READ_LOOPS[-1], 0.9, OF_READ),
            ("file, 1 GiB, UTF-8: as bytes", "text-files", f.TEXT, f.BYTES_OF_TEXT, 0.6, OF_READ),
            ("command, 1 GiB, bytes: wc -l", "command", f.COMMAND_BYTES, f.WC_LINES, 1, TIMES),
            ("the same: same loop", "command", f.COMMAND_BYTES, f.PYTHON_READ, 0.9, OF_READ),
            ("pipe, 1 GiB, bytes: wc -c", "command", f.PIPE, f.WC_PIPE, 0.8, OF_READ),
            (
                "command, 1 GiB, UTF-8: --bytes",
                *COMMAND_TEXT,
                f.COMMAND_BYTES_OF_TEXT,
                0.6,
                OF_READ,
            ),
            ("the same: wc -m", *COMMAND_TEXT, f.WC_CHARACTERS, 10, TIMES),
            ("10,000 files of 4 KiB: wc -l", "command-many", f.MANY, f.WC_MANY, 1 / 3, COST),
        )
    ),
)

# Milliseconds that the command may take on a small file, above the start of Python.
LONGEST_START = 60


def start_row(results):
    """Return the row of the targets for the start of the command."""
    times = results["command-small"][GROUPS["command-small"].cases[0].label].times
    milliseconds = 1e3 * (times[f.COMMAND.name] - times[f.PYTHON.name])
    verdict = "reached" if milliseconds <= LONGEST_START else "missed"
    goal = f"at most {LONGEST_START} ms more"
    return ("command, 4 KiB: python -c pass", goal, f"{milliseconds:.0f} ms more", verdict)


# What a process of its own runs: it makes its input, counts, and says by how much its peak grew.
PEAK = """
import re, sys, doubles_ffi
from pathlib import Path

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
PEAK_ABOVE_INPUT = """
data = {data}
before = peak()
assert doubles_ffi.count_doubles(data) == len(data) - 1
print(peak() - before)
"""
PEAK_IN_ALL = """
path = Path(sys.argv[1], "sparse")
with path.open("wb") as file:
    file.truncate(100 << 30)
assert doubles_ffi.count_file(path) == (100 << 30) - 1
path.unlink()
print(peak())
"""
MEMORY = (
    (
        "peak memory, 1 GB of bytes",
        "8 MiB above the input",
        PEAK_ABOVE_INPUT.format(data='b"a" * 1_000_000_000'),
    ),
    (
        "peak memory, str of 500 M ASCII letters",
        "8 MiB above the input",
        PEAK_ABOVE_INPUT.format(data='"a" * 500_000_000'),
    ),
    ("peak memory, sparse file of 100 GiB", "64 MiB in all", PEAK_IN_ALL),
)


def memory_rows():
    """Return the rows of the targets for memory. Only Linux says what a process's peak is."""
    for work, limit, script in MEMORY:
        goal = f"under {limit}"
        if sys.platform != "linux":
            yield (work, goal, "", "not measured")
            continue
        print(work, file=sys.stderr)
        command = [sys.executable, "-c", PEAK + script, str(f.directory())]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        mebibytes = int(output) / 1024
        verdict = "reached" if mebibytes < int(limit.split()[0]) else "missed"
        yield (work, goal, f"{mebibytes:.1f} MiB", verdict)


def table(heads, rows):
    """Return a table in Markdown, numbers to the right."""
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in (heads, rule, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def case_table(group, result):
    """Return the times of a case, slowest first, and how they compare."""
    times = result.times
    peer = group.fastest_peer(times)
    limits = [c.name for c in group.contestants if c.role == model.LIMIT and c.name in times]
    ours = {c.name for c in group.contestants if c.role == model.OURS}
    has_rate = result.size >= WORTH_A_RATE
    heads = ["contestant", "time", *["GB/s"] * has_rate]
    heads += ["times the fastest peer"] * (peer is not None)
    heads += [f"of {limit}" for limit in limits]
    rows = []
    for name in sorted(times, key=times.get, reverse=True):
        time = times[name]
        cells = [f"**{name}**" if name in ours else name, duration(time)]
        if has_rate:
            cells.append(significant(result.size / time / 1e9))
        if peer:
            cells.append(significant(times[peer] / time))
        cells += [f"{significant(100 * times[limit] / time)} %" for limit in limits]
        rows.append(cells)
    return table(heads, rows)


def significant(number):
    """Return a number with the three digits that matter.

    >>> significant(1234.5), significant(20.0), significant(0.012345)
    ('1,230', '20', '0.0123')
    """
    return f"{float(f'{number:.3g}'):,g}"


def machine():
    """Return what ran this, as rows of a table."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rustc = subprocess.run(["rustc", "--version"], check=False, capture_output=True, text=True)
    pyo3 = re.search(r'name = "pyo3"\nversion = "(.*)"', (CRATE / "Cargo.lock").read_text())
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [
        ("processor", f"{model[1] if model else platform.processor()}, {cores} cores"),
        ("system", f"{platform.system()}, {platform.machine()}"),
        ("Python, NumPy", f"{python}, {np.__version__}"),
        ("Rust, PyO3", f"{rustc.stdout.strip()}, {pyo3[1]}"),
        ("date", f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"),
        ("command", f"`{COMMAND}`"),
    ]


INTRODUCTION = """\
# Benchmarks

All contestants of a race are started by one process and take turns on the same input; the best turn
of each counts. Each gives the right answer before it is timed. The peers are what users of PyO3
write, the limits do less than the work: they are in `tests/benchmarks/peers`. What is raced is
defined in `tests/benchmarks/groups.py` and `file_groups.py`. Ratios mean more than times, and above
1 is faster."""


REASONS = """\
Where a goal is out of reach, the reasons known so far:

- *200 KB.* In L2 the read is bound by loads, two a cache line. The count needs a third for the
  shifted operand and two shuffles beside it. Loading across lines instead of shuffling, for one
  line in four or more, and fetching ahead or not were tried: no better. On top come some 0.2 µs of
  the call.
- *250 and 500 bytes.* The count takes 7 and 10 ns, its call through cffi 100 and Python's way to it
  80, of which keyword-only arguments are 20. A call through PyO3 takes less than the first of
  these.
- *Cyrillic.* A third of the time goes into slicing the str, a half into widening it. PyO3's times
  are those of later calls, when CPython keeps the UTF-8 with the str; the first takes twice as
  long.
- *Random text.* On this processor the raw generator itself, on all threads, is fewer times as fast
  as the peers than the goal asks. What comes on top of it is in the last row. ChaCha8 would be a
  third faster, at a smaller margin of security.
- *A file, on all threads.* Two threads that only read are at the limit of the memory; one that
  also counts reads less of the time, and each block takes two turns of Python's lock.
- *A file as UTF-8.* Per thread and in the cache, these texts are validated at 28 GB/s and counted
  at 19, which is 12 for both. Reading and validating alone would go at some 21 GB/s on two
  threads, and the goal is at 17 to 19. A count of code points by hand was no faster: its loads
  cross cache lines.
- *The command.* From start to end it also loads itself, which takes Python 20 ms or more: as long
  as half a GB."""


def write(results, missing, directory):
    """Write the report, and its charts into the directory `benchmarks` beside it."""
    charts = directory / "benchmarks"
    charts.mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION, table(("", ""), machine())]
    if missing is not None:
        names = {
            c.name for g in groups.GROUPS for c in g.contestants if isinstance(c.function, str)
        }
        parts.append(f"Skipped: {', '.join(sorted(names))}. {missing}")
    rows = [target.row(results) for target in TARGETS]
    rows += [start_row(results), *memory_rows()]
    parts += ["## What is to be reached", table(("work: rival", "goal", "measured", ""), rows)]
    parts.append(REASONS)
    for group in groups.GROUPS:
        cases = results[group.name]
        draw(
            group,
            {label: result.times for label, result in cases.items()},
            charts / f"{group.name}.svg",
        )
        parts += [f"## {group.title}", group.note, f"![{group.title}](benchmarks/{group.name}.svg)"]
        for label, result in cases.items():
            parts += [f"### {label}"] if len(cases) > 1 else []
            parts.append(case_table(group, result))
    (directory / "benchmarks.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def main():
    peers, missing = None, None
    try:
        peers = load_peers()
    except PeersMissingError as error:
        missing = error
        print(f"without peers: {error}", file=sys.stderr)
    write(race_all(peers), missing, DOCS)


if __name__ == "__main__":
    main()
