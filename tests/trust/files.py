"""A file that changes or fails while it is counted gives a count or an OSError, never a signal.

cd tests && python -m trust.files KIND SECONDS SEED
"""

import contextlib
import errno
import io
import itertools
import operator
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

from trust.children import add_up, repeat

from doubles_ffi import count_file, tally_file
from doubles_ffi.cli import main as run_command
from doubles_ffi.files import engine, reading

GOAL = "100,000 disturbed counts, 1,000 of each kind at least, 0 signals"
HOURS = 0.3
COVERS = tuple(f"doubles_ffi/{name}" for name in ("_library", "_decoding.py", "files", "cli"))
COUNTS, OF_EACH = 100_000, 1000

SIZE = 300_000


def run(seconds, earlier):
    def is_enough(counts, _):
        return counts.total() >= COUNTS and min(counts.values()) >= OF_EACH

    return add_up(
        "files", KINDS, seconds, earlier, what="disturbed counts, 0 signals", is_enough=is_enough
    )


def truncate(path):
    os.truncate(path, random.randrange(SIZE))


def grow(path):
    with path.open("ab") as file:
        file.write(bytes(random.randrange(SIZE)))


def replace(path):
    other = path.with_name("other")
    other.write_bytes(bytes(random.randrange(SIZE)))
    other.replace(path)


def unlink(path):
    path.unlink(missing_ok=True)


def overwrite(path):
    with path.open("r+b") as file:
        file.seek(random.randrange(SIZE))
        file.write(b"\xff" * random.randrange(9))


def changed(change):
    """Change a file in one of the calls that tell how far its count is."""

    def trial(path):
        path.write_bytes(bytes(SIZE))
        moment, calls = random.randrange(8), itertools.count()
        most = 2 * SIZE  # It may have grown.

        def progress(_, __):
            if next(calls) == moment:
                change(path)

        encoding = random.choice([None, "utf-8", "utf-16"])
        options = {"threads": random.choice([1, 2, 3]), "encoding": encoding}
        try:
            if random.random() < 0.2:
                count = tally_file(path, progress=progress, **options).total()
            else:
                count = count_file(path, progress=progress, **options)
        except UnicodeDecodeError:
            if encoding is None:
                raise
        except OSError:
            pass
        else:
            assert 0 <= count < most, count
        return next(calls) > moment

    return trial


def short(path):
    """Read less than was asked for, as over a network, on any thread."""
    path.write_bytes(bytes(SIZE))
    preadv = os.preadv

    def less(descriptor, rooms, offset):
        (room,) = rooms
        return preadv(descriptor, [room[: random.randrange(1, len(room) + 1)]], offset)

    with mock.patch("os.preadv", less):
        assert count_file(path, threads=2) == SIZE - 1
    with path.open("rb", buffering=0) as file:
        assert count_file(Reader(file.readinto)) == SIZE - 1
    return 2


class Reader:
    """A file that reads less than there is room for."""

    def __init__(self, readinto):
        self._readinto = readinto

    def readinto(self, buffer):
        return self._readinto(memoryview(buffer)[: random.randrange(1, len(buffer) + 1)])


def failing(path):
    """Fail at any read, with any error that the system has."""
    path.write_bytes(bytes(SIZE))
    preadv, moment, calls = os.preadv, random.randrange(30), itertools.count()
    code = random.choice([errno.EIO, errno.ESTALE, errno.ENXIO, errno.ETIMEDOUT, errno.EBADF])

    def fail():
        if next(calls) == moment:
            raise OSError(code, os.strerror(code))

    def fail_or_read(*arguments):
        fail()
        return preadv(*arguments)

    with mock.patch("os.preadv", fail_or_read):
        assert count_file(path, threads=2) == SIZE - 1  # The calling thread reads what is left.
    disturbed = next(calls) > moment
    source, calls, moment = io.BytesIO(bytes(SIZE)), itertools.count(), random.randrange(10)

    class Failing(Reader):
        def readinto(self, buffer):
            fail()
            return super().readinto(buffer)

    try:
        assert count_file(Failing(source.readinto)) == SIZE - 1
    except OSError as error:
        if error.errno != code:
            raise
    return disturbed + (next(calls) > moment)


def interrupted(path):
    """Be interrupted by signals while a pipe is read."""
    signals = []
    signal.signal(signal.SIGALRM, lambda *_: signals.append(1))
    reading, writing = os.pipe()

    def write():
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for _ in range(20):
                pipe.write(bytes(1000))
                time.sleep(2e-4)

    thread = threading.Thread(target=write)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    thread.start()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert count_file(pipe) == 19_999
    thread.join()
    path.write_bytes(bytes(SIZE))
    assert count_file(path) == SIZE - 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    return 1 if signals else 0


@contextlib.contextmanager
def changing(names):
    """Make files and let a thread change them; yield what counts the changes."""
    for name in names:
        name.write_bytes(bytes(SIZE))
    changes, stop = itertools.count(), threading.Event()

    def change():
        while not stop.is_set():
            name = random.choice(names)
            with contextlib.suppress(FileNotFoundError):
                random.choice([truncate, grow, replace, unlink, overwrite])(name)
            next(changes)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield changes
    finally:
        stop.set()
        thread.join()


def command(path):
    """Count a folder whose files another thread changes."""
    names = [path.with_name(f"file-{number}") for number in range(8)]
    output, errors = io.StringIO(), io.StringIO()
    with changing(names) as changes, contextlib.redirect_stdout(output):
        with contextlib.redirect_stderr(errors):
            status = run_command(["count", "-r", str(path.parent), *map(str, names)])
        number = next(changes)
    assert status in {0, 2}
    assert (status == 2) == bool(errors.getvalue())
    assert output.getvalue().endswith("\ttotal\n")
    return number > 0


def squeezing(path):
    """Squeeze files that another thread changes."""
    names = [path.with_name(f"file-{number}") for number in range(8)]
    written, errors = [], io.StringIO()
    keep = mock.patch("doubles_ffi.cli.squeeze.write_all", lambda part: written.append(bytes(part)))
    with changing(names) as changes, keep, contextlib.redirect_stderr(errors):
        status = run_command(["squeeze", "--bytes", *map(str, names)])
        number = next(changes)
    assert status == (2 if errors.getvalue() else 0)
    squeezed = b"".join(written)
    assert {*squeezed} <= {0, 0xFF}
    assert not any(map(operator.eq, squeezed, squeezed[1:]))
    return number > 0


CHANGES = [truncate, grow, replace, unlink, overwrite]
KINDS = {
    **{change.__name__: changed(change) for change in CHANGES},
    **{trial.__name__: trial for trial in (short, failing, interrupted, command, squeezing)},
}


def main(kind, seconds, seed):
    os.environ["DOUBLES_NUM_THREADS"] = "3"
    # So that threads take part in the count of a small file.
    reading.READ_SIZE = 16 * 1024
    engine.WORTH_SPLITTING, engine.PIECE_SIZE = 4096, 32 * 1024
    with tempfile.TemporaryDirectory() as folder:
        repeat(lambda: KINDS[kind](Path(folder, "file")), seconds, seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
