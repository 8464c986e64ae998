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


DATA = bytes(5 << 20)
TEXT = "жж€" * 100_000
UTF8 = TEXT.encode()
WIDE = TEXT.encode("utf-16")
ROWS = ["hello", None, "жж"] * 1000
ARROW = pyarrow.array(ROWS)
CHUNKS = pyarrow.chunked_array([ROWS, ROWS])
STRINGS = numpy.array(["hello", "aa"] * 1000)
FILE = Path(tempfile.gettempdir(), f"doubles-soak-{os.getpid()}")


def counter():
    left, right = d.DoubleCounter(DATA, tally=True), d.DoubleCounter(tally=True)
    right.update(DATA[:1000])
    assert (left + right).tally == {0: len(DATA) + 999}
    assert left.copy() == left
    left.__setstate__(right.__getstate__())


def counts():
    found = d.count_each(ROWS)
    assert (found[0], found[1], found[1:4].null_count) == (1, None, 1)
    assert pyarrow.array(found).null_count == found.null_count == 1000
    assert numpy.array(found).size == len(pyarrow.array(found[:7])) + 2993


def invalid():
    with refused(UnicodeDecodeError):
        d.count_doubles(UTF8 + b"\xff", encoding="utf-8")
    with refused(UnicodeDecodeError):
        d.DoubleCounter(b"\xff\xff\xff\xff", encoding="utf-8")
    with refused(UnicodeDecodeError):
        d.count_each(pyarrow.array([b"\xff"]).view("string"))
    FILE.write_bytes(DATA + b"\xff")
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
    FILE.write_bytes(DATA)
    for encoding in (None, "utf-8", "utf-32-le"):
        with contextlib.suppress(UnicodeDecodeError):
            d.tally_file(FILE, encoding=encoding, progress=lambda *_: None)
    os.truncate(FILE, 70 << 20)  # So large that threads are started.
    assert d.count_file(FILE, threads=2) == (70 << 20) - 1


def run_command():
    FILE.write_bytes(UTF8)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        assert command(["count", "--tally", "--json", str(FILE), "/missing"]) == 2
        with refused(SystemExit):
            command(["count", "--top", "0"])
    assert f'"count": {100_000}' in output.getvalue()


def threads():
    def work():
        assert d.count_doubles(DATA) == len(DATA) - 1

    several = [threading.Thread(target=work) for _ in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()


def fork():
    child = os.fork()
    if child == 0:
        os._exit(d.count_doubles(DATA) != len(DATA) - 1)
    assert os.waitpid(child, 0)[1] == 0


def ladder():
    for rung in (d.count_doubles_zip, d.count_doubles_once):
        assert rung(TEXT) == rung(UTF8) == 100_000
    for rung in (d.count_doubles_once_bytes, d.count_doubles_slice, d.count_doubles_slice_parallel):
        assert rung(DATA) == len(DATA) - 1


def random_text():
    room = bytearray(1 << 20)
    d.fill_random(room, seed=7)
    assert d.random_string(1 << 20, seed=7) == room.decode()


def tallies():
    assert d.tally_doubles(TEXT) == d.tally_doubles(UTF8, encoding="utf-8") == {"ж": 100_000}
    assert d.count_each(CHUNKS).sum() == 4000
    assert d.count_each(STRINGS).sum() == 2000
    assert d.squeeze_doubles(TEXT) == "ж€" * 100_000
    assert d.longest_each(ARROW)[:3].tolist() == [2, None, 2]
    assert d.find_each(ROWS)[1] == (2, 0, 2, "ж")
    assert d.squeeze_each(ARROW).tolist()[:3] == ["helo", None, "ж"]


def runs():
    found = d.find_runs(TEXT)
    assert found[7] == d.Run(21, 2, "ж")
    assert pyarrow.table(found[:10]).num_rows == 10
    assert len(found.start) == sum(1 for _ in d.find_doubles(TEXT)) == 100_000
    assert d.longest_run(DATA) == (0, len(DATA), 0)
    next(d.find_doubles(DATA))
    with refused(UnicodeDecodeError):
        d.find_runs(UTF8 + b"\xff", encoding="utf-8")


def texts():
    assert d.count_doubles(TEXT) == d.count_doubles(WIDE, encoding="utf-16") == 100_000
    assert d.count_each(ARROW) == d.count_each(tuple(ROWS))
    assert sum(d.count_each(STRINGS)) == 2000


WORK = (
    counter,
    counts,
    invalid,
    wrong,
    file,
    run_command,
    threads,
    fork,
    ladder,
    random_text,
    tallies,
    texts,
    runs,
)


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
