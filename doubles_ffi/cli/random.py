"""The subcommand `doubles random`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi._library.memory import new_array, view
from doubles_ffi.cli.streams import FAILED, complain, reason, write_all
from doubles_ffi.generate import Source

if TYPE_CHECKING:
    import argparse

# Characters per turn: enough for all threads, and whole blocks of the generator's.
_SLICE = 4 * 1024 * 1024


def random(options: argparse.Namespace) -> int:
    """Write random characters."""
    try:
        source = Source(options.alphabet, options.seed, threads=None)
    except OSError as error:
        complain("random numbers of the system", reason(error))
        return FAILED
    buffer = new_array(min(options.length, _SLICE))
    for start in range(0, options.length, _SLICE):
        source.fill(buffer, len(buffer))
        write_all(view(buffer)[: options.length - start])
    return 0
