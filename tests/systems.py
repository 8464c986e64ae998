"""What differs between systems, for tests."""

import ctypes
import os
import select
import subprocess
import sys
import time

import pytest

WINDOWS = sys.platform == "win32"
UNDER_WINE = WINDOWS and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def posix_only(reason):
    """Skip a test on Windows, for a reason."""
    return pytest.mark.skipif(WINDOWS, reason=f"Windows: {reason}")


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def not_under_wine(reason):
    """Skip a test under Wine, for a reason that Windows itself does not give."""
    return pytest.mark.skipif(UNDER_WINE, reason=f"Wine: {reason}")


def need_posix(reason):
    """Skip the test that is running, on Windows."""
    if WINDOWS:
        pytest.skip(f"Windows: {reason}")


# How a process ends that Ctrl-C ends: by the signal, or with STATUS_CONTROL_C_EXIT.
INTERRUPTED = 0xC000013A if WINDOWS else -2

# A console apart from ours: Ctrl-C reaches all processes of a console.
OWN_CONSOLE = {"creationflags": subprocess.CREATE_NO_WINDOW} if WINDOWS else {}

# Moves to the console of a process, and presses Ctrl-C there.
PRESS = """
import ctypes, sys

kernel = ctypes.WinDLL("kernel32", use_last_error=True)
kernel.FreeConsole()
assert kernel.AttachConsole(int(sys.argv[1])), ctypes.get_last_error()
assert kernel.SetConsoleCtrlHandler(None, True), ctypes.get_last_error()
assert kernel.GenerateConsoleCtrlEvent(0, 0), ctypes.get_last_error()
"""


def press_ctrl_c(process):
    """Press Ctrl-C on the console of a process that was started with `OWN_CONSOLE`."""
    if WINDOWS:
        subprocess.run([sys.executable, "-c", PRESS, str(process.pid)], check=True)
    else:
        import signal

        process.send_signal(signal.SIGINT)


def is_readable(pipe, seconds):
    """Return whether a pipe has data, or has ended, within some seconds."""
    if not WINDOWS:
        return bool(select.select([pipe], [], [], seconds)[0])
    import msvcrt

    end = time.monotonic() + seconds
    size = ctypes.c_ulong()
    handle = ctypes.c_void_p(msvcrt.get_osfhandle(pipe.fileno()))
    peek = ctypes.windll.kernel32.PeekNamedPipe
    while peek(handle, None, 0, None, ctypes.byref(size), None) and not size.value:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def make_fifo(path):
    """Make a named pipe in a folder, or skip the test."""
    need_posix("has no FIFOs in folders")
    os.mkfifo(path)


def make_sparse(path, size):
    """Create a file that is one hole, which takes no room on the disk."""
    with path.open("wb") as file:
        if WINDOWS:  # There a hole is written out, unless this was said before.
            import msvcrt

            set_sparse, number = 0x900C4, ctypes.c_ulong()
            handle = ctypes.c_void_p(msvcrt.get_osfhandle(file.fileno()))
            done = ctypes.windll.kernel32.DeviceIoControl(
                handle, set_sparse, None, 0, None, 0, ctypes.byref(number), None
            )
            assert done or UNDER_WINE  # Its files are those of the system below.
        file.truncate(size)


def write_or_skip(path, text):
    """Create a file whose name not every system allows, or skip the test."""
    try:
        path.write_text(text)
    except OSError:
        need_posix("no file can have this name")
        raise
