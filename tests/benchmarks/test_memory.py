"""What a process takes beyond its input, at its peak. Only Linux tells."""

import subprocess
import sys

import pytest

PEAK = """
import re, sys
from pathlib import Path
import doubles_ffi

size, path = int(sys.argv[1]), Path(sys.argv[2], "sparse")

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

def above(data):
    before = peak()
    assert doubles_ffi.count_doubles(data) == len(data) - 1
    return peak() - before

def above_column(rows):
    import numpy, pyarrow
    offsets = pyarrow.py_buffer(numpy.arange(0, 5 * rows + 1, 5, dtype=numpy.int32))
    buffers = [None, offsets, pyarrow.py_buffer(b"hello" * rows)]
    column = pyarrow.Array.from_buffers(pyarrow.string(), rows, buffers)
    column.__arrow_c_array__()  # At its first one, pyarrow takes 2 MiB for all that come.
    before = peak()
    counts = doubles_ffi.count_each(column)
    assert counts[rows - 1] == 1
    return peak() - before
"""

# A process of its own runs each: how it ends, and how large its input is.
SCRIPTS = {
    "bytes": ('print(above(b"a" * size))', 1_000_000_000),
    "str": ('print(above("a" * size))', 500_000_000),
    "column": ("print(above_column(size))", 10_000_000),
    "sparse file": (
        'with path.open("wb") as file: file.truncate(size)\n'
        "assert doubles_ffi.count_file(path) == size - 1\n"
        "print(peak())",
        100 << 30,
    ),
}

SMALL = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process's peak is")
@pytest.mark.parametrize("script", SCRIPTS)
def test_memory(benchmark, request, tmp_path, script):
    if script == "column":
        pytest.importorskip("pyarrow")
    end, size = SCRIPTS[script]
    if not request.config.getoption("benchmark_enable"):
        size = SMALL
    command = [sys.executable, "-c", PEAK + end, str(size), str(tmp_path)]

    def run():
        # In the checkout, Python would import the sources, not what is installed.
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
        return done.stdout

    mebibytes = int(benchmark.pedantic(run, rounds=1)) / 1024
    benchmark.extra_info.update(memory=script, mebibytes=mebibytes)
    assert mebibytes < 128
