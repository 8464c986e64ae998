"""Counts, tallies, runs, squeezing, columns and random text agree with naive code on any input.

libFuzzer makes the inputs: `rustlib/fuzz` has the targets, the oracles and the corpus. Each target
runs with each kernel, with short inputs for their number and long ones for what shows in runs only.
"""

import functools
import itertools
import math
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from trust.crate import BUILD, CRATE, attempt, cargo, host
from trust.model import LIBRARY, Figure, keep, say

GOAL = "1,000,000,000 executions, 100,000,000 of them under AddressSanitizer"
HOURS = 10
COVERS = (*LIBRARY, ":!rustlib/src/pool.rs", ":!rustlib/src/os.rs")

# A folder for each target.
CORPUS = CRATE / "fuzz" / "corpus"
TARGETS = sorted(folder.name for folder in CORPUS.iterdir())
KERNELS = ("portable", "avx2", "avx512")

# Executions to reach.
GOALS = {"plain": 900_000_000, "address": 100_000_000}

# Tells libFuzzer where an input leads.
COVERAGE = (
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
)

# Bytes of an input: few, and twice as many as the longest lanes take until they are full.
SHORT, LONG = 512, 1 << 17

# Seconds of a process: long enough to outweigh its reading of the corpus. Each core runs one.
TURN = 60


def run(seconds, earlier):
    end = time.monotonic() + seconds
    done = dict.fromkeys(GOALS, 0) | earlier
    # What failed once and what is known to be hard comes first.
    known = ((*stage, 0, LONG) for stage in itertools.product(GOALS, TARGETS, KERNELS))
    turns = itertools.chain(known, rest(done, end, seconds))
    one_at_a_time, failed = threading.Lock(), []

    def work():
        while not failed:
            with one_at_a_time:
                turn = next(turns, None)
            if turn is None:
                break
            executions, failure = fuzz(*turn)
            with one_at_a_time:
                done[turn[0]] += executions
            if failure:
                keep("fuzzing", *failure)
                failed.append(failure[0])

    with ThreadPoolExecutor() as pool:
        for worker in [pool.submit(work) for _ in range(os.cpu_count())]:
            worker.result()
    if failed:
        return Figure(f"{text(done)}: {failed[0]} failed", passed=False)
    reached = all(done[build] >= goal for build, goal in GOALS.items())
    return Figure(text(done), passed=True, reached=reached, state=done)


def rest(done, end, seconds):
    """Give turns to whichever build is further from its goal; every seventh is of long inputs."""
    order = {build: itertools.cycle(itertools.product(KERNELS, TARGETS)) for build in GOALS}
    lengths = {build: itertools.cycle((*6 * [SHORT], LONG)) for build in GOALS}
    turn = min(TURN, max(1, seconds / 100))
    while time.monotonic() + turn < end:
        build = min(GOALS, key=lambda build: done[build] / GOALS[build])
        if done[build] >= GOALS[build]:
            break
        kernel, target = next(order[build])
        yield build, target, kernel, math.ceil(turn), next(lengths[build])


@functools.cache
def compiled(build):  # If two threads ask at once, cargo lets one of them wait.
    flags = COVERAGE + (("-Zsanitizer=address",) if build == "address" else ())
    made = cargo(
        "build",
        "--release",
        "--features=libfuzzer",
        "--bin=fuzz",
        folder=CRATE / "fuzz",
        flags=flags,
        target=f"fuzz-{build}",
    )
    if made.returncode:
        raise RuntimeError(f"the targets do not compile:\n{made.stdout}")
    return BUILD / f"fuzz-{build}" / host() / "release" / "fuzz"


def fuzz(build, target, kernel, turn, length):
    """Fuzz a target, or replay its corpus if the turn has no seconds.

    Returns how many inputs there were, and a name and the bytes of the one that failed, if any did.
    """
    found = BUILD / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    failed = found.parent / f"failed-{target}-{kernel}-{build}-"
    options = [
        f"-max_len={length}",
        "-len_control=100",
        f"-max_total_time={turn}" if turn else "-runs=0",
        "-timeout=300",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        f"-artifact_prefix={failed}",
    ]
    fuzzed = attempt(
        [compiled(build), found, CORPUS / target, *options],
        DOUBLES_FUZZ=target,
        DOUBLES_KERNEL=kernel,
        DOUBLES_NUM_THREADS="1",
    )
    if "inline 8-bit counters" not in fuzzed.stdout:
        raise RuntimeError(f"libFuzzer does not see where inputs lead:\n{fuzzed.stdout[-3000:]}")
    executions = re.search(r"number_of_executed_units: (\d+)", fuzzed.stdout)
    executions = int(executions[1]) if executions else 0
    if fuzzed.returncode == 0:
        return executions, None
    say(fuzzed.stdout[-3000:])
    artifact = next(failed.parent.glob(f"{failed.name}*"), None)
    data = b""
    if artifact is not None:
        data = artifact.read_bytes()
        artifact.unlink()
    return executions, (f"{target}-{kernel}", data)


def text(done):
    whole = sum(done.values())
    return f"{whole:,} executions, {done['address']:,} of them under AddressSanitizer"
