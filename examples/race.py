"""Race the ladder: every counter on the same random letters, in turns, the best of five.

Usage: python examples/race.py [LENGTH]
"""

import sys
import time
from importlib.util import find_spec

import doubles_ffi
from doubles_ffi import baselines

RUNS = 5
RUNGS = {
    "Python: zip": baselines.count_doubles_zip,
    "Python: once": baselines.count_doubles_once,
    "Python: itertools.tee": baselines.count_doubles_itertools,
    "Python: comprehension": baselines.count_doubles_comprehension,
    "Python: regex": baselines.count_doubles_regex,
    "NumPy": baselines.count_doubles_numpy,
    "Rust: zip": doubles_ffi.count_doubles_zip,
    "Rust: once": doubles_ffi.count_doubles_once,
    "Rust: once_bytes": doubles_ffi.count_doubles_once_bytes,
    "Rust: slice": doubles_ffi.count_doubles_slice,
    "Rust: slice_parallel": doubles_ffi.count_doubles_slice_parallel,
    "count_doubles": doubles_ffi.count_doubles,
}


def main() -> None:
    """Print a table: milliseconds, and how many times as fast as the first rung."""
    if find_spec("numpy") is None:
        sys.exit("race.py: one of the counters needs NumPy: pip install numpy")
    text = doubles_ffi.random_string(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    best = dict.fromkeys(RUNGS, float("inf"))
    for _ in range(RUNS):
        for name, count in RUNGS.items():
            start = time.perf_counter()
            count(text)
            best[name] = min(best[name], time.perf_counter() - start)
    slowest = next(iter(best.values()))
    print(f"\n{len(text):,} random letters, a str, best of {RUNS}:\n")
    for name, seconds in best.items():
        print(f"  {name:<22} {seconds * 1e3:>9.3f} ms  {slowest / seconds:>8,.0f} x")


if __name__ == "__main__":
    main()
