"""Calls of Windows that Python lacks.

Imported on Windows alone, and only where a call is made: ctypes takes milliseconds to load.
"""

from __future__ import annotations

import sys

if sys.platform != "win32":  # Type checkers read no further.
    raise ImportError("for Windows only")

import contextlib
import ctypes
import io
import msvcrt
import os
import stat
from ctypes import wintypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_GENERIC_READ = 0x80000000
_SHARE_ALL = 7  # with readers, writers and those who delete the file
_INVALID_HANDLE = wintypes.HANDLE(-1).value
_ENABLE_VIRTUAL_TERMINAL_PROCESSING = 4
_CTRL_C_EVENT = 0

_Handler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_kernel32, name)
    function.restype = result
    function.argtypes = arguments
    return function


_reopen_file = _function("ReOpenFile", wintypes.HANDLE, wintypes.HANDLE, *[wintypes.DWORD] * 3)
_peek_named_pipe = _function(
    "PeekNamedPipe",
    wintypes.BOOL,
    *(wintypes.HANDLE, wintypes.LPVOID, wintypes.DWORD),
    *[wintypes.LPDWORD] * 3,
)
_get_console_mode = _function("GetConsoleMode", wintypes.BOOL, wintypes.HANDLE, wintypes.LPDWORD)
_set_console_mode = _function("SetConsoleMode", wintypes.BOOL, wintypes.HANDLE, wintypes.DWORD)
_set_ctrl_handler = _function(
    "SetConsoleCtrlHandler", wintypes.BOOL, wintypes.LPVOID, wintypes.BOOL
)


def reopened(descriptor: int, start: int) -> io.FileIO:
    """Open the file of a descriptor again, with a position of its own, which is `start`.

    A file that is open has one position, and one thread at a time can read it.

    Raises:
        OSError: the file can't be opened again.
    """
    handle = _reopen_file(msvcrt.get_osfhandle(descriptor), _GENERIC_READ, _SHARE_ALL, 0)
    if handle == _INVALID_HANDLE:
        raise ctypes.WinError(ctypes.get_last_error())
    file = io.FileIO(msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_NOINHERIT))
    file.seek(start)
    return file


def has_to_wait(descriptor: int) -> bool:
    """Return whether a read would wait: it is a console, or a pipe that is empty and open."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return os.isatty(descriptor)
    size = wintypes.DWORD()
    handle = msvcrt.get_osfhandle(descriptor)
    is_open = _peek_named_pipe(handle, None, 0, None, ctypes.byref(size), None)
    return bool(is_open) and size.value == 0


def shows_colors(descriptor: int) -> bool:
    """Have a console act on escape sequences, and return whether it does."""
    handle = msvcrt.get_osfhandle(descriptor)
    mode = wintypes.DWORD()
    if not _get_console_mode(handle, ctypes.byref(mode)):  # Another device, such as NUL.
        return False
    return bool(_set_console_mode(handle, mode.value | _ENABLE_VIRTUAL_TERMINAL_PROCESSING))


@contextlib.contextmanager
def on_ctrl_c(action: Callable[[], object]) -> Iterator[None]:
    """Call a function when Ctrl-C is pressed, on a thread that Windows starts for that.

    Python would call the handler of a signal on the main thread, once that no longer waits for a
    pipe or a lock.
    """

    def handle(event: int) -> bool:
        if event == _CTRL_C_EVENT:
            action()
        return False  # The next handler is called, which is C's.

    handler = _Handler(handle)
    _set_ctrl_handler(handler, True)  # noqa: FBT003
    try:
        yield
    finally:
        _set_ctrl_handler(handler, False)  # noqa: FBT003


@contextlib.contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """Ignore Ctrl-C in this process; the processes that it starts ignore it for ever."""
    _set_ctrl_handler(None, True)  # noqa: FBT003
    try:
        yield
    finally:
        _set_ctrl_handler(None, False)  # noqa: FBT003
