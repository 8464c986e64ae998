"""The command `doubles`."""

from __future__ import annotations

import io
import signal
import sys
from typing import TYPE_CHECKING

from doubles_ffi.cli.streams import FAILED, complain, discard

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["command", "main"]

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it.


def command() -> int:
    """Run the command as this process, and return its exit status.

    Ctrl-C ends it in order, and pressed again, at once. Python's own end takes a while too, and
    would answer with a traceback: there the signal ends the process, as it does any.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # As for a shell's background jobs.
        return main()
    try:
        try:
            signal.signal(signal.SIGINT, _interrupt)
            return main()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:  # Just before `main`, or just after.
        return _INTERRUPTED


def _interrupt(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 2 after any error, 130 after Ctrl-C."""
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments))
    except BrokenPipeError:  # The reader has seen enough.
        discard(sys.stdout)
        return 0
    except OSError as error:
        discard(sys.stdout)
        complain("standard output", error.strerror)
        return FAILED
    except KeyboardInterrupt:
        discard(sys.stdout)  # Writing the rest could block: its reader may not be reading.
        return _INTERRUPTED


def _run(arguments: list[str]) -> int:
    # Most modules are imported here: Ctrl-C while they load is no traceback, and only those of the
    # subcommand are loaded.
    from doubles_ffi.cli.parser import parse

    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names are read and written as the bytes that they are, whatever the locale.
        sys.stdout.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
    try:
        options = parse(arguments)
    except SystemExit:  # Wrong usage; or help, whose writing may fail as well.
        if sys.stdout is not None:
            sys.stdout.flush()
        raise
    if sys.stdout is None:
        complain("standard output", "is closed")
        return FAILED
    if options.command == "count":
        from doubles_ffi.cli.count import count as subcommand
    elif options.command == "find":
        from doubles_ffi.cli.find import find as subcommand
    elif options.command == "random":
        from doubles_ffi.cli.random import random as subcommand
    else:
        from doubles_ffi.cli.completions import completions as subcommand
    status = subcommand(options)
    sys.stdout.flush()
    return status
