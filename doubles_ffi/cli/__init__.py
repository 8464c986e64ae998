"""The command `doubles`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from doubles_ffi.cli.streams import FAILED, complain, discard, prepare, until_the_reader_leaves

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 2 after any error, 130 if interrupted.

    Ctrl-C raises KeyboardInterrupt only while a cluster counts. Otherwise it ends the process of
    the command by its signal, which a shell shows as 130 too.
    """
    try:
        with until_the_reader_leaves():
            return _run(sys.argv[1:] if arguments is None else list(arguments))
    except OSError as error:
        discard(sys.stdout)
        complain("standard output", error.strerror or str(error))
        return FAILED
    except KeyboardInterrupt:
        discard(sys.stdout)  # Writing the rest could block: its reader may not be reading.
        return _INTERRUPTED
    return 0


def _run(arguments: list[str]) -> int:
    # Most modules are imported here, so that only those of the subcommand are loaded.
    from doubles_ffi.cli.parser import parse

    prepare()
    try:
        options = parse(arguments)
    except SystemExit:  # Wrong usage, or help, which may fail to be written.
        if sys.stdout is not None:
            sys.stdout.flush()
        raise
    if sys.stdout is None:
        complain("standard output", "is closed")
        return FAILED
    try:
        status = _run_subcommand(options)
    except (MemoryError, ImportError) as error:  # With little memory, a module can't be loaded.
        sys.stdout.flush()  # On a terminal, results come before the error.
        complain(options.command, str(error) or "not enough memory")
        status = FAILED
    sys.stdout.flush()
    return status


def _run_subcommand(options: argparse.Namespace) -> int:
    if options.command == "count":
        from doubles_ffi.cli.count import Count

        return Count(options).run()
    if options.command == "find":
        from doubles_ffi.cli.find import Find

        return Find(options).run()
    if options.command == "squeeze":
        from doubles_ffi.cli.squeeze import Squeeze

        return Squeeze(options).run()
    if options.command == "random":
        from doubles_ffi.cli.random import random

        return random(options)
    from doubles_ffi.cli.completions import completions

    return completions(options)
