"""The standard streams: what goes wrong is reported to one, and may go wrong on both."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO

__all__ = ["FAILED", "complain", "discard"]

FAILED = 2  # As grep and diff: 1 would be an answer, 2 is trouble.


def complain(name: str, reason: str | None) -> None:
    """Report an error on standard error, if there is one."""
    if sys.stderr is not None:
        try:
            print(f"doubles: {name}: {reason}", file=sys.stderr, flush=True)
        except OSError:  # There is nobody to tell.
            discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Drop what could not be written, or the interpreter tries again when it ends."""
    with contextlib.suppress(io.UnsupportedOperation):  # It is no file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
