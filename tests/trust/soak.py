"""However long it counts, errs, starts threads and forks, what it holds stays flat.

cd tests && python -m trust.soak SECONDS SEED
"""

import contextlib
import gc
import io
import json
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy
import pyarrow
from trust.children import ask
from trust.facts import DATA, FACTS, LONGEST, ROWS, SQUEEZED
from trust.model import WITHOUT_KERNELS, Figure

import doubles_ffi as d
from doubles_ffi.cli import main as command

GOAL = "8 hours, memory, descriptors and threads flat"
HOURS = 8
COVERS = WITHOUT_KERNELS
SECONDS = 8 * 3600

# Rounds after which all is loaded, and all pools and caches are full.
WARM = 20

# MiB that a process may grow by after it is warm: allocators take a while to settle.
MOST = 8


def run(seconds, _earlier):
    seconds = min(seconds, SECONDS)
    found = ask("trust.soak", seconds, random.getrandbits(32), seconds=seconds)
    before, after = found["before"], found["after"]
    grown = after["MiB"] - before["MiB"]
    text = f"{found['rounds']:,} rounds of {len(WORK)} calls, memory {grown:+.1f} MiB"
    details = f"Resident memory {before['MiB']:.1f} to {after['MiB']:.1f} MiB, "
    details += f"{before['descriptors']} to {after['descriptors']} descriptors, "
    details += f"{before['threads']} to {after['threads']} threads."
    is_flat = all(after[what] <= before[what] for what in ("descriptors", "threads"))
    passed = is_flat and grown < MOST
    return Figure(text, passed, reached=seconds >= SECONDS, details=details)


def held():
    """Return what the process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "MiB": pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20),
        "descriptors": len([*Path("/proc/self/fd").iterdir()]),
        "threads": len([*Path("/proc/self/task").iterdir()]),
    }


@contextlib.contextmanager
def refused(*errors):
    """Expect an error."""
    try:
        yield
    except errors:
        return
    raise AssertionError(f"none of {errors}")


LONG = bytes(5 << 20)  # So long that threads take part.
ARROW = pyarrow.array(ROWS)
FILE = Path(tempfile.gettempdir(), f"doubles-soak-{os.getpid()}")


def facts():
    assert all(fact() for fact in FACTS)


def counter():
    left, right = d.DoubleCounter(LONG, tally=True), d.DoubleCounter(tally=True)
    right.update(LONG[:1000])
    assert (left + right).tally == {0: len(LONG) + 999}
    assert left.copy() == left
    left.__setstate__(right.__getstate__())


def columns():
    """Take columns of every kind, and give the results to Arrow and NumPy."""
    for column in (ARROW, pyarrow.chunked_array([ROWS, ROWS])[:200], tuple(ROWS)):
        assert d.count_each(column) == d.count_each(ROWS)
        assert pyarrow.array(d.squeeze_each(column)).to_pylist() == SQUEEZED
        assert pyarrow.table(d.find_each(column)).num_rows == len(d.find_each(ROWS))
    assert d.count_each(numpy.array(["hello", "aa"] * 1000)).sum() == 2000
    found = d.longest_each(ARROW)
    assert pyarrow.array(found).null_count == found.null_count == LONGEST.count(None)
    assert numpy.array(found).size == len(pyarrow.array(found[:7])) + len(LONGEST) - 7


def short():
    """Call so often that a leak shows, however small what it loses."""
    for _ in range(300):
        assert d.tally_doubles(b"aab") == d.DoubleCounter(b"aab", tally=True).tally == {97: 1}
        assert [*d.find_doubles(bytearray(b"aab"))] == d.find_runs(b"aab").tolist() == [(0, 2, 97)]
        assert d.count_each(["aa"]).tolist() == [1]
        assert d.squeeze_each(["aa"]).tolist() == [d.squeeze_doubles("aa")] == ["a"]
        with refused(UnicodeDecodeError):
            d.count_doubles(b"\xff", encoding="utf-8")


def invalid():
    with refused(UnicodeDecodeError):
        d.count_doubles(DATA + b"\xff", encoding="utf-8")
    with refused(UnicodeDecodeError):
        d.find_runs(DATA + b"\xff", encoding="utf-8")
    with refused(UnicodeDecodeError):
        d.DoubleCounter(b"\xff\xff\xff\xff", encoding="utf-8")
    with refused(UnicodeDecodeError):
        d.count_each(pyarrow.array([b"\xff"]).view("string"))
    FILE.write_bytes(LONG + b"\xff")
    with refused(UnicodeDecodeError):
        d.count_file(FILE, encoding="utf-8")


def wrong():
    for value in (None, 7, numpy.zeros(3), memoryview(DATA)[::2], object()):
        with refused(TypeError, BufferError):
            d.count_doubles(value)
    for column in ("text", [1], ["a", b"a"], pyarrow.array([1]), pyarrow.table({"a": [1]})):
        with refused(TypeError):
            d.count_each(column)
    with refused(LookupError):
        d.count_doubles(b"", encoding="klingon")
    with refused(FileNotFoundError):
        d.count_file("/missing")
    with refused(MemoryError):
        d.random_string(1 << 62)
    with refused(ValueError):
        d.random_string(3, alphabet="aa")


def file():
    FILE.write_bytes(LONG)
    for encoding in (None, "utf-8", "utf-32-le"):
        with contextlib.suppress(UnicodeDecodeError):
            d.tally_file(FILE, encoding=encoding, progress=lambda *_: None)
    os.truncate(FILE, 70 << 20)  # So large that threads are started.
    assert d.count_file(FILE, threads=2) == (70 << 20) - 1


def run_command():
    FILE.write_bytes(DATA)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        assert command(["count", "--tally", "--json", str(FILE), "/missing"]) == 2
        with refused(SystemExit):
            command(["count", "--top", "0"])
    assert '"count": 9000' in output.getvalue()


def threads():
    def work():
        assert d.count_doubles(LONG) == len(LONG) - 1

    several = [threading.Thread(target=work) for _ in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()


def fork():
    child = os.fork()
    if child == 0:
        os._exit(d.count_doubles(LONG) != len(LONG) - 1)
    assert os.waitpid(child, 0)[1] == 0


WORK = (facts, short, counter, columns, invalid, wrong, file, run_command, threads, fork)


def main(seconds, seed):
    random.seed(int(seed))
    os.environ["DOUBLES_NUM_THREADS"] = "3"
    end = time.monotonic() + float(seconds)
    rounds, before = 0, None
    try:
        while before is None or time.monotonic() < end:
            for work in random.sample(WORK, len(WORK)):
                work()
            rounds += 1
            if rounds == WARM:
                before = held()
    finally:
        FILE.unlink(missing_ok=True)
    print(json.dumps({"rounds": rounds, "before": before, "after": held()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
