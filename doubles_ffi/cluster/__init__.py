"""Counting files on a cluster: Dask runs the tasks, fsspec reads the files, summaries merge here.

A file is cut into ranges at any byte. Workers sum up ranges, and the client merges the summaries in
the order of the file. A summary has about a hundred bytes and merging two takes 10 us, so there is
no need to distribute that.

A file that can't be counted has an error, and the others are counted. If a range is not valid text,
its worker sums up the range before the fault and adds the bytes at the fault. The client merges
both after the ranges before them, which raises the exception that `count_file` raises, with its
position.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable  # noqa: TC003 (annotations resolve at run time)
from typing import Any

from distributed import Client  # noqa: TC002 (as above)

from doubles_ffi.cluster.client import Job
from doubles_ffi.cluster.listing import list_files
from doubles_ffi.cluster.merging import File, result_of
from doubles_ffi.cluster.results import ClusterError, FileChangedError, FileCount, Result
from doubles_ffi.files import Path, Progress  # noqa: TC001 (annotations resolve at run time)
from doubles_ffi.files.engine import can_start_anywhere

__all__ = ["ClusterError", "FileChangedError", "FileCount", "Result", "count_files"]

# Bytes per range, at least and at most. A task costs the scheduler some 2 ms, in which a worker
# reads 40 MB; and a range is counted again if its worker dies.
_LEAST_RANGE = 64 * 1024 * 1024
_MOST_RANGE = 1024 * 1024 * 1024

# Ranges per thread, if there are enough bytes, so that all threads end at about the same time.
_RANGES_PER_THREAD = 16


def count_files(  # noqa: PLR0913 (keywords, each with a default)
    urls: Path | Iterable[Path],
    client: Client,
    *,
    encoding: str | None = None,
    tally: bool = False,
    block_size: int | None = None,
    storage_options: dict[str, Any] | None = None,
    timeout: float = 60.0,
    progress: Progress | None = None,
) -> Result:
    """Count the pairs of equal neighbours in files, on a Dask cluster.

    Args:
        urls: paths, URLs that fsspec knows (``s3://bucket/*.txt``), and patterns of them. A name
            that exists as a local file means that file. A path means the same regular file on every
            worker. Files whose names say that they are compressed are decompressed.
        client: a client of the cluster, whose workers have this version of doubles_ffi.
        encoding: says that the bytes are text in this encoding, and counts its code points. Only
            UTF-8 and Latin-1 can be cut into ranges.
        tally: also count how many doubles each unit makes.
        block_size: bytes per range. None takes a sixteenth of each thread's share, between 64 MiB
            and 1 GiB.
        storage_options: passed to fsspec for every URL.
        timeout: give up after this many seconds without a scheduler or without any worker.
            `math.inf` waits without a limit.
        progress: is called with the bytes counted and the bytes in all; for compressed files these
            are the compressed bytes.

    Returns:
        An entry for each file, in order; files that match a pattern are sorted.

    Raises:
        ClusterError: there is no scheduler, or no worker, or one with another version.
        LookupError: the encoding is not known.
        TypeError: `urls`, `block_size` or `timeout` has another type.
        ValueError: `block_size` or `timeout` is not positive.
    """
    if block_size is not None:
        block_size = _positive_integer(block_size, "block_size")
    is_cut = can_start_anywhere(encoding)
    job = Job(client, encoding, _positive_number(timeout, "timeout"), tally=tally)
    if isinstance(urls, (str, bytes, os.PathLike)):
        urls = [urls]
    names = [os.fsdecode(url) for url in urls]
    threads = job.find_workers()
    files = [
        File(source, tally=tally)
        for name in names
        for source in list_files(name, storage_options or {})
    ]
    total = sum(file.source.size or 0 for file in files)
    share = math.ceil(total / (_RANGES_PER_THREAD * threads))
    size = block_size or min(max(share, _LEAST_RANGE), _MOST_RANGE)
    for file in files:
        if file.error is None:
            file.cut(size if is_cut else None)
    job.count(files, progress, total)
    return result_of(files, encoding)


def _positive_integer(value: Any, name: str) -> int:
    if not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    integer = operator.index(value)
    if integer < 1:
        raise ValueError(f"{name} must be at least 1, not {integer}")
    return integer


def _positive_number(value: Any, name: str) -> float:
    if not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:  # It is an integer.
        number = math.inf
    if not number > 0:
        raise ValueError(f"{name} must be positive, not {number}")
    return number
