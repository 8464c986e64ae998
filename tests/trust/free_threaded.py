"""Without a GIL, threads that share objects get right answers, from their first call on.

cd tests && python3.13t -m trust.free_threaded KIND SECONDS SEED
"""

import array
import contextlib
import itertools
import json
import math
import os
import pickle
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import wheels
from trust import no_gil
from trust.children import add_up, ask
from trust.facts import COUNTS, DATA, FACTS, LONGEST, OF_DATA, ROWS, RUNS, SQUEEZED, TEXT
from trust.interpreters import tests_passed
from trust.model import PACKAGE, SYSTEM, Figure

import doubles_ffi as d

GOAL = "all tests, 500 first uses from 4 threads at once, 3 minutes of each kind of shared object"
HOURS = 0.5
COVERS = (*SYSTEM, *PACKAGE, ":!doubles_ffi/cli")
FIRST_USES, SECONDS, THREADS = 500, 180, 4

# Seconds that all tests take about.
TESTS_TAKE = 300


def run(seconds, earlier):
    end = time.monotonic() + seconds
    room = no_gil.room(wanted=math.isinf(seconds))
    first, tests = earlier.get("first", 0), earlier.get("tests")
    left = max(end - time.monotonic(), 30)
    first += first_uses(room.python, FIRST_USES - first, left / 3)

    def is_enough(_, times):
        return min(times.values()) >= SECONDS

    what = f"calls on {len(KINDS)} kinds of shared objects"
    how = {"what": what, "is_enough": is_enough, "python": room.python}
    stress = add_up("free_threaded", KINDS, left / 3, earlier, **how)
    if tests is None and time.monotonic() + TESTS_TAKE < end:
        tests = tests_passed(room, PYTHON_GIL="0")
    version = wheels.run(room.python, "-VV").strip()
    return Figure(
        f"{first} first uses, {stress.text}",
        passed=True,
        reached=bool(tests) and first >= FIRST_USES and stress.reached,
        details=f"{version}, tests: {tests or 'not run'}, {stress.details}",
        state=stress.state | {"first": first, "tests": tests},
    )


def first_uses(python, number, seconds):
    """Let threads of new processes use the library first at once; return how many processes."""
    end = time.monotonic() + seconds

    def first_use(index):
        if index and time.monotonic() > end:
            return False
        seed = random.getrandbits(32)
        ask("trust.free_threaded", "facts", 0, seed, seconds=0, python=python)
        return True

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(first_use, range(number)))


def threads(seconds, *actions):
    """Call each action in a thread of its own until the time is over; return how many calls."""
    barrier, calls, errors = threading.Barrier(len(actions)), [0] * len(actions), []
    end = time.monotonic() + seconds

    def work(number):
        barrier.wait()
        try:
            while not calls[number] or (time.monotonic() < end and not errors):
                actions[number]()
                calls[number] += 1
        except BaseException as error:  # noqa: BLE001 (raised below, in the main thread)
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(len(actions))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return sum(calls)


def facts(seconds):
    """Ask for each fact in an order of its own on each thread."""

    def ask_all():
        for fact in random.sample(FACTS, len(FACTS)):
            assert fact()

    return threads(seconds, *[ask_all] * THREADS)


def resized(seconds):
    """Count and search buffers while another thread resizes and writes them."""
    data, numbers = bytearray(b"a" * 1000), array.array("B", b"a" * 1000)
    sizes = (0, 1, 100, 1000, 70_000, 2_000_000)

    def change():
        size = random.choice(sizes)
        for buffer in (data, numbers):
            with contextlib.suppress(BufferError, IndexError):
                buffer[random.randrange(1000)] = 97
                del buffer[size:]
                buffer.extend(b"a" * (size - len(buffer)))

    def count():
        for buffer in (data, numbers):
            assert 0 <= d.count_doubles(buffer) < sizes[-1]
            assert 0 <= d.tally_doubles(buffer)[97] < sizes[-1]
            assert len(d.squeeze_doubles(buffer)) <= 1
            assert sum(length for _, length, _ in d.find_doubles(buffer)) <= sizes[-1]

    return threads(seconds, change, *[count] * (THREADS - 1))


def counter(seconds):
    """Update one counter from all threads, while it is copied, read and added up."""
    shared = d.DoubleCounter(encoding="utf-8", tally=True)
    chunk, updates = "жж".encode() * 10, itertools.count()

    def update():
        for _ in range(50):
            shared.update(chunk)
            next(updates)
        copy = random.choice([shared.copy, lambda: pickle.loads(pickle.dumps(shared))])()
        assert copy.tally == {"ж": copy.count}
        assert (shared + copy).count >= 2 * copy.count + 1
        assert copy == copy.copy()

    calls = threads(seconds, *[update] * THREADS)
    units = 20 * next(updates)
    assert (shared.length, shared.count) == (units, units - 1)
    return calls


def results(seconds):
    """Read, slice, export and pickle results of each type from all threads."""
    shared = (
        (d.find_runs(TEXT), RUNS),
        (d.count_each(ROWS), COUNTS),
        (d.longest_each(ROWS), LONGEST),
        (d.squeeze_each(ROWS), SQUEEZED),
    )

    def read():
        result, known = random.choice(shared)
        place = random.randrange(len(known))
        assert result[place] == known[place]
        assert result[place : place + 50].tolist() == known[place : place + 50]
        assert result[place::7].tolist() == known[place::7]
        assert pickle.loads(pickle.dumps(result[:place])) == result[:place]
        assert result.__arrow_c_array__()
        assert repr(result).startswith(type(result).__name__)
        runs, counts = shared[0][0], shared[1][0]
        assert numpy.asarray(runs).size == runs.length.size == len(RUNS)
        assert numpy.asarray(counts).size == len(COUNTS)

    return threads(seconds, *[read] * THREADS)


def changing(seconds):
    """Use one list as a column while another thread changes it."""
    column = [*ROWS]

    def change():
        with contextlib.suppress(IndexError):
            column[random.randrange(len(ROWS))] = random.choice(ROWS)
            column.pop()
        column.extend(random.sample(ROWS, random.randrange(3)))

    def use():
        with contextlib.suppress(IndexError):  # As in any loop over a list that shrinks.
            assert {*d.count_each(column)} <= {*COUNTS}
            assert {*d.longest_each(column)} <= {*LONGEST}
            assert {*d.squeeze_each(column)} <= {*SQUEEZED}
            assert {run.length for run in d.find_each(column)} <= {*LONGEST}

    return threads(seconds, change, *[use] * (THREADS - 1))


def memory(seconds):
    """Fill one buffer from all threads, and count it and one file."""
    room = bytearray(100_000)

    def fill():
        d.fill_random(room, alphabet="ab")
        assert 0 <= d.count_doubles(room) < len(room)

    with tempfile.NamedTemporaryFile() as file:
        file.write(DATA * 50)
        file.flush()

        def count():
            assert d.count_file(file.name) == 50 * OF_DATA

        return threads(seconds, fill, fill, count, count)


KINDS = {kind.__name__: kind for kind in (facts, resized, counter, results, changing, memory)}


def main(kind, seconds, seed):
    assert not sys._is_gil_enabled()
    random.seed(int(seed))
    print(json.dumps(KINDS[kind](float(seconds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
