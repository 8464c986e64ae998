"""The command as tests run it: in this process, in one of its own, on a terminal."""

import contextlib
import io
import os
import struct
import subprocess
import sys

from systems import OWN_CONSOLE, is_readable, need_posix, press_ctrl_c

# As most users have it: output buffered, and in a strict encoding.
ENVIRONMENT = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
ENVIRONMENT.pop("PYTHONUNBUFFERED", None)


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "doubles_ffi", *arguments],
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        env=ENVIRONMENT,
        **options,
    )


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


class Terminal(io.TextIOWrapper):
    """A stream of this process that says it is a terminal."""

    def __init__(self):
        super().__init__(io.BytesIO(), "utf-8", newline="", write_through=True)

    def isatty(self):
        return True

    def getvalue(self):
        return self.buffer.getvalue().decode(self.encoding)


@contextlib.contextmanager
def started(*arguments, **options):
    """Run the command, and kill it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "doubles_ffi", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
        **OWN_CONSOLE,
        **options,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def interrupt(process):
    """Press Ctrl-C after the command's first line; return its status and its errors."""
    process.stdout.readline()
    press_ctrl_c(process)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def answer(process, size):
    """Read this many bytes, or fewer if no more come in a minute."""
    found = b""
    while len(found) < size and is_readable(process.stdout, 60):
        block = os.read(process.stdout.fileno(), size - len(found))
        if not block:
            break
        found += block
    return found


def converse(process, *exchanges):
    """Write bytes to a process, and await its answer to them before the next are written."""
    for written, expected in exchanges:
        process.stdin.write(written)
        process.stdin.flush()
        assert answer(process, len(expected)) == expected


def shell(line, **environment):
    need_posix("has no sh")
    return subprocess.run(
        ["sh", "-c", line.replace("doubles", f"{sys.executable} -m doubles_ffi")],
        capture_output=True,
        check=False,
        timeout=60,
        env={**ENVIRONMENT, **environment},
    )


@contextlib.contextmanager
def terminal(size=(24, 80)):
    """Open a terminal; give the descriptor of its screen, and the stream of a command."""
    need_posix("has no terminals that a program can read")
    import fcntl
    import pty
    import termios

    screen, stream = pty.openpty()
    fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    with os.fdopen(screen, "rb", 0), os.fdopen(stream, "w") as output:
        yield screen, output


def read_all(screen):
    """Return what a terminal shows until all who write to it have closed it."""
    shown = b""
    with contextlib.suppress(OSError):
        while True:
            shown += os.read(screen, 65536)
    return shown


def on_terminal(
    *arguments,
    program=("-m", "doubles_ffi"),
    size=(24, 80),
    typed=b"",
    is_interrupted=False,
):
    """Run the command on a terminal of its own; return its status and all that the terminal shows.

    Text may be typed at once, or Ctrl-C be pressed once the command shows something.
    """
    environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": ""}
    environment.pop("NO_COLOR", None)
    with terminal(size) as (screen, stream):
        os.write(screen, typed)
        with subprocess.Popen(
            ["setsid", "-c", sys.executable, *program, *arguments],
            stdin=stream,
            stdout=stream,
            stderr=stream,
            env=environment,
        ) as process:
            stream.close()
            shown = b""
            if is_interrupted:
                shown = os.read(screen, 100)
                os.write(screen, b"\x03")  # The terminal drops what has not been read.
            shown += read_all(screen)
    return process.returncode, shown


# Runs the command, and writes to standard error by how many KiB it has raised the process's peak.
PEAK = """
import re, sys
from pathlib import Path
from doubles_ffi.cli import main

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = peak()  # Of Python itself: 14 MiB of CPython, 65 MiB of PyPy.
status = main(sys.argv[1:])
print(peak() - before, file=sys.stderr)
sys.exit(status)
"""
