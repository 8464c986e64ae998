"""Error messages for files that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doubles_ffi.cli.system import usual

if TYPE_CHECKING:
    import argparse


def reason_of(error: Exception, name: str, options: argparse.Namespace) -> str:
    """Return why a file could not be read, and which option may help."""
    can_enter = "recursive" in options and not (name == "-" or options.cluster)
    error = usual(error, name)
    if isinstance(error, IsADirectoryError) and can_enter:
        return f"{reason(error)}; try -r"
    if not isinstance(error, UnicodeError):
        return reason(error)
    if name != "-" and not (options.decompress or options.cluster):
        from doubles_ffi.files.decompression import compression_of

        compression = compression_of(name)
        if compression:
            return f"compressed with {compression}; try -z"
    return f"not {options.encoding}: {_where(error)}; try --bytes, or --encoding NAME"


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


def _where(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start}"
    return str(error)
