"""The standard streams: what goes wrong is reported to one, and may go wrong on both."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
from typing import Any, TextIO

__all__ = ["FAILED", "complain", "discard", "has_colors", "json_line", "shown"]

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


def has_colors(stream: TextIO) -> bool:
    """Tell whether a stream shows colours, and whoever reads it wants them."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("TERM") != "dumb"


def json_line(entry: dict[str, Any]) -> str:
    """Return a JSON object, its text escaped only where it can't be seen or encoded."""
    import json

    line = json.dumps(entry, ensure_ascii=sys.stdout.encoding != "utf-8")
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _json_escape(c) for c in line)


def _json_escape(character: str) -> str:
    code = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[i : i + 4]}" for i in range(0, len(code), 4))


def discard(stream: TextIO) -> None:
    """Drop what could not be written, or the interpreter tries again when it ends."""
    with contextlib.suppress(io.UnsupportedOperation):  # It is no file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
