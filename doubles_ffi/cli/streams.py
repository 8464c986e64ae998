"""The standard streams: errors are reported to one, and writing may fail on both."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import stat
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAILED = 2  # As in grep and diff, where 1 is an answer and 2 is an error.

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


def visible(text: str) -> str:
    r"""Return a text with escapes in place of the characters that a terminal would act on.

    >>> print(visible("\x1b[31mno such\nstore"))
    \x1b[31mno such\nstore
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def complain(name: str, reason: str) -> None:
    """Report an error on standard error in one line; do nothing if it is closed.

    The reason is escaped: it may come from a store on the network, the system or an argument.
    """
    if sys.stderr is not None:
        line = f"doubles: {shown(name, sys.stderr)}: {visible(reason)}"
        try:
            print(line, file=sys.stderr, flush=True)
        except OSError:  # There is nowhere left to report it.
            discard(sys.stderr)


def standard_input() -> Any:
    """Return standard input as a binary file.

    Raises:
        OSError: it is closed.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer


def identity(stream: Any) -> tuple[int, int] | None:
    """Return the device and inode of a stream that is a regular file, or None."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):  # It is in memory, or decompressed there.
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def has_colors(stream: TextIO) -> bool:
    """Return whether a stream is a terminal whose user wants colours."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("TERM") != "dumb"


def json_line(entry: dict[str, Any]) -> str:
    """Return a JSON object in one line; characters that can't be seen or encoded are escaped."""
    import json

    line = json.dumps(entry, ensure_ascii=sys.stdout.encoding != "utf-8")
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _json_escape(c) for c in line)


def _json_escape(character: str) -> str:
    code = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[i : i + 4]}" for i in range(0, len(code), 4))


def write_all(data: memoryview) -> None:
    """Write bytes to standard output: without Python's buffers, a write may take only a part."""
    while data:
        data = data[sys.stdout.buffer.write(data) :]


def discard(stream: TextIO) -> None:
    """Drop the buffered output, which Python would try to write again when it exits."""
    with contextlib.suppress(io.UnsupportedOperation):  # It is in memory.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def on_ctrl_c(action: Callable[[], object]) -> Iterator[None]:
    """Call a function when Ctrl-C is pressed, before it ends the process; the next press ends it.

    Nothing changes where Ctrl-C is ignored, or is left to Python.
    """
    import signal  # Takes 1 ms.

    def interrupt(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        action()
        signal.raise_signal(number)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def write_past_buffers(text: str, stream: TextIO) -> None:
    """Write a text at once, as the handler of a signal can: the stream may be in use."""
    with contextlib.suppress(OSError):  # The terminal may be gone.
        os.write(stream.fileno(), text.encode())
