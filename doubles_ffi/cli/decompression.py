"""Compressed files, told by how they begin."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["compression_of", "decompressed"]

# How the files of each format begin.
_FORMATS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_LONGEST = max(map(len, _FORMATS))


def compression_of(path: str) -> str | None:
    """Return the name of the format that a regular file is compressed with."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (a Path forgets a slash at the end)
            return None
        with open(path, "rb") as file:  # noqa: PTH123 (the same)
            return _format_of(file.read(_LONGEST))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def decompressed(file: Any) -> Iterator[Any]:
    """Open a path or take a binary file, decompressed if it is compressed, else as it is.

    Raises:
        OSError: as `open` raises it; or the running Python can't read the format.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(file, str):
            file = stack.enter_context(open(file, "rb", buffering=0))  # noqa: PTH123 (as above)
        head = _read_head(file)
        if file.seekable():
            file.seek(-len(head), os.SEEK_CUR)
        else:
            file = io.BufferedReader(_Rejoined(head, file))
        name = _format_of(head)
        yield _Decompressed(file, name) if name else file


def _format_of(head: bytes) -> str | None:
    for start, name in _FORMATS.items():
        if head.startswith(start):
            return name
    return None


def _read_head(file: Any) -> bytes:
    head = b""
    while len(head) < _LONGEST and (part := file.read(_LONGEST - len(head))):
        head += part
    return head


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._head:
            size: int | None = self._rest.readinto(buffer)
            return size
        part = self._head[: len(buffer)]
        buffer[: len(part)] = part
        self._head = self._head[len(part) :]
        return len(part)


class _Decompressed:
    """What a compressed file holds."""

    def __init__(self, file: Any, name: str) -> None:
        self._name = name
        self._damaged: tuple[type[Exception], ...] = (EOFError,)
        try:
            if name == "gzip":
                import gzip
                import zlib

                self._file: Any = gzip.GzipFile(fileobj=file)
                self._damaged += (zlib.error,)
            elif name == "bzip2":
                import bz2

                self._file = bz2.BZ2File(file)
            elif name == "xz":
                import lzma

                self._file = lzma.LZMAFile(file)  # noqa: SIM115 (the file is closed by whoever opened it)
                self._damaged += (lzma.LZMAError,)
            else:
                zstd = importlib.import_module("compression.zstd")  # From Python 3.14 on.
                self._file = zstd.ZstdFile(file)
                self._damaged += (zstd.ZstdError,)
        except ImportError:
            raise OSError(errno.ENOTSUP, f"this Python can't read {name}") from None

    def readinto(self, buffer: Any) -> int:
        try:
            size: int = self._file.readinto(buffer)
        except self._damaged as error:
            raise OSError(errno.EIO, f"damaged {self._name}: {error}") from None
        return size
