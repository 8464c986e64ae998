"""The names of files, in lists and directories."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
from typing import TYPE_CHECKING

from doubles_ffi.cli.inputs import file_size
from doubles_ffi.cli.streams import identity, reason, standard_input
from doubles_ffi.cli.system import has_to_wait, is_link, names_in

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    Fail = Callable[[str, str], None]

# Bytes per read of a list.
_READ_SIZE = 64 * 1024

# The most bytes of a name that are kept while its end is awaited: more than any system allows.
_LONGEST = 1024 * 1024


def named(options: argparse.Namespace, fail: Fail) -> Iterable[str | None]:
    """Return the names of the files that the arguments, lists and directories name.

    None among them means that the next one may take a while. Errors are passed to `fail`.
    """
    names: Iterable[str | None] = options.files
    if options.files_from is not None:
        separator = b"\0" if options.null else b"\n"
        names = itertools.chain(names, _in_list(options.files_from, separator, fail))
    elif not options.files:
        names = ["."] if options.recursive else ["-"]
    return _recursive(names, options.glob, fail) if options.recursive else names


def is_growing(options: argparse.Namespace) -> bool:
    """Return whether the options name a list of files that may still be written."""
    return options.files_from is not None and not file_size(options.files_from)


def _in_list(source: str, separator: bytes, fail: Fail) -> Iterator[str | None]:
    try:
        for name in listed(source, separator):
            if name == source == "-":
                fail(source, "is the list of files")
            else:
                yield name
    except OSError as error:
        fail(source, reason(error))


def _recursive(names: Iterable[str | None], pattern: str, fail: Fail) -> Iterator[str | None]:
    for name in names:
        if name is not None and os.path.isdir(name):
            yield from below(name, pattern, fail)
        else:
            yield name


def listed(path: str, separator: bytes) -> Iterator[str | None]:
    """Yield the names in a file as they come, except empty ones; None before waiting for more.

    Raises:
        OSError: the list can't be read, is also the output, or has a name without an end.
    """
    if file_size(path) is None and path != "-":
        yield None  # It may be a named pipe, where opening waits for a writer.
    with contextlib.ExitStack() as stack:
        file = standard_input() if path == "-" else stack.enter_context(open(path, "rb"))
        if (output := identity(sys.stdout)) and identity(file) == output:
            raise OSError(errno.EINVAL, "is also the output")  # Its lines would be taken for names.
        file = names_in(file)
        parts: list[bytes] = []  # of the name whose end has not been read
        size = 0  # of them
        while True:
            if has_to_wait(file):
                yield None
            chunk = file.read1(_READ_SIZE)
            if not chunk:
                break
            first, *others = chunk.split(separator)
            parts.append(first)
            size += len(first)
            for part in others:
                if name := b"".join(parts):
                    yield os.fsdecode(name)
                parts, size = [part], len(part)
            if size > _LONGEST:
                hint = "" if separator == b"\0" else "; if names end with NUL, try -0"
                raise OSError(errno.ENAMETOOLONG, f"has a name of more than {_LONGEST} bytes{hint}")
        if name := b"".join(parts):
            yield os.fsdecode(name)


def below(directory: str, pattern: str, fail: Fail) -> Iterator[str]:
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
                    if (is_below := entry.is_dir(follow_symlinks=False) and not is_link(entry))
                    or (entry.is_file(follow_symlinks=False) and fnmatchcase(entry.name, pattern))
                ]
        except OSError as error:
            fail(path, reason(error))
        else:
            ahead += found
