"""Ctrl-C stops any count, and the command without a traceback, at any moment.

cd tests && python -m trust.interrupts functions|command SECONDS SEED
"""

import contextlib
import faulthandler
import io
import json
import mmap
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

import numpy
import pyarrow
from trust.children import ask, rounds
from trust.model import ROOT, WITHOUT_KERNELS, Figure

import doubles_ffi as d

GOAL = "1,000 interrupts of each, no traceback, p99 below 50 ms"
HOURS = 0.6
COVERS = WITHOUT_KERNELS
EACH = 1000
P99 = 0.050

# Seconds after which an interrupt counts as lost, on a machine with any load.
PATIENCE = 30

# Seconds within which it comes: in the first call, or in one after it.
SOON = 0.04

COMMAND = Path(d.__file__).with_name("cli") / "doubles"


def run(seconds, earlier):
    found = {part: Counter(earlier.get(part)) for part in ("functions", "command")}
    own_start = 0
    parts = [(part, is_loaded) for part in found for is_loaded in (False, True)]
    times = {part: [] for part in parts}
    for (part, is_loaded), each, seed in rounds(parts, seconds):
        with load(is_loaded):
            answer = ask("trust.interrupts", part, each, seed, seconds=each)
        own_start += answer["in Python's own start"]
        for name, latencies in answer["seconds"].items():
            found[part][name] += len(latencies)
            times[part, is_loaded] += latencies
        if all(min(numbers.values()) >= EACH for numbers in found.values() if numbers):
            break
    shown = [
        f"{len(found[part])} {'commands' if part == 'command' else part}"
        f"{' with every core busy besides' if is_loaded else ''}: {distribution(latencies)}"
        for (part, is_loaded), latencies in times.items()
        if latencies
    ]
    details = "; ".join(shown) + f"; {own_start} tracebacks in the interpreter's own start"
    total = sum(numbers.total() for numbers in found.values())
    text = f"{total:,} interrupts, no traceback of ours"
    fewest = min(min(numbers.values()) for numbers in found.values() if numbers)
    slowest = max(earlier.get("p99", 0), *(p99(times[part, False]) for part in found))
    reached = fewest >= EACH and slowest < P99
    state = {**found, "p99": slowest}
    return Figure(text, passed=True, reached=reached, details=details, state=state)


def p99(latencies):
    return sorted(latencies)[int(0.99 * len(latencies))]


def distribution(latencies):
    numbers = (statistics.median(latencies), p99(latencies), max(latencies))
    p50, high, most = (f"{1000 * number:.3g}" for number in numbers)
    return f"{len(latencies):,} interrupts, p50 {p50} ms, p99 {high}, max {most}"


