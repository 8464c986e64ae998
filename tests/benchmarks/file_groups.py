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
from pathlib import Path

import numpy as np
import reference
from benchmarks import texts
from benchmarks.model import BASELINE, LIMIT, OURS, Case, Contestant, Group, Input, is_read

import doubles_ffi

GIB = 1 << 30

# As count_file reads.
BLOCK = 512 * 1024
PIECE = 16 * 1024 * 1024

SMALL_FILE = 4096
MANY_FILES = 10_000

# As it is installed, so that starting it takes as long as its users wait.
DOUBLES = str(Path(sys.executable).with_name("doubles"))


@functools.cache
def directory():
    path = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, path)
    return path


class Size(int):
    """A number of bytes, where there are none to be had."""

    def __len__(self):
        return int(self)


def repeated_into_file(name, piece, size, encoding=None):
    """Write about `size` bytes, one piece over and over; expect its doubles, of bytes or not."""
    encoded = piece.encode()
    times = max(size // len(encoded), 1)
    path = directory() / f"{name}-{size}"
    with path.open("wb") as file:
        file.writelines(itertools.repeat(encoded, times))
    units = encoded if encoding is None else piece
    seams = (times - 1) * (units[-1] == units[0])
    expected = reference.count(units) * times + seams
    return Input(str(path), expected, Size(path.stat().st_size))


def letters_file(size):
    return repeated_into_file("letters", texts.letters(min(size, 10_000_000)), size)


def text_file(size):
    text = "".join(path.read_text("utf-8") for path in texts.files().values())
    return repeated_into_file("text", (text or texts.sample())[:size], size, "utf-8")


def many_files(size):
    """Return a directory with files of letters, `size` bytes in all."""
    number = max(size // SMALL_FILE, 1)
    path = directory() / f"{number} files"
    path.mkdir(exist_ok=True)
    expected = 0
    for i in range(number):
        data = texts.letters(SMALL_FILE + i)[i:].encode()
        expected += reference.count(data)
        (path / f"{i:05}.txt").write_bytes(data)
    return Input(str(path), expected, Size(number * SMALL_FILE))


def read_loop(path):
    """Read a file as count_file does, and do nothing with it."""
    buffer = bytearray(BLOCK)
    total = 0
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a path is a str here)
        while size := file.readinto(buffer):
            total += size
    return total


def read_pieces(path):
    """The same on all threads."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    buffers = [bytearray(BLOCK) for _ in range(threads)]
    with open(path, "rb") as file, ThreadPoolExecutor(threads) as pool:  # noqa: PTH123 (the same)
        length = os.fstat(file.fileno()).st_size

        def read(start):
            buffer = buffers.pop()
            offsets = range(start, min(start + PIECE, length), BLOCK)
            total = sum(os.preadv(file.fileno(), [buffer], offset) for offset in offsets)
            buffers.append(buffer)
            return total

        return sum(pool.map(read, range(0, length, PIECE)))


def count_memmap(path):
    """Count as NumPy's users do; a bool for each byte of the file is made on the way."""
    units = np.memmap(path, np.uint8, "r")
    return int(np.count_nonzero(units[1:] == units[:-1]))


def command(line):
    """Return a function that runs a line of shell on "$1" and returns the last number it prints."""

    def run(path):
        words = ["sh", "-c", line.replace("doubles", f"'{DOUBLES}'"), "sh", path]
        output = subprocess.run(words, check=True, capture_output=True).stdout
        last = output.splitlines()[-1] if output else b"0"
        return int(last.split()[0])

    return run


def starts(_path):
    """Start and end this Python."""
    return subprocess.run([sys.executable, "-c", "pass"], check=True).returncode


READ_LOOP = f"""\
import sys
buffer = bytearray({BLOCK})
with open(sys.argv[1], "rb", buffering=0) as file:
    while file.readinto(buffer):
        pass
"""


def starts_and_reads(path):
    """Start this Python, and read a file as count_file does."""
    return subprocess.run([sys.executable, "-c", READ_LOOP, path], check=True).returncode


def ours(line):
    return Contestant(line.replace('"$1"', "FILE"), OURS, command(line))


def rival(line):
    return Contestant(line.replace('"$1"', "FILE"), BASELINE, command(line), "data", is_read)


READ = Contestant("read loop, 1 thread", LIMIT, read_loop, "data", is_read)
READ_ALL = Contestant("read loop, all threads", LIMIT, read_pieces, "data", is_read)
READ_LOOPS = (READ, READ_ALL) if hasattr(os, "preadv") else (READ,)
PYTHON = Contestant("python -c pass", LIMIT, starts, "data", is_read)
PYTHON_READ = Contestant("python, read loop", LIMIT, starts_and_reads, "data", is_read)

count_file = doubles_ffi.count_file
BYTES = Contestant("count_file", OURS, count_file)
BYTES_OF_TEXT = Contestant("count_file, as bytes", OURS, count_file, "data", is_read)
TEXT = Contestant("count_file, as UTF-8", OURS, count_file, "data, encoding='utf-8'")

WC_LINES, WC_CHARACTERS = rival('wc -l "$1"'), rival('LC_ALL=C.UTF-8 wc -m "$1"')
WC_PIPE, PIPE = rival('cat "$1" | wc -c'), ours('cat "$1" | doubles count --bytes')
WC_MANY, MANY = rival('wc -l "$1"/*'), ours('doubles count "$1"/*')
COMMAND_BYTES, COMMAND = ours('doubles count --bytes "$1"'), ours('doubles count "$1"')
COMMAND_BYTES_OF_TEXT = COMMAND_BYTES._replace(is_right=is_read)
RG = (rival('rg -c x "$1"'),) if shutil.which("rg") else ()

GROUPS = (
    Group(
        "files",
        "A large file",
        "In the page cache. The limits read it in the same blocks, on as many threads, and do "
        "nothing with it.",
        (Case("1 GiB of letters", GIB, letters_file),),
        (
            Contestant("NumPy, memmap", BASELINE, count_memmap),
            Contestant("count_file, 1 thread", OURS, count_file, "data, threads=1"),
            BYTES,
            *READ_LOOPS,
        ),
        12,
    ),
    Group(
        "text-files",
        "A large file of text",
        "The files of `DOUBLES_BENCH_DATA`, or else the samples, over and over.",
        (Case("1 GiB of text", GIB, text_file),),
        (
            Contestant(
                "count_file, as UTF-8, 1 thread",
                OURS,
                count_file,
                "data, encoding='utf-8', threads=1",
            ),
            TEXT,
            BYTES_OF_TEXT,
            *READ_LOOPS,
        ),
        12,
    ),
    Group(
        "command",
        "The command",
        "From its start to its end, as a shell's user has it. One limit is a Python that does "
        "nothing, the other one reads the file and does nothing with it.",
        (Case("1 GiB of letters", GIB, letters_file),),
        (WC_PIPE, PIPE, WC_LINES, *RG, COMMAND_BYTES, PYTHON_READ, PYTHON),
        25,
    ),
    Group(
        "command-text",
        "The command, on text",
        "The same with text.",
        (Case("1 GiB of text", GIB, text_file),),
        (WC_CHARACTERS, WC_LINES, COMMAND, COMMAND_BYTES_OF_TEXT, PYTHON_READ, PYTHON),
        25,
    ),
    Group(
        "command-small",
        "The command, on little",
        "The same with one small file.",
        (Case("4 KiB of letters", SMALL_FILE, letters_file),),
        (WC_LINES, COMMAND, PYTHON),
        5,
    ),
    Group(
        "command-many",
        "The command, on many files",
        "The same with files of 4 KiB.",
        (Case("10,000 files", MANY_FILES * SMALL_FILE, many_files),),
        (WC_MANY, MANY, PYTHON),
        10,
    ),
)
