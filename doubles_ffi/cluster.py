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
import functools
import glob
import importlib
import itertools
import math
import operator
import os
import pathlib
import pickle
import pydoc
import stat
import time
import zipfile
from collections import Counter, deque
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker, get_worker
from distributed import TimeoutError as DaskTimeoutError
from fsspec.core import split_protocol, url_to_fs
from fsspec.registry import available_protocols

from doubles_ffi import __version__
from doubles_ffi._decompression import Decompressed
from doubles_ffi._library import UTF8
from doubles_ffi._stretch import Stretch
from doubles_ffi.files import FileCounter, Path, Progress, can_start_anywhere, count_range

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

# From this many seconds on, a timeout is none: asyncio can't add it to the time.
_ENDLESS = 1e9

# The names under which stores give something that changes with a file's content.
_VERSIONS = (
    *("ETag", "etag", "generation", "md5Hash", "version_id"),
    *("mtime", "ino", "LastModified", "CRC"),
)

# The formats of compressed files, by the ends of their names. There is no reader for snappy.
_COMPRESSIONS = {
    ".gz": "gzip",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".lzma": "lzma",
    ".zst": "zstd",
    ".zip": "zip",
    ".lz4": "lz4",
    ".snappy": "snappy",
}


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
    urls: Path | Iterable[Path],
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
        urls: paths, URLs that fsspec knows (``s3://bucket/*.txt``), and patterns of them. The name
            of a local file that exists is that file. A path means the same regular file on every
            worker. Files whose names say that they are compressed are decompressed.
        client: of the cluster, whose workers have this version of doubles_ffi.
        encoding: says that the bytes are text in this encoding, and counts its code points. Only
            UTF-8 and Latin-1 can be cut into blocks.
        tally: also count how many doubles each unit makes.
        block_size: bytes per block. None takes a sixteenth of each thread's share, between 64 MiB
            and 1 GiB.
        storage_options: passed to fsspec for every URL.
        timeout: give up after this many seconds without a scheduler or any worker. `math.inf`
            waits for them without a limit.
        progress: is called with the bytes done and all there are, compressed ones as they are
            stored. True shows a bar.

    Returns:
        An entry for each file, in order; those of a pattern are sorted.

    Raises:
        ClusterError: there is no scheduler, or no worker, or one with another version.
        LookupError: the encoding is not known.
        TypeError: `urls`, `block_size` or `timeout` is of another type.
        ValueError: `block_size` or `timeout` is not positive.
    """
    if block_size is not None:
        block_size = _positive_integer(block_size, "block_size")
    is_cut = can_start_anywhere(encoding)
    run = _Run(client, encoding, _positive_number(timeout, "timeout"), tally=tally)
    if isinstance(urls, (str, bytes, os.PathLike)):
        urls = [urls]
    names = [os.fsdecode(url) for url in urls]
    threads = run.find_workers()
    files = [
        _File(source, Stretch(tally=tally, is_part=False))
        for name in names
        for source in _list(name, storage_options or {})
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


def _positive_integer(value: object, name: str) -> int:
    if not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    integer = operator.index(value)
    if integer < 1:
        raise ValueError(f"{name} must be at least 1, not {integer}")
    return integer


def _positive_number(value: object, name: str) -> float:
    if not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:  # It is an integer.
        number = math.inf
    if not number > 0:
        raise ValueError(f"{name} must be positive, not {number}")
    return number


@dataclass(frozen=True)
class _Source:
    """A file as it was listed: everything that a worker needs to read it."""

    name: str  # as the caller gave it
    path: str = ""
    system: Any = None  # of fsspec; None for a local path
    size: int | None = None
    version: str = ""
    compression: str | None = None
    error: Exception | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        """Open it on a worker, and check before and after reading that it is as it was listed.

        Raises:
            FileChangedError: it is not.
        """
        with contextlib.ExitStack() as stack:
            if self.system is None:
                file = stack.enter_context(_open_local(self.path))
                look = functools.partial(_look_at_local, file.fileno(), self.path)
            else:
                look = functools.partial(_look_at_stored, self.system, self.path)
            self._compare(look())
            if self.system is not None:
                opened = self.system.open(
                    self.path, "rb", block_size=_REQUEST, cache_type="readahead"
                )
                file = stack.enter_context(opened)
            if self.compression is not None:
                file = stack.enter_context(_decompressed(file, self.compression))
            yield file
            self._compare(look())

    def _compare(self, found: tuple[int | None, str]) -> None:
        if found != (self.size, self.version):
            message = "the file has changed since it was listed"
            raise FileChangedError(errno.ESTALE, message, self.path)


def _open_local(path: str) -> Any:
    """Open a local file on a worker, without waiting for the other end of a pipe."""
    flag = getattr(os, "O_NONBLOCK", 0)  # Windows has no such files.
    try:
        return open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | flag))
    except FileNotFoundError as error:
        where = f"on the worker {get_worker().address}"
        message = f"no such file {where}; a path has to mean the same file on every worker"
        raise FileNotFoundError(errno.ENOENT, message, path) from error


def _look_at_local(file: str | int, path: str) -> tuple[int | None, str]:
    """Return the size of a local file, and what changes with its content."""
    status = os.stat(file)  # noqa: PTH116 (it may be a descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise _is_a_directory(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    return status.st_size, f"{status.st_ino} {status.st_mtime_ns}"


def _look_at_stored(system: Any, path: str) -> tuple[int | None, str]:
    """Return the size of a file in a store, and what changes with its content."""
    system.invalidate_cache(path)
    info = system.info(path)
    if info["type"] == "directory":
        raise _is_a_directory(path)
    return info["size"], repr([(name, info[name]) for name in _VERSIONS if name in info])


def _is_a_directory(path: str) -> Exception:
    return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _decompressed(file: Any, compression: str) -> Any:
    """Return the content of a compressed file, for `with`.

    Raises:
        OSError: the worker can't read the format.
        ValueError: it is an archive of any other number of files than one.
    """
    try:
        if compression == "zip":
            return _only_member(file)
        if compression == "lz4":
            return importlib.import_module("lz4.frame").open(file)
        if compression != "snappy":
            return Decompressed(file, compression)
    except ImportError:
        pass
    where = get_worker().address
    raise OSError(errno.ENOTSUP, f"the Python of the worker {where} can't read {compression}")


def _only_member(file: Any) -> Any:
    """Open the file in an archive that holds a single one."""
    archive = zipfile.ZipFile(file)
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise ValueError(f"an archive of {len(members)} files; count them as zip://*::FILE")
    if members[0].compress_type == zipfile.ZIP_LZMA:  # Its decoder takes any amount of memory.
        raise ValueError("the file in the archive is compressed with lzma")
    return archive.open(members[0])


def _local_path(name: str) -> tuple[str, str] | None:
    """Return how the URL of a local file begins, and its path; None for a file in a store."""
    if os.path.lexists(name):
        return "", name
    for start in ("file://", "local://"):
        if name.startswith(start):
            return start, name.removeprefix(start)
    first = name.split("::", 1)[0]
    is_url = split_protocol(first)[0] is not None or (first != name and first in _protocols())
    return None if is_url else ("", name)


@functools.cache
def _protocols() -> frozenset[str]:
    return frozenset(available_protocols())


def _list(name: str, options: dict[str, Any]) -> Iterator[_Source]:
    """Yield the files that a name means; if there are none, one with an error."""
    local = _local_path(name)
    try:
        found = _list_local(*local) if local else _list_stored(name, options)
        if not found:
            raise FileNotFoundError(errno.ENOENT, "no file matches", name)  # noqa: TRY301
    except Exception as error:  # noqa: BLE001 (each store raises errors of its own)
        found = [_Source(name, error=error)]
    yield from found


def _list_local(start: str, path: str) -> list[_Source]:
    """Return the files that a path or a pattern of paths means."""
    if not glob.has_magic(path) or os.path.lexists(path):
        return [_local_source(start + path, path)]
    found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (hidden files do not match)
    return [_local_source(start + path, path) for path in found if not pathlib.Path(path).is_dir()]


def _local_source(name: str, path: str) -> _Source:
    try:
        size, version = _look_at_local(path, path)
        # Not normalized, since `link/..` may be another directory.
        path = str(pathlib.Path.cwd() / path)
    except (OSError, ValueError) as error:
        return _Source(name, error=error)
    return _Source(name, path, None, size, version, _compression(path))


def _list_stored(url: str, options: dict[str, Any]) -> list[_Source]:
    """Return the files in a store that a URL or a pattern of URLs means."""
    system, path = url_to_fs(url, **options)
    # A name may look like a pattern, as `http://host/file?page=1` does.
    if not glob.has_magic(path) or system.exists(path):
        return [_stored_source(url, system, path)]
    sources = []
    for found in sorted(system.glob(path)):
        # The protocol alone does not name a file in a chain such as `zip://*::archive.zip`.
        full = url.replace(path, found) if path in url else system.unstrip_protocol(found)
        sources.append(_stored_source(full, system, found))
    return [source for source in sources if not isinstance(source.error, IsADirectoryError)]


def _stored_source(name: str, system: Any, path: str) -> _Source:
    try:
        size, version = _look_at_stored(system, path)
    except Exception as error:  # noqa: BLE001 (each store raises errors of its own)
        return _Source(name, error=error)
    # The query of a URL comes after the name of its file, or has it.
    compression = _compression(path) or _compression(path.partition("?")[0])
    return _Source(name, path, system, size, version, compression)


def _compression(name: str) -> str | None:
    return _COMPRESSIONS.get(pathlib.PurePath(name).suffix.lower())


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
        if size is None or not length or self.source.compression:
            self.blocks = [None]
        elif self.source.system is None and length <= size:
            self.blocks = [None]  # In /proc and /sys a file may end elsewhere than its size says.
        else:
            starts = range(0, length, size)
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
    with source.opened() as opened:
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
        start = time.monotonic()
        while True:
            self._wait_for_workers()
            found = self._ask_for_versions()
            lost = [answer for answer in found.values() if isinstance(answer, OSError)]
            if found and not lost:
                break
            # Until the scheduler has noticed that a worker has died, it is asked with the others.
            if time.monotonic() - start >= self._timeout:
                raise ClusterError(f"a worker does not answer: {lost[0] if lost else 'it is gone'}")
            self._pause()
        wrong = [f"{name}: {found[name]}" for name in found if found[name] != __version__]
        if wrong:
            expected = f"each worker needs doubles_ffi {__version__}, as here"
            raise ClusterError(f"{expected}; found {', '.join(wrong)}")
        return self._threads

    def _ask_for_versions(self) -> dict[str, Any]:
        """Return the version of doubles_ffi that each worker has, or an exception."""
        try:
            found: dict[str, Any] = self._client.run(
                pydoc.locate,
                "doubles_ffi.__version__",
                on_error="return",
                callback_timeout=self._timeout if self._timeout < _ENDLESS else None,
            )
        except Exception as error:
            raise ClusterError(f"a worker does not answer: {error}") from error
        return found

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
            self._pause()
            self._look(0)

    def _pause(self) -> None:
        time.sleep(min(_PATIENCE, self._timeout) / 10)

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