@contextlib.contextmanager
def load(is_loaded):
    """Keep every core busy."""
    command = [sys.executable, "-c", "while True: pass"]
    number = os.cpu_count() if is_loaded else 0
    burners = [subprocess.Popen(command) for _ in range(number)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def functions(folder):
    """Return what is interrupted: each takes longer than anyone waits, or is called in a loop."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    endless = mmap.mmap(-1, 1 << 40, flags=flags, prot=mmap.PROT_READ)
    sparse = folder / "sparse"
    sparse.touch()
    os.truncate(sparse, 1 << 40)
    invalid = bytes(200 << 20) + b"\xff"
    invalid_file = folder / "invalid"
    invalid_file.write_bytes(invalid)
    latin, wide = "é" * (100 << 20), "ж" * (20 << 20)
    utf16 = wide.encode("utf-16")
    rows = ["hello", None, "жж"] * 1_000_000
    wrong_row = [*rows, 7]
    arrow = pyarrow.array(rows)
    strings = numpy.array(["hello", "aa"] * 500_000)
    room = bytearray(64 << 20)
    full = d.DoubleCounter(bytes(1000) * 1000, tally=True)
    reading, _ = os.pipe()  # Nobody writes.
    pipe = os.fdopen(reading, "rb", buffering=0)

    def refused(function, *arguments, **options):
        def call():
            with contextlib.suppress(UnicodeDecodeError, TypeError):
                function(*arguments, **options)

        return call

    return {
        "count bytes": lambda: d.count_doubles(endless),
        "count bytes, 1 thread": lambda: d.count_doubles(endless, threads=1),
        "count UTF-8": lambda: d.count_doubles(endless, encoding="utf-8"),
        "count UTF-16": lambda: d.count_doubles(utf16, encoding="utf-16"),
        "count Latin-1 str": lambda: d.count_doubles(latin),
        "count UCS-2 str": lambda: d.count_doubles(wide),
        "count invalid UTF-8": refused(d.count_doubles, invalid, encoding="utf-8"),
        "tally bytes": lambda: d.tally_doubles(endless),
        "tally str": lambda: d.tally_doubles(wide),
        "longest run of bytes": lambda: d.longest_run(endless),
        "longest run of a str": lambda: d.longest_run(wide),
        "counter": lambda: d.DoubleCounter(endless),
        "counter of UTF-8": lambda: d.DoubleCounter(encoding="utf-8").update(endless),
        "counter of invalid UTF-8": refused(d.DoubleCounter, invalid, encoding="utf-8"),
        "find runs, all of them": lambda: d.find_runs(latin),
        "find one run": lambda: d.find_runs(endless),
        "find doubles": lambda: deque(d.find_doubles(wide), 0),
        "squeeze bytes": lambda: d.squeeze_doubles(invalid),
        "squeeze a str": lambda: d.squeeze_doubles(latin),
        "add counters": lambda: full + full,
        "rows": lambda: d.count_each(rows),
        "rows, one of them wrong": refused(d.count_each, wrong_row),
        "Arrow": lambda: d.count_each(arrow),
        "longest of rows": lambda: d.longest_each(rows),
        "longest of Arrow": lambda: d.longest_each(arrow),
        "runs of rows": lambda: d.find_each(rows),
        "runs of Arrow": lambda: d.find_each(arrow),
        "squeeze rows": lambda: d.squeeze_each(rows),
        "squeeze Arrow": lambda: d.squeeze_each(arrow),
        "NumPy": lambda: d.count_each(strings),
        "file": lambda: d.count_file(sparse),
        "file, 1 thread": lambda: d.count_file(sparse, threads=1),
        "file of UTF-8": lambda: d.count_file(sparse, encoding="utf-8"),
        "file of UTF-16": lambda: d.count_file(sparse, encoding="utf-16-le"),
        "file of invalid UTF-8": refused(d.count_file, invalid_file, encoding="utf-8"),
        "file in memory": lambda: d.count_file(io.BytesIO(invalid)),
        "pipe": lambda: d.count_file(pipe),
        "tally of a file": lambda: d.tally_file(sparse),
        "random string": lambda: d.random_string(64 << 20),
        "fill": lambda: d.fill_random(room),
    }


def interrupt_functions(end, folder):
    """Interrupt each function in turn, and return how long each took to stop."""
    calls = functions(folder)
    sys.unraisablehook = lambda lost: print(lost, file=sys.stderr)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    found = {name: [] for name in calls}
    while not all(found.values()) or time.monotonic() < end:
        for name, call in calls.items():
            # A read of an empty pipe that Python begins just after it has looked for signals waits
            # for the next one, in any program. So there is a second press, which shows in the time.
            again = 1 if name == "pipe" else 0
            found[name].append(seconds_to_stop(call, again))
            assert d.count_doubles("жж" * 10_000) == 20_000 - 1  # The next call works.
    return {"seconds": found, "in Python's own start": 0}


def seconds_to_stop(call, again):
    delay = random.uniform(1e-4, SOON)
    due = time.monotonic() + delay
    faulthandler.dump_traceback_later(delay + PATIENCE, exit=True)  # Of all threads.
    try:
        signal.setitimer(signal.ITIMER_REAL, delay, again)
        while True:
            call()
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        return max(time.monotonic() - due, 0)


def commands(folder):
    """Return what is interrupted, and what its standard input is."""
    sparse, letters = folder / "sparse", folder / "letters"
    sparse.touch()
    os.truncate(sparse, 1 << 40)
    letters.write_text("aa" * 1000)
    (folder / "list").write_text(f"{letters}\n" * 100_000)
    return {
        "count": ["count", sparse],
        "count --tally --json": ["count", "--tally", "--json", letters, sparse],
        "count --encoding": ["count", "--encoding", "utf-16", sparse],
        "count a missing file": ["count", folder / "missing", sparse],
        "count many files": ["count", "--files-from", folder / "list"],
        "count -r -z --progress": ["count", "-r", "-z", "--progress=always", folder],
        "count one letter": ["count", letters],
        "squeeze": ["squeeze", letters, sparse],
        "random": ["random", "1T"],
        "completions": ["completions", "bash"],
        "--help": ["--help"],
        "wrong usage": ["count", "--top", "0"],
    }


# The line of the script from which on Ctrl-C gives no traceback.
SCRIPT = COMMAND.read_text("utf-8")
FIRST_LINE = SCRIPT.partition("from doubles_ffi.cli import main")[0].count("\n")

# Without `site`: of an editable install it loads modules, and there it drops a KeyboardInterrupt.
PACKAGES = sysconfig.get_path("platlib")

# A standard input where nobody writes.
NOTHING, _writing = os.pipe()

# What the command complains of itself.
COMPLAINTS = (": No such file or directory\n", "error: argument")


def interrupt_commands(end, folder):
    """Press Ctrl-C in the command, from its start to its end."""
    found = {name: [] for name in commands(folder)}
    own_start, is_first = 0, True
    lifetime = 0.3  # seconds that a short one takes, smoothed
    while is_first or time.monotonic() < end:
        is_first = False
        for name, arguments in commands(folder).items():
            start = time.monotonic()
            process, seconds, errors = press(arguments, random.uniform(0, 1.2 * lifetime))
            if process.returncode == -signal.SIGINT:
                found[name].append(seconds)
            elif process.returncode >= 0:
                lifetime += (time.monotonic() - start - lifetime) / 8
            if re.search("KeyboardInterrupt|Traceback|Exception ignored|Fatal", errors):
                if not is_before_ours(errors):
                    raise AssertionError(f"{name}: {errors}")
                own_start += 1
            elif process.returncode not in {0, -signal.SIGINT}:
                assert process.returncode == 2, (name, process.returncode, errors)
                assert any(complaint in errors for complaint in COMPLAINTS), (name, errors)
    return {"seconds": found, "in Python's own start": own_start}


def is_in_own_start(pid):
    """Return whether a process may be in Python's own start: it has not loaded the library.

    There Python may drop a KeyboardInterrupt without a word, as where it looks for zipimport. From
    the command's first line until the library is loaded, the signal ends the process at once.
    """
    try:
        return "libdoubles" not in Path(f"/proc/{pid}/maps").read_text()
    except OSError:  # It has ended.
        return False


def is_before_ours(errors):
    """Return whether a traceback is of Python's own start, before the script did anything."""
    lines = re.findall(rf'File "{COMMAND}", line (\d+)', errors)
    is_package = f'File "{COMMAND.parents[1]}{os.sep}' in errors.replace(str(COMMAND), "")
    return not is_package and all(int(line) < FIRST_LINE for line in lines)


def press(arguments, delay):
    """Run the command, press Ctrl-C, and return how long it took to end and what it said."""
    with subprocess.Popen(
        [sys.executable, "-S", COMMAND, *arguments],
        stdin=NOTHING,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), PACKAGES])},
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        is_early = is_in_own_start(process.pid)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            errors = process.communicate(timeout=PATIENCE)[1].decode()
        except subprocess.TimeoutExpired:
            process.kill()
            errors = process.communicate()[1].decode()
            if not is_early:
                raise TimeoutError(
                    f"{arguments}: Ctrl-C after {delay} s was lost: {errors}"
                ) from None
            errors = "KeyboardInterrupt"
        return process, time.monotonic() - pressed, errors


def main(part, seconds, seed):
    random.seed(int(seed))
    # In the background of a script Ctrl-C is ignored, by all processes that are started there too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = {"functions": interrupt_functions, "command": interrupt_commands}[part]
    # In memory: on a disk, what is read of a sparse file fills the page cache.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        answer = interrupt(time.monotonic() + float(seconds), Path(folder))
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
