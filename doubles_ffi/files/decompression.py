"""Compressed files.

Each decoder of the standard library is fed here instead of by `gzip.open` and its like, for two
reasons: the content of the bytes read so far is returned before more are waited for, and a file
can't make it take more memory than a limit.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import os
import stat
import threading
from typing import TYPE_CHECKING, Any

from doubles_ffi.files.reading import fill, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

# How the files of each format begin.
_FORMATS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_LONGEST = max(map(len, _FORMATS))

# The largest window of xz (its dictionary) and of zstd, as a power of two: the limit of zstd
# itself, and twice as much as `xz -9` needs. A file of some bytes can claim 4 GiB.
_WINDOW_LOG = 27
_TOO_LARGE = "needs more than 128 MiB of memory to decompress"

# The memory that a decoder of xz needs besides its window.
_XZ_OVERHEAD = 1024 * 1024

# How the decoders of xz and zstd say that a file needs more than they may take.
_LIMIT_MESSAGES = ("Memory usage limit exceeded", "Frame requires too much memory")

# Files with large windows that are open at a time, whatever the number of threads: together they
# take 1 GiB at most. The window of gzip has 32 KiB, and that of bzip2 at most 4 MB.
_AT_ONCE = 8
_LARGE_WINDOWS = {"xz", "lzma", "zstd"}
_slots = threading.BoundedSemaphore(_AT_ONCE)

# Bytes of a compressed file per read.
_CHUNK = 64 * 1024


def compression_of(path: str) -> str | None:
    """Return the name of the format that a regular file is compressed with."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return _format_of(file.read(_LONGEST))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def decompressed(file: Any) -> Iterator[Any]:
    """Open a path or take a binary file, decompressed if it begins like a compressed one.

    Raises:
        OSError: as `open` raises it; or the running Python can't read the format.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(opened(file))
        head = _read_head(file)
        name = _format_of(head)
        if name:
            try:
                content = Decompressed(file, name, head)
            except ImportError:
                raise OSError(errno.ENOTSUP, f"this Python can't read {name}") from None
            yield stack.enter_context(content)
        elif file.seekable():
            file.seek(-len(head), os.SEEK_CUR)
            yield file
        else:
            yield _Rejoined(head, file)


def _format_of(head: bytes) -> str | None:
    for start, name in _FORMATS.items():
        if head.startswith(start):
            return name
    return None


def _read_head(file: Any) -> bytes:
    """Read until it is clear which format a file has."""
    head = b""
    while any(len(start) > len(head) and start.startswith(head) for start in _FORMATS):
        more = _read(file)
        if not more:
            break
        head += more
    return head


def _read(file: Any) -> bytes:
    """Read the bytes that are available, at least one unless the file has ended."""
    memory = memoryview(bytearray(_CHUNK))
    return bytes(memory[: fill(file, memory)])


class _Rejoined:
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, file: Any) -> None:
        self._next = head
        self._file = file

    def readinto(self, room: memoryview) -> int:
        data = self._next or _read(self._file)
        size = min(len(data), len(room))
        room[:size] = data[:size]
        self._next = data[size:]
        return size


class Decompressed:
    """The content of a binary file that is compressed, in a `with`.

    A read returns as soon as there is a byte of it.

    Args:
        file: has `readinto`.
        name: of the format: gzip, bzip2, xz, lzma or zstd.
        head: the first bytes, if they were read already.

    Raises:
        ImportError: the running Python can't read the format.
    """

    def __init__(self, file: Any, name: str, head: bytes = b"") -> None:
        self._next = head  # read, and not yet given to the decoder
        self._file = file
        self._name = name
        self._new_decoder, self._errors = _decoder(name)
        self._decoder = self._new_decoder()

    def __enter__(self) -> Self:
        """Wait until the memory for its decoder is free."""
        if self._name in _LARGE_WINDOWS:
            _slots.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Let another file have the memory."""
        if self._name in _LARGE_WINDOWS:
            _slots.release()

    def readinto(self, room: memoryview) -> int:
        """Read into memory, and return the number of bytes; zero is the end.

        Raises:
            OSError: the file is damaged, or needs too much memory; or as reading it raises.
        """
        while not self._decoder.eof or self._begin_next():
            if self._decoder.needs_input:
                data = self._next or _read(self._file)
                self._next = b""
                if not data:
                    raise self._damaged("the file ends early")
            else:
                data = b""
            decoded = self._decode(data, len(room))
            if decoded:
                room[: len(decoded)] = decoded
                return len(decoded)
        return 0

    def _begin_next(self) -> bool:
        """Begin with the compressed data after the end of others, if there is any.

        Appended files have such data, and those that are compressed in parallel. The zeros before
        it are padding.
        """
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest:
            more = _read(self._file)
            if not more:
                return False
            rest = more.lstrip(b"\0")
        self._decoder = self._new_decoder()
        self._next = rest
        return True

    def _decode(self, data: bytes, most: int) -> bytes:
        try:
            decoded: bytes = self._decoder.decompress(data, most)
        except self._errors as error:
            if any(message in str(error) for message in _LIMIT_MESSAGES):
                raise OSError(errno.ENOMEM, f"{self._name} that {_TOO_LARGE}") from None
            raise self._damaged(error) from None
        return decoded

    def _damaged(self, reason: object) -> OSError:
        return OSError(errno.EIO, f"damaged {self._name}: {reason}")


def _decoder(name: str) -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    """Return what makes the decoders of a format, and the exceptions for damaged data.

    Raises:
        ImportError: the running Python can't read the format.
    """
    if name == "gzip":
        import zlib

        return functools.partial(_GzipDecoder, zlib.decompressobj), (zlib.error,)
    if name == "bzip2":
        import bz2

        return bz2.BZ2Decompressor, (OSError,)
    if name in {"xz", "lzma"}:
        import lzma

        form = lzma.FORMAT_XZ if name == "xz" else lzma.FORMAT_ALONE
        limit = (1 << _WINDOW_LOG) + _XZ_OVERHEAD
        return functools.partial(lzma.LZMADecompressor, form, limit), (lzma.LZMAError,)
    try:
        zstd = importlib.import_module("compression.zstd")  # From Python 3.14 on.
    except ImportError:
        zstd = importlib.import_module("backports.zstd")
    options = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return functools.partial(zstd.ZstdDecompressor, options=options), (zstd.ZstdError,)


class _GzipDecoder:
    """zlib's decoder of gzip, with the methods of the other formats' decoders."""

    _GZIP = 31  # the largest window, and the header and checksum of gzip

    def __init__(self, new: Callable[[int], Any]) -> None:
        self._zlib = new(self._GZIP)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._zlib.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._zlib.unused_data)

    def decompress(self, data: bytes, most: int) -> bytes:
        decoded: bytes = self._zlib.decompress(self._zlib.unconsumed_tail + data, most)
        self.needs_input = len(decoded) < most
        return decoded
