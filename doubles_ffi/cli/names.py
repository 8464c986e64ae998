"""The names of files, in lists and directories, and how large the files are."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Any

from doubles_ffi.cli.scheduling import standard_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["below", "file_size", "listed"]

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


def below(directory: str, pattern: str, fail: Callable[[str, str | None], None]) -> Iterator[str]:
    """Yield the regular files in a directory and below whose names match a shell's pattern, sorted.

    Symbolic links are not followed. A directory that can't be read is given to `fail`.
    """
    from fnmatch import fnmatchcase

    ahead = [(directory, True)]  # the next one last: paths, and whether each is a directory
    while ahead:
        path, is_directory = ahead.pop()
        if not is_directory:
            yield path
            continue
        try:
            with os.scandir(path) as entries:
                found = [
                    (entry.path, is_below)
                    for entry in sorted(entries, key=lambda entry: entry.name, reverse=True)
                    if (is_below := entry.is_dir(follow_symlinks=False))
                    or (entry.is_file(follow_symlinks=False) and fnmatchcase(entry.name, pattern))
                ]
        except OSError as error:
            fail(path, error.strerror)
        else:
            ahead += found


def file_size(name: str) -> int | None:
    """Return how many bytes there are to read: None if that is not known, 0 if there is no file."""
    try:
        status = os.fstat(0) if name == "-" else os.stat(name)  # noqa: PTH116 (as in `listed`)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None
