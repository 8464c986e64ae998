"""What depends on the operating system: Ctrl-C, terminals, pipes, and the names of files.

On Linux and macOS names are bytes. On Windows they are text, in which lone surrogates are allowed.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What a list of names in UTF-16 begins with.
_UTF16_MARKS = (codecs.BOM_UTF16_LE[:1], codecs.BOM_UTF16_BE[:1])


def expanded(arguments: list[str]) -> list[str]:
    """Return the names of files in arguments, where the shell has not expanded patterns."""
    return matching(arguments) if sys.platform == "win32" else arguments


def matching(patterns: list[str]) -> list[str]:
    """Expand * and ?, which no name has on Windows. A pattern without a match stays."""
    import glob

    names = []
    for pattern in patterns:
        # Names may have brackets.
        found = glob.glob(pattern.replace("[", "[[]")) if _is_pattern(pattern) else []
        names += sorted(found) or [pattern]
    return names


def _is_pattern(name: str) -> bool:
    return not {"*", "?"}.isdisjoint(name)


def usual(error: Exception, name: str) -> Exception:
    """Return the error that other systems raise where Windows raises another one."""
    if sys.platform == "win32" and isinstance(error, OSError):
        if error.errno == errno.EACCES and os.path.isdir(name):
            return OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if error.errno == errno.EINVAL and _is_pattern(name):  # It matches nothing.
            return OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return error


def names_in(file: Any) -> Any:
    """Return a list of names as a binary file that has the names as `os.fsencode` returns them."""
    return WindowsList(file) if sys.platform == "win32" else file


class WindowsList:
    r"""A list of names as programs on Windows write it, read as UTF-8 whose lines end with \n.

    PowerShell 5 writes UTF-16, or UTF-8 with a mark. No name has a \r.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._decoder: codecs.IncrementalDecoder | None = None
        self.fileno = file.fileno

    def read1(self, size: int) -> bytes:
        """Read at most `size` bytes; none are the end.

        Raises:
            OSError: the list is not UTF-8, nor UTF-16 with a mark; or as reading raises it.
        """
        text = ""
        while not text:
            block = self._file.read1(size)
            if self._decoder is None:
                encoding = "utf-16" if block.startswith(_UTF16_MARKS) else "utf-8-sig"
                self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
            try:
                text = self._decoder.decode(block, final=not block).replace("\r", "")
            except UnicodeDecodeError as error:
                message = f"is not text in UTF-8 or UTF-16: {error.reason}"
                raise OSError(errno.EILSEQ, message) from None
            if not block:
                break
        return text.encode("utf-8", "surrogatepass")


def has_to_wait(file: Any) -> bool:
    """Return whether the next read would wait."""
    try:
        if sys.platform == "win32":
            from doubles_ffi import _windows

            return _windows.has_to_wait(file.fileno())
        import select

        return not select.select([file], [], [], 0)[0]
    except ValueError:  # It is in memory, or more files are open than `select` can watch.
        return False


def is_link(entry: os.DirEntry[str]) -> bool:
    """Return whether a directory is a junction, which Windows has besides symbolic links."""
    if sys.platform == "win32":
        tag = entry.stat(follow_symlinks=False).st_reparse_tag
        return tag == stat.IO_REPARSE_TAG_MOUNT_POINT
    return False


def is_broken_pipe(error: OSError) -> bool:
    """Return whether standard output could not be written because its reader has left."""
    if sys.platform == "win32" and error.errno == errno.EINVAL:  # So C's library calls that.
        return sys.stdout is not None and stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    return isinstance(error, BrokenPipeError)


def shows_colors(terminal: Any) -> bool:
    """Return whether a terminal acts on escape sequences. A console has to be told."""
    if sys.platform == "win32":
        from doubles_ffi import _windows

        try:
            return _windows.shows_colors(terminal.fileno())
        except OSError:  # It is in memory.
            return True
    return True


@contextlib.contextmanager
def on_ctrl_c(action: Callable[[], object], *, raises: bool = False) -> Iterator[None]:
    """Call a function when Ctrl-C is pressed, before it ends the process; the next press ends it.

    Nothing changes where Ctrl-C is ignored, or is left to Python.

    Args:
        action: is called on any thread.
        raises: call it on the main thread, where it raises an exception.
    """
    import signal  # Takes 1 ms.

    def interrupt(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        action()
        signal.raise_signal(number)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        yield
        return
    if sys.platform == "win32" and not raises:
        from doubles_ffi import _windows

        with _windows.on_ctrl_c(action):
            yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def ctrl_c_kept_from_children() -> Iterator[None]:
    """Keep Ctrl-C from the processes that are started, for as long as they run.

    Otherwise it reaches all processes of a terminal. It reaches this one when they have started; on
    Windows, presses before that are lost.
    """
    if sys.platform == "win32":
        from doubles_ffi import _windows

        with _windows.ctrl_c_ignored():
            yield
        return
    import signal
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # Starting it unblocks all signals.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
