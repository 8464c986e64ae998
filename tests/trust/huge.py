"""Counts are exact however much there is to count, and memory stays flat.

cd tests && python -m trust.huge CASE POWER
"""

import contextlib
import json
import mmap
import os
import resource
import sys
import tempfile
import time

import numpy
import pyarrow
from trust.children import ask
from trust.model import PRODUCT, Figure

import doubles_ffi
from doubles_ffi import DoubleCounter, count_doubles, count_each, count_file

GOAL = "2^31, 2^32, 2^33 and 2^36 units, exact, in less than 64 MiB"
HOURS = 0.15
COVERS = (*PRODUCT, ":!doubles_ffi/cli")
POWERS = (31, 32, 33, 36)

# MiB that a count may take, besides what Python takes.
MOST = 64

# Where the numbers of bits end, and a byte on either side.
MARKS = [(1 << power) + place for power in POWERS for place in (-1, 0)]


def run(seconds, earlier):
    end = time.monotonic() + seconds
    peak, done = earlier.get("peak", 0), earlier.get("done", {})
    cases = [(case, power) for power in POWERS for case in CASES if power <= MOST_POWER[case]]
    for case, power in cases:
        if case in done.get(str(power), ()):
            continue
        if done and time.monotonic() >= end:
            break
        left = end - time.monotonic()
        peak = max(peak, ask("trust.huge", case, power, seconds=max(left, 0) + 3600))
        done.setdefault(str(power), []).append(case)
    shown = "; ".join(f"2^{power}: {', '.join(names)}" for power, names in done.items())
    is_whole = sum(map(len, done.values())) == len(cases)
    text = f"exact up to 2^{max(done)} units, in at most {peak} MiB"
    state = {"peak": peak, "done": done}
    return Figure(text, passed=peak < MOST, reached=is_whole, details=shown, state=state)


@contextlib.contextmanager
def sparse_memory(size):
    """Zeros that take no memory, with pairs of marks where numbers might overflow."""
    no_reserve = 0x4000  # Python has no name for MAP_NORESERVE before 3.13.
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve
    with mmap.mmap(-1, size, flags=flags) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        for place in MARKS:
            if place < size:
                memory[place] = ord("x")
        yield memory


@contextlib.contextmanager
def sparse_file(size):
    """Yield the name of a sparse file with the same marks. Only its written pages use memory."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        os.truncate(file.fileno(), size)
        for place in MARKS:
            if place < size:
                os.pwrite(file.fileno(), b"x", place)
        yield file.name


def expected(size):
    """Return how many doubles each byte makes."""
    pairs = sum(place + 1 < size for place in MARKS[::2])  # Those that are not cut at the end.
    marks = sum(place < size for place in MARKS)
    # Between the marks are stretches of zeros. Each has one double fewer than it has bytes.
    stretches = 1 + sum(place + 1 < size for place in MARKS[1::2])
    return {0: size - marks - stretches, ord("x"): pairs}


def in_memory(count):
    def case(size):
        with sparse_memory(size) as memory:
            assert count(memory) == sum(expected(size).values())

    return case


def with_length(size):
    with sparse_memory(size) as memory:
        counter = DoubleCounter(memory)
        both = counter + counter
        double = sum(expected(size).values())
        assert (counter.count, counter.length) == (double, size)
        meet = memory[size - 1] == memory[0]
        assert (both.count, both.length) == (2 * double + meet, 2 * size)


def tally(size):
    with sparse_memory(size) as memory:
        found = doubles_ffi.tally_doubles(memory)
        assert found == {unit: times for unit, times in expected(size).items() if times}


def in_file(**options):
    def case(size):
        with sparse_file(size) as file:
            assert count_file(file, **options) == sum(expected(size).values())

    return case


def column(size):
    """Two rows, the second of which begins beyond the first."""
    with sparse_memory(size) as memory:
        offsets = pyarrow.py_buffer(numpy.array([0, 7, size], numpy.int64))
        buffers = [None, offsets, pyarrow.foreign_buffer(address(memory), size, memory)]
        rows = pyarrow.Array.from_buffers(pyarrow.large_string(), 2, buffers)
        first, second = count_each(rows)
        assert first == 6
        assert second == sum(expected(size).values()) - 7
        del rows, buffers


def runs(size):
    """Find the stretches between the marks, and the longest of them."""
    with sparse_memory(size) as memory:
        found = doubles_ffi.find_runs(memory)
        assert sum(length - 1 for length in found.length.tolist()) == sum(expected(size).values())
        longest = max(found, key=lambda run: (run.length, -run.start))
        assert doubles_ffi.longest_run(memory) == longest


def squeeze(size):
    with sparse_memory(size) as memory:
        squeezed = doubles_ffi.squeeze_doubles(memory, most=2)
        pairs = expected(size)[ord("x")]
        assert squeezed.replace(b"\0\0", b"\0").startswith(b"\0" + b"xx\0" * pairs)
        assert len(squeezed) < 100


def address(memory):
    return numpy.frombuffer(memory, numpy.uint8).ctypes.data


CASES = {
    "bytes": in_memory(count_doubles),
    "UTF-8": in_memory(lambda memory: count_doubles(memory, encoding="utf-8")),
    "counter": with_length,
    "column": column,
    "slice_parallel": in_memory(doubles_ffi.count_doubles_slice_parallel),
    "slice": in_memory(doubles_ffi.count_doubles_slice),
    "once_bytes": in_memory(doubles_ffi.count_doubles_once_bytes),
    "tally": tally,
    "runs": runs,
    "squeeze": squeeze,
    "file": in_file(),
    "file of UTF-8": in_file(encoding="utf-8"),
}

# The slow ones would take minutes for the last, and what is squeezed has room for all.
MOST_POWER = dict.fromkeys(CASES, 36) | {"slice": 33, "once_bytes": 33, "tally": 32, "squeeze": 32}


def main(case, power):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    CASES[case]((1 << int(power)) + 3)  # A little beyond.
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps((after - before) // 1024))


if __name__ == "__main__":
    main(*sys.argv[1:])
