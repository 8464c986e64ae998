"""The goals, from targets.csv, which also has the reasons for them.

The columns: the work and its rival as they are shown; how they are measured; the group, the case
(none: all) and the contestant of ours; how the names of its rivals begin, of which the fastest
counts; the goals, by kernel, and for Zen 5 where that differs; and why it is missed, which is shown
only where it is.

A processor is called as in results.py: "Zen 5, avx512".
"""

import csv
from pathlib import Path
from statistics import geometric_mean
from typing import NamedTuple

# How to measure: how many times as fast as the rival, in the worst case or in the mean of all.
WORST, MEAN = "worst", "mean"
# Or how many milliseconds more than the rival it takes, or memory, for which there is no rival.
MILLISECONDS, MEMORY = "ms more", "MiB"


class Target(NamedTuple):
    work: str
    measure: str
    group: str
    case: str
    ours: str
    rival: str
    avx2: str
    avx512: str
    zen_5: str
    reason: str

    def goal(self, cpu):
        if not cpu.endswith("avx512"):
            return float(self.avx2)
        return float((cpu.startswith("Zen 5") and self.zen_5) or self.avx512)

    def measured(self, data):
        """Return what was measured, and the label of the case; None for what was not."""
        if self.measure == MEMORY:
            return (data["memory"][self.ours], "") if self.ours in data["memory"] else None
        found = {}
        for label, case in data["groups"].get(self.group, {}).items():
            ours = case["seconds"].get(self.ours)
            rivals = [t for name, t in case["seconds"].items() if name.startswith(self.rival)]
            if ours and rivals and self.case in {"", label}:
                rival = min(rivals)
                found[label] = rival / ours if self.is_ratio else 1e3 * (ours - rival)
        if self.measure == MEAN and found:
            return geometric_mean(found.values()), ""
        worst = min(found, key=found.get, default=None)
        return found and (found[worst], worst if len(found) > 1 else "")

    @property
    def is_ratio(self):
        return self.measure in {WORST, MEAN}

    def is_reached(self, number, cpu):
        goal = self.goal(cpu)
        return number >= goal if self.is_ratio else number <= goal

    def show(self, number):
        """Return a number as text: a percentage if the lowest goal is less than 1."""
        if not self.is_ratio:
            return f"{number:.3g} {self.measure}"
        return f"{100 * number:.0f} %" if float(self.avx2) < 1 else f"{significant(number)} x"


def significant(number):
    """Return a number with the three digits that matter.

    >>> significant(1234.5), significant(20.0), significant(0.012345)
    ('1,230', '20', '0.0123')
    """
    return f"{float(f'{number:.3g}'):,g}"


with Path(__file__).with_name("targets.csv").open(encoding="utf-8", newline="") as file:
    rows = csv.reader(file, delimiter=";", skipinitialspace=True)
    next(rows)
    TARGETS = [Target(*row) for row in rows]
