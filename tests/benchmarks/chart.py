"""One chart per group: horizontal bars, for a phone's width and for light and dark pages."""

from benchmarks import model

# A page may be light or dark: the chart brings its own ground.
GROUND = "#ffffff"
INK = "#1f2328"
COLOURS = {
    model.BASELINE: "#9aa1a9",
    model.LADDER: "#5f9e8f",
    model.PEER: "#2f6fb5",
    model.OURS: "#c2410c",
    model.LIMIT: "#343a40",
}

# More panels than this are too many to scroll through; the tables have all cases.
MOST_PANELS = 5

# Inches. A phone shows the width at about its size, so that points are points.
WIDTH = 4.6
ROW = 0.33
PANEL_HEAD = 0.5
HEAD = 0.75
FOOT = 0.1

# The shortest bar, as a part of the longest: on a logarithmic scale none would have no length.
SHORTEST = 0.04


def draw(group, results, path):
    """Draw the times of a group's cases, `results[label][contestant]` in seconds."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The same times shall give the same file.
    mpl.rcParams["svg.hashsalt"] = "doubles_ffi"
    mpl.rcParams["svg.fonttype"] = "none"  # Text stays text, in a font that the reader has.
    mpl.rcParams["font.size"] = 10
    panels = [(case.label, results[case.label]) for case in group.cases[:MOST_PANELS]]
    heights = [PANEL_HEAD + ROW * len(times) for _, times in panels]
    height = HEAD + sum(heights) + FOOT
    figure = Figure(figsize=(WIDTH, height), facecolor=GROUND)
    figure.text(0.03, 1 - 0.28 / height, group.title, size=13, weight="bold", color=INK)
    draw_legend(figure, group, height)
    top = height - HEAD
    for (label, times), panel_height in zip(panels, heights):
        box = (0.03, (top - panel_height) / height, 0.94, panel_height / height)
        draw_panel(figure.add_axes(box), group, label, times)
        top -= panel_height
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def draw_legend(figure, group, height):
    left = 0.03
    roles = {contestant.role for contestant in group.contestants}
    for role, colour in COLOURS.items():
        if role in roles:
            y = 1 - 0.55 / height
            figure.text(left, y, "\N{BLACK SQUARE}", color=colour)
            figure.text(left + 0.04, y, role, color=INK)
            left += 0.085 + 0.019 * len(role)


def draw_panel(axes, group, label, times):
    """Draw a bar per contestant, slowest first, its name and its time above it."""
    from math import log

    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(times), -PANEL_HEAD / ROW)
    axes.text(0, -0.35, f"{label}, best time, logarithmic", color=INK, style="italic")
    roles = {contestant.name: contestant.role for contestant in group.contestants}
    slowest, fastest = max(times.values()), min(times.values())
    scale = (1 - SHORTEST) / (log(slowest / fastest) or 1)
    for row, name in enumerate(sorted(times, key=times.get, reverse=True)):
        role = roles[name]
        weight = "bold" if role == model.OURS else "normal"
        text = {"y": row + 0.48, "color": COLOURS[role] if role == model.OURS else INK}
        axes.text(x=0, s=name, weight=weight, **text)
        axes.text(x=1, s=duration(times[name]), ha="right", weight=weight, **text)
        length = SHORTEST + scale * log(times[name] / fastest)
        axes.barh(row + 0.76, length, height=0.22, color=COLOURS[role])


def duration(seconds):
    """Return a time in the unit that suits it.

    >>> duration(1.234), duration(0.0567), duration(1.2e-7)
    ('1.23 s', '56.7 ms', '120 ns')
    """
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:#.3g} {unit}".replace(". ", " ")
    return f"{seconds * 1e9:.0f} ns"
