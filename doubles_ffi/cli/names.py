"""The names of files: in a list, and how large the files are."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Any

from doubles_ffi.cli.scheduling import standard_input

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["file_size", "listed"]

# Bytes per read of a list.
_BLOCK = 64 * 1024


def listed(path: str, separator: bytes) -> Iterator[str | None]:
    """Yield the names in a file as they come, except empty ones; None before waiting for more.

    Raises:
        OSError: the list can't be read.
    """
    if file_size(path) is None and path != "-":
        yield None  # It may be a named pipe, where opening waits for a writer.
    with contextlib.ExitStack() as stack:
        file = standard_input() if path == "-" else stack.enter_context(open(path, "rb"))  # noqa: PTH123 (a Path forgets a slash at the end)
        parts: list[bytes] = []  # of the name whose end has not been read
        while True:
            if _has_to_wait(file):
                yield None
            block = file.read1(_BLOCK)
            if not block:
                break
            first, *others = block.split(separator)
            parts.append(first)
            for part in others:
                if name := b"".join(parts):
                    yield os.fsdecode(name)
                parts = [part]
        if name := b"".join(parts):
            yield os.fsdecode(name)


def _has_to_wait(file: Any) -> bool:
    """Tell whether reading would wait, with nothing left in the buffer."""
    import select

    try:
        return not select.select([file], [], [], 0)[0]
    except ValueError:  # It is in memory, or more files are open than `select` can watch.
        return False


def file_size(name: str) -> int | None:
    """Return how many bytes there are to read: None if that is not known, 0 if there is no file."""
    try:
        status = os.fstat(0) if name == "-" else os.stat(name)  # noqa: PTH116 (as in `listed`)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None
