"""How two Python threads scale against one, with a GIL and without it, into docs/benchmarks.md.

    cd tests && python -m benchmarks.two_threads

A free-threaded CPython is switched to either. `tests/trust/no_gil.py` makes it, with a wheel.
"""

import functools
import json
import sys
import threading
import time
from itertools import repeat

from trust import children, no_gil

from doubles_ffi import count_doubles

# Bytes of the input of one call, and how many threads of the library one call may use.
CASES = {
    "8 bytes": (8, None),
    "1 kB": (1000, None),
    "100 kB": (100_000, None),
    "10 MB": (10_000_000, None),
    "10 MB, `threads=1`": (10_000_000, 1),
}

# Bytes that a thread counts between two looks at the clock, as far as calls are not too many.
BATCH, MOST_CALLS = 10_000_000, 5000

# Seconds of a measurement, and how often each is repeated. The fastest counts.
SECONDS, TIMES = 1.0, 5


def main():
    from benchmarks import report, results  # Not in the other Python, which lacks what they need.

    python, module = no_gil.room().python, "benchmarks.two_threads"
    seconds = {}
    for gil in ("1", "0"):
        answer = children.ask(module, gil, seconds=600, python=python, PYTHON_GIL=gil)
        for case, found in answer["seconds"].items():
            seconds[case] = seconds.get(case, []) + found
    machine = results.machine(1) | {"Python": f"CPython {answer['version']}"}
    machine["command"] = f"`cd tests && python -m {module}`"
    results.save(results.read() | {"threads": {"machine": machine, "seconds": seconds}})
    report.main([])


def measure():
    """Return for each case the seconds a call that one thread takes, and two together."""
    seconds = {}
    for case, (size, limit) in CASES.items():
        count = count_doubles if limit is None else functools.partial(count_doubles, threads=limit)
        # In turns, so that both meet the same machine.
        rates = [[calls_a_second(count, size, threads) for threads in (1, 2)] for _ in range(TIMES)]
        seconds[case] = [1 / max(of_one_number) for of_one_number in zip(*rates)]
    return seconds


def calls_a_second(count, size, threads):
    """Return how many calls threads make together; each has an input of its own."""
    batch = max(1, min(BATCH // size, MOST_CALLS))
    begin, calls = threading.Barrier(threads), []

    def work():
        data = bytes(bytearray(b"ab" * (size // 2)))
        begin.wait()
        done, start = 0, time.perf_counter()
        end = start + SECONDS
        while time.perf_counter() < end:
            for _ in repeat(None, batch):
                count(data)
            done += batch
        calls.append(done / (time.perf_counter() - start))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(calls)


if __name__ == "__main__":
    if sys.argv[1:]:
        assert sys._is_gil_enabled() == (sys.argv[1] == "1")
        version = sys.version.partition(" ")[0] + "t"
        print(json.dumps({"version": version, "seconds": measure()}))
    else:
        main()
