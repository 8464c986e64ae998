"""Draw the times of a group: horizontal bars, for a phone's width and for light and dark pages."""

import itertools
from math import log

from benchmarks.groups import GROUPS
from benchmarks.model import BASELINE, LADDER, LIMIT, OURS, PEER

# A page may be light or dark: the chart brings its own ground.
GROUND = "#ffffff"
INK = "#1f2328"
COLOURS = {
    BASELINE: "#9aa1a9",
    LADDER: "#5f9e8f",
    PEER: "#2f6fb5",
    OURS: "#c2410c",
    LIMIT: "#343a40",
}

# Inches. A phone shows the width at about its size, so that points are points.
WIDTH = 4.6
ROW = 0.33
HEAD = 0.55

# Of a group with many inputs the first are drawn; the tables have all.
CASES = 2

# The shortest bar, as a part of the longest: on a logarithmic scale none would have no length.
SHORTEST = 0.04


def draw(name, data, path):
    """Draw the times of the first cases of a group."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Equal times give equal files.
    mpl.rcParams["svg.hashsalt"] = "doubles_ffi"
    mpl.rcParams["svg.fonttype"] = "none"  # Text stays text, in a font that the reader has.
    mpl.rcParams["font.size"] = 10
    group = next(group for group in GROUPS if group.name == name)
    cases = dict(itertools.islice(data["groups"][name].items(), CASES))
    rows = [len(group.contenders(case["seconds"])) for case in cases.values()]
    figure = Figure(
        figsize=(WIDTH, sum(HEAD + ROW * n for n in rows)), facecolor=GROUND, layout="constrained"
    )
    panels = figure.subplots(len(rows), squeeze=False, height_ratios=[HEAD + ROW * n for n in rows])
    for axes, (label, case) in zip(panels.flat, cases.items()):
        draw_panel(
            axes, f"{group.title}: {label}", group.contenders(case["seconds"]), case["seconds"]
        )
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def draw_panel(axes, title, contestants, seconds):
    """Draw a bar per contestant, slowest first, its name and its time above it."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(contestants), 0)
    axes.set_title(f"{title}, logarithmic", loc="left", color=INK, size=10)
    times = [seconds[contestant.name] for contestant in contestants]
    scale = (1 - SHORTEST) / (log(max(times) / min(times)) or 1)
    for row, (contestant, time) in enumerate(zip(contestants, times)):
        colour = COLOURS[contestant.role]
        is_ours = contestant.role == OURS
        style = {"weight": "bold" if is_ours else "normal", "color": colour if is_ours else INK}
        axes.text(0, row + 0.48, contestant.name, **style)
        axes.text(1, row + 0.48, duration(time), ha="right", **style)
        axes.barh(row + 0.76, SHORTEST + scale * log(time / min(times)), height=0.22, color=colour)


def duration(seconds):
    """Return a time in the unit that suits it.

    >>> duration(1.234), duration(0.0567), duration(1.2e-7)
    ('1.23 s', '56.7 ms', '120 ns')
    """
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:#.3g} {unit}".replace(". ", " ")
    return f"{seconds * 1e9:.0f} ns"
