"""Counting files on a cluster: Dask runs the work, fsspec reads the files, summaries merge here.

A file is cut into blocks at any byte. Workers sum them up, and this process merges the summaries in
their order: a summary is a hundred bytes, and merging two takes 10 us, so that there is nothing to
distribute. Whatever a worker meets comes back as a value, since Dask would repeat what is raised.

A file that can't be counted has an error, and the others are counted. Where a block is not valid,
its worker sums up what comes before the fault and adds the bytes at the fault. Merging both after
the blocks before them raises the exception that `count_file` raises, position included.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import math
import os
import pickle
import pydoc
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker, get_worker
from distributed import TimeoutError as DaskTimeoutError
from fsspec.core import OpenFile, has_magic, url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import infer_compression

from doubles_ffi import __version__
from doubles_ffi._library import UTF8
from doubles_ffi._stretch import Stretch
from doubles_ffi.files import FileCounter, Progress, can_start_anywhere, count_range

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from distributed import Client

    # What is before the first fault, and a few bytes at the fault, if there is one; or an error.
    _Part = tuple[Stretch, bytes] | Exception

__all__ = ["ClusterError", "FileChangedError", "FileCount", "Result", "count_files"]

# Bytes per block, at least and at most: a task costs the scheduler some 2 ms, in which a worker
# reads 40 MB; and what a lost worker had done of a block is done again.
_LEAST_BLOCK = 64 * 1024 * 1024
_MOST_BLOCK = 1024 * 1024 * 1024

# Blocks per thread, if there are enough bytes, so that all threads end at about the same time.
_BLOCKS_PER_THREAD = 16

# Blocks that a thread has or will have next. More would only wait at the scheduler.
_AHEAD = 4

# Bytes per request to a store, which takes some milliseconds to answer any.
_REQUEST = 8 * 1024 * 1024

# How often a block is tried that could not be read.
_TRIES = 3

# Seconds between two looks at whether there still is a cluster, and that an answer may take.
_PATIENCE = 2.0

# What stores know of a file's content, under whatever name.
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "version_id", "mtime", "ino", "LastModified")


class FileChangedError(OSError):
    """A file is not the one that was listed, or has changed while it was read."""


# Trying again does not help.
_FINAL = (FileChangedError, FileNotFoundError, PermissionError, UnicodeError, ValueError)


class ClusterError(RuntimeError):
    """There is no cluster to count on, or not any more.

    Attributes:
        result: what was counted before. Files that were not finished have this error.
    """

    def __init__(self, message: str, result: Result | None = None) -> None:
        super().__init__(message)
        self.result = result or Result(())


@dataclass(frozen=True)
class FileCount:
    """What one file came to.

    Attributes:
        url: the file, as it was given; what a pattern matched has an entry for each file.
        count: doubles; 0 if there is an error.
        length: code points or bytes; 0 if there is an error.
        tally: doubles of each unit, if asked for.
        size: bytes, as listed; None if that is not known.
        error: why the file could not be counted.
    """

    url: str
    count: int = 0
    length: int = 0
    tally: Counter[Any] = field(default_factory=Counter)
    size: int | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Result:
    """What all files came to; those with errors are left out of the sums."""

    files: tuple[FileCount, ...]

    @property
    def count(self) -> int:
        """Doubles in all files. None is counted across two files."""
        return sum(file.count for file in self.files)

    @property
    def length(self) -> int:
        """Code points or bytes in all files."""
        return sum(file.length for file in self.files)

    @property
    def tally(self) -> Counter[Any]:
        """Doubles of each unit in all files, if asked for."""
        total: Counter[Any] = Counter()
        for file in self.files:
            total.update(file.tally)
        return total

    def raise_for_errors(self) -> None:
        """Raise the error of the first file that has one."""
        for file in self.files:
            if file.error is not None:
                raise file.error


def count_files(  # noqa: PLR0913 (keywords, each with a default)
    urls: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    client: Client,
    *,
    encoding: str | None = None,
    tally: bool = False,
    block_size: int | None = None,
    storage_options: dict[str, Any] | None = None,
    timeout: float = 60.0,
    progress: Progress | bool | None = None,
) -> Result:
    """Count the pairs of equal neighbours in files, on a Dask cluster.

    Args:
        urls: URLs that fsspec knows (``s3://bucket/*.txt``), paths, and patterns of them. A path
            means the same file on every worker. Files whose names say that they are compressed are
            decompressed.
        client: of the cluster, whose workers have this version of doubles_ffi.
        encoding: says that the bytes are text in this encoding, and counts its code points. Only
            UTF-8 and Latin-1 can be cut into blocks.
        tally: also count how many doubles each unit makes.
        block_size: bytes per block. None takes a sixteenth of each thread's share, between 64 MiB
            and 1 GiB.
        storage_options: passed to fsspec for every URL.
        timeout: seconds without a scheduler or without any worker after which to give up.
        progress: is called with the bytes done and all there are, compressed ones as they are
            stored. True shows a bar.

    Returns:
        An entry for each file, in order; those of a pattern are sorted.

    Raises:
        ClusterError: there is no scheduler, or no worker, or one with another version.
        LookupError: the encoding is not known.
        ValueError: `block_size` or `timeout` is not positive.
    """
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size must be at least 1, not {block_size}")
    if not timeout > 0:
        raise ValueError(f"timeout must be positive, not {timeout}")
    is_cut = can_start_anywhere(encoding)
    run = _Run(client, encoding, timeout, tally=tally)
    threads = run.find_workers()
    if isinstance(urls, (str, os.PathLike)):
        urls = [urls]
    files = [
        _File(source, Stretch(tally=tally, is_part=False))
        for url in urls
        for source in _list(os.fspath(url), storage_options or {})
    ]
    total = sum(file.source.size or 0 for file in files)
    share = math.ceil(total / (_BLOCKS_PER_THREAD * threads))
    size = block_size or min(max(share, _LEAST_BLOCK), _MOST_BLOCK)
    for file in files:
        if file.error is None:
            file.cut(size if is_cut else None)
    with contextlib.ExitStack() as stack:
        if progress is True:
            progress = stack.enter_context(contextlib.closing(_Bar(total)))
        run.count(files, progress or None, total)
    return _result(files, encoding)


@dataclass(frozen=True)
class _Source:
    """A file as it was listed: all that a worker has to know to read it."""

    name: str  # as it was given
    url: str = ""
    size: int | None = None
    version: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    compression: str | None = None
    error: Exception | None = None

    def open(self) -> Any:
        """Open it, for `with`.

        Raises:
            FileChangedError: it is not the file that was listed.
        """
        system, path = self.look_up()
        if self.compression:
            return OpenFile(system, path, compression=self.compression)
        if _is_local(system):
            return open(path, "rb", buffering=0)  # noqa: PTH123 (pathlib has no more to offer)
        return system.open(path, "rb", block_size=_REQUEST, cache_type="readahead")

    def look_up(self) -> tuple[Any, str]:
        """Return its file system and path there.

        Raises:
            FileChangedError: it is not the file that was listed.
        """
        system, path = url_to_fs(self.url, **self.options)
        try:
            found = _version(system, path)
        except FileNotFoundError as error:
            if _is_local(system):
                where = f"on the worker {get_worker().address}"
                message = f"no such file {where}; a path has to mean the same file on every worker"
                raise FileNotFoundError(errno.ENOENT, message, path) from error
            raise
        if found != (self.size, self.version):
            raise FileChangedError(errno.ESTALE, "the file has changed since it was listed", path)
        return system, path


def _is_local(system: Any) -> bool:
    return isinstance(system, LocalFileSystem)


def _version(system: Any, path: str) -> tuple[int | None, str]:
    """Return the size of a file, and what changes with its content."""
    system.invalidate_cache(path)
    info = system.info(path)
    if info["type"] == "directory":
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return info["size"], repr([(name, info[name]) for name in _VERSIONS if name in info])


def _list(url: str, options: dict[str, Any]) -> Iterator[_Source]:
    """Yield the files that a URL means; what can't be found or looked up has an error."""
    try:
        system, path = url_to_fs(url, **options)
        # A name may look like a pattern, as `http://host/file?page=1` does.
        is_pattern = has_magic(path) and not system.exists(path)
        paths = sorted(system.glob(path)) if is_pattern else [path]
    except Exception as error:  # noqa: BLE001 (each store raises errors of its own)
        yield _Source(url, error=error)
        return
    if not paths:
        yield _Source(url, error=FileNotFoundError(errno.ENOENT, "no file matches", url))
    for found in paths:
        full = found if _is_local(system) else system.unstrip_protocol(found)
        name = url
        if is_pattern:
            is_relative = _is_local(system) and "://" not in url and not os.path.isabs(url)  # noqa: PTH117 (it is text)
            name = os.path.relpath(found) if is_relative else full
        try:
            size, version = _version(system, found)
        except Exception as error:  # noqa: BLE001 (the same)
            yield _Source(name, error=error)
        else:
            yield _Source(name, full, size, version, options, infer_compression(found))


class _File:
    """A file on its way: its blocks, and what the first of them came to."""

    def __init__(self, source: _Source, stretch: Stretch) -> None:
        self.source = source
        self.stretch = stretch
        self.error = source.error
        self.blocks: list[range | None] = []  # one that is None is the whole file
        self._merged = 0
        self._parts: dict[int, _Part] = {}  # whose turn has not come

    def cut(self, size: int | None) -> None:
        """Cut it into blocks, or into a single one."""
        length = self.source.size
        if size is None or length is None or self.source.compression:
            self.blocks = [None]
        else:
            starts = range(0, max(length, 1), size)
            self.blocks = [range(start, min(start + size, length)) for start in starts]

    def size_of(self, number: int) -> int:
        """Return how many bytes a block has, as far as that is known."""
        block = self.blocks[number]
        return (self.source.size or 0) if block is None else len(block)

    def add(self, number: int, part: _Part) -> None:
        """Take what a block came to, and merge the blocks whose turn it is."""
        self._parts[number] = part
        while self.error is None and self._merged in self._parts:
            try:
                self._append(self._parts.pop(self._merged))
            except Exception as error:  # noqa: BLE001 (whatever a store raises)
                self.error = error
        if self.error is not None:
            self._parts.clear()

    def _append(self, part: _Part) -> None:
        if isinstance(part, Exception):
            raise part
        summed_up, following = part
        if self.blocks[self._merged] is None:
            self.stretch = summed_up
        else:
            self.stretch.merge(summed_up)
            if following:
                self.stretch.append(UTF8, following, len(following), 1)
                raise FileChangedError(errno.ESTALE, "the file has changed", self.source.name)
        self._merged += 1
        if self._merged == len(self.blocks):
            self.stretch.finish()

    def abandon(self, error: Exception) -> None:
        """Give it an error, unless it is done."""
        if self.error is None and self._merged < len(self.blocks):
            self.error = error

    def result(self, encoding: str | None) -> FileCount:
        """Return what it came to."""
        source, stretch = self.source, self.stretch
        if self.error is not None:
            return FileCount(source.name, size=source.size, error=self.error)
        tally = stretch.read_tally(text=encoding is not None)
        return FileCount(source.name, stretch.count, stretch.length, tally, source.size)


# On the workers.


def _sum_up(
    source: _Source,
    block: range | None,
    encoding: str | None,
    tally: bool,  # noqa: FBT001 (Dask passes it)
) -> tuple[Stretch, bytes] | _Failure:
    """Return what a block comes to, or the error that it meets."""
    try:
        return _sum_up_or_raise(source, block, encoding, tally=tally)
    except Exception as error:  # noqa: BLE001 (whatever a store raises)
        return _Failure(error)


class _Failure:
    """An error on its way to the client.

    Not pickled as an exception: tblib, which Dask loads, would lose what some have besides `args`,
    such as the position in a UnicodeDecodeError.
    """

    def __init__(self, error: Exception) -> None:
        try:
            made = error.__reduce__()[:2]
            self._pickled = pickle.dumps(made)
            self.exception()
        except Exception:  # noqa: BLE001 (whatever its class does)
            self._pickled = pickle.dumps((OSError, (f"{type(error).__name__}: {error}",)))

    def exception(self) -> Exception:
        """Return the error."""
        make, arguments = pickle.loads(self._pickled)
        error: Exception = make(*arguments)
        return error


def _sum_up_or_raise(
    source: _Source, block: range | None, encoding: str | None, *, tally: bool
) -> tuple[Stretch, bytes]:
    following = b""
    with source.open() as opened:
        file = _Watched(opened, source)
        if block is None:
            part = FileCounter(encoding, 1, tally=tally).count(file)
        else:
            start, stop = block.start, block.stop
            try:
                part = count_range(file, start, stop, encoding=encoding, tally=tally)
            except UnicodeDecodeError as error:
                fault = start + error.start
                part = count_range(file, start, fault, encoding=encoding, tally=tally)
                # What is wrong shows within the four bytes that a code point has at most.
                file.seek(fault)
                following = opened.read(min(4, stop - fault))
    source.look_up()
    return part, following


class _Watched:
    """An open file that stops being read when nobody wants its count any more."""

    def __init__(self, file: Any, source: _Source) -> None:
        self._file = file
        self._source = source
        self._worker = get_worker()
        self._task = self._worker.get_current_task()

    def seek(self, position: int) -> None:
        self._file.seek(position)

    def readinto(self, room: memoryview) -> int:
        task = self._worker.state.tasks.get(self._task)
        if task is None or task.state == "cancelled":
            raise InterruptedError(errno.EINTR, "the count is no longer wanted")
        size: int = self._file.readinto(room)
        return size


# On the client.


@dataclass
class _Block:
    """One task."""

    file: _File
    number: int
    tries: int = 0
    is_suspect: bool = False  # its worker has died


class _Run:
    """One count: what is in flight, and whether anyone is left to do it."""

    def __init__(
        self, client: Client, encoding: str | None, timeout: float, *, tally: bool
    ) -> None:
        self._client: Any = client  # What it returns depends on the thread that asks.
        self._encoding = encoding
        self._tally = tally
        self._timeout = timeout
        self._threads = 0  # of all workers, as last seen
        self._seen = time.monotonic()  # when that was
        self._looked = -math.inf
        self._finished: SimpleQueue[Any] = SimpleQueue()
        self._in_flight: dict[Hashable, tuple[Any, _Block]] = {}

    def find_workers(self) -> int:
        """Wait for a worker, and return how many threads all of them have.

        Raises:
            ClusterError: there is none in time, or one has another version.
        """
        self._wait_for_workers()
        try:
            found = self._client.run(
                pydoc.locate,
                "doubles_ffi.__version__",
                on_error="return",
                callback_timeout=self._timeout,
            )
        except Exception as error:
            raise ClusterError(f"a worker does not answer: {error}") from error
        wrong = [f"{name}: {found[name]}" for name in found if found[name] != __version__]
        if wrong:
            expected = f"each worker needs doubles_ffi {__version__}, as here"
            raise ClusterError(f"{expected}; found {', '.join(wrong)}")
        return self._threads

    def count(self, files: list[_File], progress: Progress | None, total: int) -> None:
        """Count files; what each came to is left in it.

        Raises:
            ClusterError: nobody is left to count them. Files that are not done have this error.
        """
        waiting = (
            _Block(file, number)
            for file in files
            for number in range(len(file.blocks))
            if file.error is None
        )
        suspects: deque[_Block] = deque()
        done = 0
        try:
            while self._fill(waiting, suspects):
                block, part = self._next()
                block.tries += 1
                if isinstance(part, KilledWorker) and not block.is_suspect:
                    block.is_suspect = True
                    suspects.append(block)
                elif _is_worth_trying_again(part) and block.tries < _TRIES:
                    self._submit(block)
                else:
                    block.file.add(block.number, part)
                    done += block.file.size_of(block.number)
                    if progress:
                        progress(done, total)
        except ClusterError as error:
            for file in files:
                file.abandon(error)
            error.result = _result(files, self._encoding)
            raise
        finally:
            for future, _ in self._in_flight.values():
                future.release()  # Its worker notices, and stops reading.

    def _fill(self, waiting: Iterator[_Block], suspects: deque[_Block]) -> bool:
        """Submit as many blocks as suit the workers; return whether there is anything to wait for.

        Dask blames all blocks that a worker had when it died. Which of them kills its worker shows
        when each is alone.
        """
        # One at least, so that it goes on with the workers that come after all have died.
        room = max(_AHEAD * self._threads, 1) - len(self._in_flight)
        for block in itertools.islice(waiting, max(room, 0)):
            self._submit(block)
        if not self._in_flight and suspects:
            self._submit(suspects.popleft())
        return bool(self._in_flight)

    def _submit(self, block: _Block) -> None:
        file = block.file
        arguments = (file.source, file.blocks[block.number], self._encoding, self._tally)
        future = self._client.submit(_sum_up, *arguments, pure=False)
        self._in_flight[future.key] = future, block
        future.add_done_callback(self._finished.put)

    def _next(self) -> tuple[_Block, _Part]:
        """Wait for any block, and return what it came to."""
        while True:
            self._look(_PATIENCE)
            try:
                future = self._finished.get(timeout=_PATIENCE)
                break
            except Empty:
                continue
        part = self._outcome(future)
        _, block = self._in_flight.pop(future.key)
        future.release()
        return block, part

    def _outcome(self, future: Any) -> _Part:
        """Return what a finished task came to; its worker may be lost just now."""
        while True:
            try:
                part = future.result(timeout=_PATIENCE)
            except DaskTimeoutError:
                self._look(_PATIENCE)
            except KilledWorker as error:
                return error
            except Exception as error:  # noqa: BLE001 (Dask's own; what a worker meets is a value)
                self._wait_for_workers()
                return OSError(f"{type(error).__name__}: {error}")
            else:
                return part.exception() if isinstance(part, _Failure) else part

    def _wait_for_workers(self) -> None:
        """Wait until there is a worker.

        Raises:
            ClusterError: there is none in time.
        """
        self._look(0)
        while not self._threads:
            time.sleep(min(_PATIENCE, self._timeout) / 10)
            self._look(0)

    def _look(self, seconds: float) -> None:
        """See who is there, if the last look was that long ago.

        Raises:
            ClusterError: nobody has been there for too long.
        """
        now = time.monotonic()
        if now - self._looked < seconds:
            return
        self._looked = now
        missing = "worker"
        try:
            threads = self._client.nthreads(callback_timeout=min(_PATIENCE, self._timeout))
        except Exception:  # noqa: BLE001 (a lost connection has many)
            threads, missing = {}, "scheduler"
        now = time.monotonic()
        self._threads = sum(threads.values())
        if threads:
            self._seen = now
        elif now - self._seen >= self._timeout:
            raise ClusterError(f"there has been no {missing} for {self._timeout:g} seconds")


def _is_worth_trying_again(part: _Part) -> bool:
    return isinstance(part, Exception) and not isinstance(part, (*_FINAL, KilledWorker))


def _result(files: list[_File], encoding: str | None) -> Result:
    return Result(tuple(file.result(encoding) for file in files))


class _Bar:
    """Progress as a bar on standard error."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=total, unit="B", unit_scale=True, dynamic_ncols=True)

    def __call__(self, done: int, _total: int | None, /) -> None:
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()
