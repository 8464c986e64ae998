"""The definitions, spelled out: the oracles that everything is held against."""

import itertools
from collections import Counter


def count(units):
    total = 0
    for i in range(1, len(units)):
        if units[i - 1] == units[i]:
            total += 1
    return total


def tally(units):
    return Counter(units[i] for i in range(1, len(units)) if units[i - 1] == units[i])


def runs(units, least=2):
    """Return start, length and unit of each run of at least some units."""
    found, start = [], 0
    for unit, run in itertools.groupby(units):
        length = len(list(run))
        if length >= least:
            found.append((start, length, unit))
        start += length
    return found


def longest(units):
    """Return the first of the longest runs, or None if there is no unit."""
    return max(runs(units, 1), key=lambda run: run[1], default=None)


def squeezed(units, most=1, only=lambda _: True):
    """Return the units without those that come after the first `most` of their run."""
    groups = itertools.groupby(units)
    kept = (itertools.islice(run, min(most, 10**9)) if only(unit) else run for unit, run in groups)
    return list(itertools.chain.from_iterable(kept))
