"""The profiling lesson: making the input costs more than counting it.

The original program joined random letters one by one and counted their doubles. cProfile shows
where its time went; then the same program with `random_string`.

Usage: python examples/profile_generation.py [LENGTH]
"""

import cProfile
import pstats
import random
import string
import sys
from collections.abc import Callable

import doubles_ffi
from doubles_ffi import baselines


def original(length: int) -> int:
    """The whole program, as it was: make the text, count with the slowest counter."""
    text = join_random_choices(length)
    return baselines.count_doubles_zip(text)


def join_random_choices(length: int) -> str:
    """Make random letters the obvious way, one call per letter."""
    return "".join(random.choice(string.ascii_letters) for _ in range(length))


def rewritten(length: int) -> int:
    """The whole program, with the text made in Rust."""
    text = doubles_ffi.random_string(length)
    return baselines.count_doubles_zip(text)


def profile(function: Callable[[int], int], length: int) -> pstats.Stats:
    """Run `function` under cProfile, print its most costly calls, and return the statistics."""
    profiler = cProfile.Profile()
    profiler.runcall(function, length)
    print(f"--- {function.__name__}({length:,})")
    stats = pstats.Stats(profiler).strip_dirs().sort_stats("cumulative")
    stats.print_stats(8)
    return stats


def seconds_in(stats: pstats.Stats, name: str) -> float:
    """Return the time spent in calls of the function `name`, and in what it called."""
    return sum(row[3] for (_, _, function), row in stats.stats.items() if function == name)


def report(stats: pstats.Stats, maker: str) -> None:
    """Print how the making of the text compares with the count."""
    making, counting = seconds_in(stats, maker), seconds_in(stats, "count_doubles_zip")
    print(f"Making the text: {making:.4f} s. Counting, the slow way: {counting:.4f} s.")
    print(f"Making costs {making / counting:.2f} times the count.\n")


def main() -> None:
    """Profile both programs."""
    length = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report(profile(original, length), "join_random_choices")
    report(profile(rewritten, length), "random_string")


if __name__ == "__main__":
    main()
