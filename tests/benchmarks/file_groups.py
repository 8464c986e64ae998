"""What is measured of files and of the command."""

import atexit
import functools
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import reference
from benchmarks import texts
from benchmarks.model import (
    BASELINE,
    LIMIT,
    OURS,
    Case,
    Group,
    Input,
    baseline,
    here,
    is_anything,
    ours,
)

from doubles_ffi import count_file
from doubles_ffi._library import num_threads
from doubles_ffi.files.engine import PIECE_SIZE
from doubles_ffi.files.reading import READ_SIZE

GIB = 1 << 30
SMALL_FILE = 4096

# As it is installed, so that starting it takes as long as its users wait.
DOUBLES = str(Path(sys.executable).with_name("doubles"))


@functools.cache
def directory():
    path = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, path)
    return path


def repeated(name, piece, size, encoding=None):
    """Write about `size` bytes, one piece over and over; expect its doubles, of bytes or not."""
    encoded = piece.encode()
    times = max(size // len(encoded), 1)
    path = directory() / f"{name}-{size}"
    with path.open("wb") as file:
        file.writelines(itertools.repeat(encoded, times))
    units = encoded if encoding is None else piece
    seams = (times - 1) * (units[-1] == units[0])
    return Input([str(path)], [reference.count(units) * times + seams], times * len(encoded))


def letters_file(size):
    return repeated("letters", texts.letters(min(size, 10_000_000)), size)


def doubles_file(size):
    return repeated("doubles", texts.one_in_a_hundred(min(size, 10_000_000)), size, "utf-8")


def text_file(size):
    return repeated("text", texts.sample()[:size], size, "utf-8")


def many_files(size):
    """Write `size` bytes into a directory of small files."""
    number = max(size // SMALL_FILE, 1)
    path = directory() / f"{number} files"
    path.mkdir(exist_ok=True)
    pieces = [texts.letters(SMALL_FILE + i)[i:] for i in range(min(number, 100))]
    counts = list(map(reference.count, pieces))
    for i, piece in zip(range(number), itertools.cycle(pieces)):
        (path / f"{i:05}.txt").write_text(piece)
    expected = sum(itertools.islice(itertools.cycle(counts), number))
    return Input([str(path)], [expected], number * SMALL_FILE)


def read_loop(path):
    """Read a file as count_file does, and do nothing with it."""
    buffer = bytearray(READ_SIZE)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a path is a str here)
        while file.readinto(buffer):
            pass


def read_pieces(path):
    """Read a file as count_file does on all threads, and do nothing with it."""
    threads = num_threads()
    buffers = [bytearray(READ_SIZE) for _ in range(threads)]
    with open(path, "rb") as file, ThreadPoolExecutor(threads) as pool:  # noqa: PTH123 (the same)
        length = os.fstat(file.fileno()).st_size

        def read(start):
            buffer = buffers.pop()
            for offset in range(start, min(start + PIECE_SIZE, length), READ_SIZE):
                os.preadv(file.fileno(), [buffer], offset)
            buffers.append(buffer)

        list(pool.map(read, range(0, length, PIECE_SIZE)))


def count_memmap(path):
    """Count as NumPy's users do; a bool for each byte of the file is made on the way."""
    units = np.memmap(path, np.uint8, "r")
    return int(np.count_nonzero(units[1:] == units[:-1]))


def run(words, path):
    """Run a command and return the last number it prints, if any."""
    output = subprocess.run([*words, path], check=True, capture_output=True).stdout
    return int(output.splitlines()[-1].split()[0]) if output else None


def shell(role, line, **more):
    """Return a contestant that is a line of shell, on the file "$1"."""
    words = ["sh", "-c", line.replace("doubles", f"'{DOUBLES}'"), "sh"]
    name = line.replace('"$1"', "FILE")
    return here(role, name, partial(run, words), **{"rounds": 3} | more)


def python(name, script):
    """Return a limit that starts this Python."""
    words = [sys.executable, "-c", script]
    return here(LIMIT, name, partial(run, words), is_right=is_anything, rounds=3)


command = partial(shell, OURS)
rival = partial(shell, BASELINE, is_right=is_anything)

WC_LINES = rival('wc -l "$1"')
PYTHON = python("python -c pass", "pass")
PYTHON_READ = python(
    "python, read loop",
    f"import sys\n"
    f"buffer = bytearray({READ_SIZE})\n"
    f"with open(sys.argv[1], 'rb', buffering=0) as file:\n"
    f"    while file.readinto(buffer): pass\n",
)
READS = [here(LIMIT, "read loop, 1 thread", read_loop, is_right=is_anything)]
if hasattr(os, "preadv"):
    READS += [here(LIMIT, "read loop, all threads", read_pieces, is_right=is_anything)]

count_text = partial(count_file, encoding="utf-8")

GROUPS = [
    Group(
        "files",
        "A large file",
        "In the page cache. The limits read it in the same blocks and do nothing with it.",
        [Case("1 GiB of letters", letters_file, GIB)],
        [
            baseline("NumPy, memmap", count_memmap),
            ours("count_file, 1 thread", partial(count_file, threads=1)),
            ours("count_file", count_file),
            *READS,
        ],
    ),
    Group(
        "text-files",
        "A large file of text",
        "The samples, over and over.",
        [Case("1 GiB of text", text_file, GIB)],
        [
            ours("count_file, as UTF-8, 1 thread", partial(count_text, threads=1)),
            ours("count_file, as UTF-8", count_text),
            ours("count_file, as bytes", count_file, is_right=is_anything),
            *READS,
        ],
    ),
    Group(
        "command",
        "The command",
        "From its start to its end. One limit is a Python that does nothing, the other one reads "
        "the file and does nothing with it.",
        [Case("1 GiB of letters", letters_file, GIB)],
        [
            rival('cat "$1" | wc -c'),
            command('cat "$1" | doubles count --bytes'),
            WC_LINES,
            command('doubles count --bytes "$1"'),
            PYTHON_READ,
            PYTHON,
        ],
    ),
    Group(
        "command-text",
        "The command, on text",
        "The same with text.",
        [Case("1 GiB of text", text_file, GIB)],
        [
            rival('LC_ALL=C.UTF-8 wc -m "$1"', rounds=1),
            WC_LINES,
            command('doubles count "$1"'),
            command('doubles count --bytes "$1"', is_right=is_anything),
            PYTHON_READ,
            PYTHON,
        ],
    ),
    Group(
        "command-find",
        "The command, where doubles are",
        "One in about a hundred characters is a double, and a line is written for each.",
        [Case("1 GiB of text", doubles_file, GIB)],
        [
            WC_LINES,
            command('doubles count "$1"'),
            command('doubles count --threads 1 "$1"'),
            command('doubles find "$1" >/dev/null', is_right=is_anything),
            PYTHON_READ,
            PYTHON,
        ],
    ),
    Group(
        "command-small",
        "The command, on little",
        "The same with one small file.",
        [Case("4 KiB of letters", letters_file, SMALL_FILE)],
        [
            WC_LINES._replace(rounds=10),
            command('doubles count "$1"', rounds=10),
            PYTHON._replace(rounds=10),
        ],
    ),
    Group(
        "command-many",
        "The command, on many files",
        "The same with files of 4 KiB.",
        [Case("10,000 files", many_files, 10_000 * SMALL_FILE)],
        [rival('wc -l "$1"/*'), command('doubles count "$1"/*'), PYTHON],
    ),
]
