"""A file as it was listed, and how a worker reads it."""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import os
import pathlib
import stat
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distributed import get_worker

from doubles_ffi.cluster.results import FileChangedError
from doubles_ffi.files.decompression import Decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes per request to a store, which takes some milliseconds to answer one of any size.
_REQUEST = 8 * 1024 * 1024

# The names under which stores give a property that changes with a file's content.
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


@dataclass(frozen=True)
class Source:
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
                look = functools.partial(look_at_local, file.fileno(), self.path)
                self._compare(look())
            else:
                look = functools.partial(look_at_stored, self.system, self.path)
                self._compare(look())
                options = {"block_size": _REQUEST, "cache_type": "readahead"}
                file = stack.enter_context(self.system.open(self.path, "rb", **options))
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


def look_at_local(file: str | int, path: str) -> tuple[int | None, str]:
    """Return the size of a local file, and a version that changes with its content.

    Raises:
        OSError: it is not a regular file.
    """
    try:
        status = os.stat(file)
    except OSError as error:  # On Windows its words are not those of `open`.
        raise OSError(error.errno, os.strerror(error.errno or 0), path) from None
    if stat.S_ISDIR(status.st_mode):
        raise _is_a_directory(path)
    if not stat.S_ISREG(status.st_mode):
        raise _is_not_regular(path)
    return status.st_size, f"{status.st_ino} {status.st_mtime_ns}"


def look_at_stored(system: Any, path: str) -> tuple[int | None, str]:
    """Return the size of a file in a store, and a version that changes with its content.

    Raises:
        OSError: it is not a file.
    """
    system.invalidate_cache(path)
    info = system.info(path)
    if info["type"] == "directory":
        raise _is_a_directory(path)
    if info["type"] == "other":  # In a store that is a local directory.
        raise _is_not_regular(path)
    return info["size"], repr([(name, info[name]) for name in _VERSIONS if name in info])


def _is_a_directory(path: str) -> OSError:
    return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _is_not_regular(path: str) -> OSError:
    return OSError(errno.EINVAL, "not a regular file", path)


def compression_of(name: str) -> str | None:
    """Return the format of a compressed file, by the end of its name."""
    return _COMPRESSIONS.get(pathlib.PurePath(name).suffix.lower())


def _decompressed(file: Any, compression: str) -> Any:
    """Return the content of a compressed file, for `with`.

    Raises:
        OSError: the worker can't read the format.
        ValueError: it is an archive that does not hold exactly one file.
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
    """Open the file in an archive that holds only one."""
    archive = zipfile.ZipFile(file)
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise ValueError(f"an archive of {len(members)} files; count them as zip://*::FILE")
    if members[0].compress_type == zipfile.ZIP_LZMA:  # Its decoder takes any amount of memory.
        raise ValueError("the file in the archive is compressed with lzma")
    return archive.open(members[0])
