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

from doubles_ffi.cli.system import is_broken_pipe, shows_colors

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 2  # As in grep and diff, where 1 is an answer and 2 is an error.

# The control characters that shells have a letter for.
_LETTERS = dict(zip(b"\a\b\t\n\v\f\r", "abtnvfr"))


def prepare() -> None:
    r"""Have the streams write the names of files as they are, whatever the locale, and \n as \n."""
    encoding = sys.getfilesystemencoding()
    handlers = (sys.getfilesystemencodeerrors(), "backslashreplace")
    for stream, errors in zip((sys.stdout, sys.stderr), handlers):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors=errors, newline="\n")


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


def reason(error: Exception) -> str:
    """Return the message of an exception, without the name of the file."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error)
    if isinstance(error, FileNotFoundError):  # Many stores give the name alone.
        return f"No such file: {text}" if text else "No such file"
    return text or type(error).__name__


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
    return os.environ.get("TERM") != "dumb" and shows_colors(stream)


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
    """Write bytes to standard output: without Python's buffers, a write may take only a part.

    Raises:
        BlockingIOError: it is in non-blocking mode, and its reader is slower.
        OSError: as writing raises it.
    """
    while data:
        written = sys.stdout.buffer.write(data)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data = data[written:]


def discard(stream: TextIO) -> None:
    """Drop the buffered output, which Python would try to write again when it exits."""
    with contextlib.suppress(io.UnsupportedOperation):  # It is in memory.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def until_the_reader_leaves() -> Iterator[None]:
    """Write to standard output until its reader leaves, then drop the rest without an error."""
    try:
        yield
    except OSError as error:
        if not is_broken_pipe(error):
            raise
        discard(sys.stdout)


def write_past_buffers(text: str, stream: TextIO) -> None:
    """Write a text at once, as the handler of a signal can: the stream may be in use."""
    with contextlib.suppress(OSError):  # The terminal may be gone.
        os.write(stream.fileno(), text.encode())
