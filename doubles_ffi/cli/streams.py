"""The standard streams: what goes wrong is reported to one, and may go wrong on both."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
from typing import TextIO

__all__ = ["FAILED", "complain", "discard", "shown"]

FAILED = 2  # As grep and diff: 1 would be an answer, 2 is trouble.

# The control characters that shells have a letter for.
_LETTERS = dict(zip(b"\a\b\t\n\v\f\r", "abtnvfr"))


def shown(name: str, stream: TextIO) -> str:
    r"""Return a file's name as a stream shows it, quoted if a terminal would act on it.

    Quoted as GNU ls does, so that it can be pasted into a shell: 'a'$'\n''b'. Pipes and files
    get the name itself.
    """
    if name.isprintable() or not stream.isatty():
        return name
    return "".join(
        _quoted("".join(part), is_printable=is_printable)
        for is_printable, part in itertools.groupby(name, str.isprintable)
    )


def _quoted(text: str, *, is_printable: bool) -> str:
    if is_printable:
        return "'" + text.replace("'", r"'\''") + "'"
    return "$'" + "".join(f"\\{_LETTERS.get(b, f'{b:03o}')}" for b in os.fsencode(text)) + "'"


def complain(name: str, reason: str | None) -> None:
    """Report an error on standard error, if there is one."""
    if sys.stderr is not None:
        try:
            print(f"doubles: {shown(name, sys.stderr)}: {reason}", file=sys.stderr, flush=True)
        except OSError:  # Nobody can be told.
            discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Drop what could not be written, or the interpreter tries again when it ends."""
    with contextlib.suppress(io.UnsupportedOperation):  # It is no file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
