"""What counting on a Dask cluster costs on this machine; the figures in docs/cluster.md.

    python examples/cluster.py --gib 4 --blocks 80000

The first is how much text is counted, in files of 1 GiB that should fit in the page cache. The
second is how many blocks the simulation has, whose reading is replaced by a sleep.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Client, LocalCluster

from doubles_ffi import cluster, random_string
from doubles_ffi._stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GIB = 1 << 30
ROUNDS = 3

# Threads of the simulation, and how long each sleeps for a block: 2,560 blocks a second, if the
# scheduler could.
SLEEPERS = 64
SECONDS = 0.025


def shortest(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the seconds of the shortest of some calls."""
    best = math.inf
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


@contextlib.contextmanager
def workers(processes: int, threads: int = 1) -> Iterator[Client]:
    """Start a cluster on this machine."""
    options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.ERROR}
    with (
        LocalCluster(n_workers=processes, threads_per_worker=threads, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client


def make_files(folder: Path, number: int) -> list[Path]:
    """Write files of 1 GiB."""
    text = random_string(GIB, seed=1).encode()
    paths = [folder / f"{i}.txt" for i in range(number)]
    for path in paths:
        path.write_bytes(text)
    return paths


def count_with(client: Client, paths: list[Path], **options: Any) -> Callable[[], object]:
    """Return a count of files on a cluster."""
    return lambda: cluster.count_files(paths, client, **options).raise_for_errors()


def command(paths: list[Path], *options: str) -> Callable[[], object]:
    """Return a count of files by the command, on all threads."""
    line = [sys.executable, "-m", "doubles_ffi", "count", *options, *map(str, paths)]
    return lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


def memory(line: str) -> int:
    """Return what Linux says of this process, in MiB: VmRSS is now, VmHWM was the most."""
    (found,) = re.findall(rf"{line}:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(found) // 1024


def measure_files(paths: list[Path]) -> None:
    """Compare two workers with the command, and with one worker."""
    alone = {None: shortest(command(paths, "--bytes")), "utf-8": shortest(command(paths))}
    with workers(1) as client:
        one = shortest(count_with(client, paths))
    with workers(2) as client:
        idle = client.run(memory, "VmRSS")
        two = {name: shortest(count_with(client, paths, encoding=name)) for name in alone}
        most = client.run(memory, "VmHWM")
    for name, seconds in two.items():
        print(f"{len(paths)} GiB, {name or 'bytes'}: doubles count {alone[name]:.2f} s,", end=" ")
        print(f"2 workers {seconds:.2f} s, {alone[name] / seconds:.0%}")
    print(f"2 workers against 1: {one / two[None]:.2f} x")
    more = max(most[worker] - idle[worker] for worker in idle)
    print(f"memory of a worker above an idle one: {more} MiB")


def measure_sparse(folder: Path) -> None:
    """Compare 1,000 blocks of 64 MiB with their reading and with their scheduling alone."""
    path = folder / "sparse"
    with path.open("wb") as file:
        file.truncate(1000 * 64 * 1024 * 1024)
    with workers(2) as client:
        whole = shortest(count_with(client, [path], block_size=64 * 1024 * 1024), rounds=1)
        reading = shortest(count_with(client, [path], block_size=GIB), rounds=1)
        scheduling = shortest(lambda: pretend(client, 1000, 0))
    print(f"1,000 blocks of 64 MiB: {whole:.2f} s; reading {reading:.2f} s,", end=" ")
    print(f"a task that does nothing {scheduling:.2f} ms:", end=" ")
    print(f"{whole / max(reading, scheduling):.2f} x the greater one")


def pretend(client: Client, blocks: int, seconds: float) -> None:
    """Count a file of this many blocks, each of which takes a sleep to read."""

    def sum_up(*_: object) -> tuple[Stretch, bytes]:
        time.sleep(seconds)
        return Stretch(tally=False, is_part=True), b""

    original, cluster._sum_up = cluster._sum_up, sum_up
    try:
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(blocks)
            count_with(client, [Path(file.name)], block_size=1)()
    finally:
        cluster._sum_up = original


def simulate(blocks: int) -> None:
    """Ask one scheduler for all it can do: the sleepers would do more."""
    with workers(2, SLEEPERS // 2) as client:
        start = time.perf_counter()
        pretend(client, blocks, SECONDS)
        seconds = time.perf_counter() - start
    print(
        f"{blocks:,} blocks that sleep {SECONDS} s, {SLEEPERS} threads: {seconds:.0f} s;", end=" "
    )
    print(f"the sleep alone {blocks * SECONDS / SLEEPERS:.0f} s;", end=" ")
    print(f"{1000 * seconds / blocks:.2f} ms a block")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description="What counting on a Dask cluster costs here.")
    parser.add_argument("--gib", type=int, default=4, help="text that is counted (default: 4)")
    parser.add_argument("--blocks", type=int, default=80_000, help="in the simulation (80000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure_files(make_files(Path(name), options.gib))
        measure_sparse(Path(name))
    simulate(options.blocks)


if __name__ == "__main__":
    main()
