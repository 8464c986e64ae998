"""Measure what counting on a Dask cluster costs on this machine, for docs/cluster.md.

python tests/benchmarks/cluster.py --gib 4
"""

from __future__ import annotations

import argparse
import logging
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Client, LocalCluster

from doubles_ffi import random_string
from doubles_ffi.cluster import count_files

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
ROUNDS = 3


def shortest(function: Callable[[], object]) -> float:
    """Return the seconds of the shortest of some calls."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def count(client: Client, paths: list[Path], **options: Any) -> float:
    """Return the seconds that counting files on a cluster takes."""
    return shortest(lambda: count_files(paths, client, **options).raise_for_errors())


def command(paths: list[Path], *options: str) -> float:
    """Return the seconds that the command takes, from its start to its exit."""
    line = [sys.executable, "-m", "doubles_ffi", "count", *options, *map(str, paths)]
    return shortest(lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL))


def memory(field: str) -> int:
    """Return a figure of Linux for this process in MiB: VmRSS is now, VmHWM is the peak."""
    (found,) = re.findall(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(found) // 1024


def measure(client: Client, folder: Path, gib: int) -> None:
    """Print all figures."""
    text = random_string(GIB, seed=1).encode()
    paths = [folder / f"{number}.txt" for number in range(gib)]
    for path in paths:
        path.write_bytes(text)
    idle = client.run(memory, "VmRSS")
    for encoding, option in ((None, "--bytes"), ("utf-8", "--encoding=utf-8")):
        seconds = count(client, paths, encoding=encoding)
        print(f"{gib} GiB, {encoding or 'bytes'}: {seconds:.2f} s;", end=" ")
        print(f"doubles count {command(paths, option):.2f} s")
    peak = client.run(memory, "VmHWM")
    print(f"memory of a worker above an idle one: {max(peak[w] - idle[w] for w in idle)} MiB")

    file = folder / "sparse"
    file.touch()
    for number, size in ((1000, 1), (10_000, 1), (1000, 64 * 1024 * 1024), (63, GIB)):
        with file.open("wb") as opened:
            opened.truncate(number * size)
        seconds = count(client, [file], block_size=size)
        print(f"{number:,} ranges of {size:,} bytes: {seconds:.1f} s,", end=" ")
        print(f"{1000 * seconds / number:.2f} ms a range")


def main() -> None:
    """Start two workers, and measure."""
    parser = argparse.ArgumentParser(description="Measure counting on a Dask cluster.")
    parser.add_argument("--gib", type=int, default=4, help="text to count (default: 4)")
    gib = parser.parse_args().gib
    options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.ERROR}
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster,
        Client(cluster) as client,
    ):
        measure(client, Path(folder), gib)


if __name__ == "__main__":
    main()
