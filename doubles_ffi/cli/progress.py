"""The progress bar, on standard error."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from doubles_ffi.cli.streams import complain, discard, write_past_buffers
from doubles_ffi.cli.system import on_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds before `--progress auto` shows anything: most counts have ended by then.
_PATIENCE = 0.5

# The size of the bar on a terminal that reports a size of 0, as terminals that programs open do.
_COLUMNS, _LINES = 79, 23


class Bar:
    """A bar, if one is wanted; tqdm is loaded when it is first drawn."""

    def __init__(self, when: str) -> None:
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        is_wanted = is_terminal if when == "auto" else when == "always" and sys.stderr is not None
        self.callback = self._show if is_wanted else None
        self._from = time.monotonic() + (_PATIENCE if when == "auto" else 0)
        self._names: list[str] = []
        self._before = 0  # bytes of the files that are done
        self._total: int | None = None  # if it is known from the start
        self._bar: Any = None
        self._is_drawn = False
        self._until_closed = contextlib.ExitStack()

    def measured(self, names: Iterable[str | None]) -> Iterable[str | None]:
        """Return the names. For a bar they are all read first: it shows their total size."""
        if self.callback:
            self._names = [name for name in names if name is not None]
            return self._names
        return names

    def advance(self, size: int) -> None:
        """Count a file that is done."""
        self._before += size
        if self.callback:
            self.callback(0, None)

    def show_all(self, done: int, total: int | None) -> None:
        """Show how much of all files is done."""
        self._total = total
        self._show(done, None)

    def _show(self, done: int, _total: int | None) -> None:
        done += self._before
        try:
            if self._bar is not None:
                self._is_drawn |= bool(self._bar.update(done - self._bar.n))
            elif time.monotonic() >= self._from:
                self._start(done)
        except OSError:  # The terminal is gone.
            discard(sys.stderr)

    def _start(self, done: int) -> None:
        try:
            from tqdm import tqdm
        except ImportError:  # It is a requirement, but the count works without.
            complain("--progress", "needs tqdm: pip install tqdm")
            self._from = math.inf
            return
        from doubles_ffi.cli.inputs import file_size

        tqdm.monitor_interval = 0  # Otherwise tqdm starts a thread.
        total = self._total
        if self._names:
            sizes = [file_size(name) for name in self._names]
            total = None if None in sizes else sum(filter(None, sizes))
        size = _terminal_size()
        if size is not None:
            self._until_closed.enter_context(on_ctrl_c(_erase_line))
        shape: dict[str, Any] = {"dynamic_ncols": True}
        if size is not None and 0 in size:
            shape = {"ncols": _COLUMNS, "nrows": _LINES}
        self._bar = tqdm(
            initial=done,
            total=total,
            unit="B",
            unit_scale=True,
            leave=False,
            file=sys.stderr,
            **shape,
        )
        self._is_drawn = True

    def make_room(self, stream: TextIO) -> None:
        """Erase the bar until it is next drawn, if a line is to go to the same terminal."""
        if self._is_drawn and (stream is sys.stderr or stream.isatty()):
            self._is_drawn = False
            self._bar.clear()

    def close(self) -> None:
        """Erase the bar."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.close()
            self._is_drawn = False
        self._until_closed.close()


def _erase_line() -> None:
    """Erase the line of the terminal that the bar is on."""
    size = _terminal_size()
    columns = size.columns - 1 if size and size.columns else _COLUMNS
    write_past_buffers(f"\r{' ' * columns}\r", sys.stderr)


def _terminal_size() -> os.terminal_size | None:
    """Return the size of the terminal of standard error, or None if it is no terminal."""
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return None
