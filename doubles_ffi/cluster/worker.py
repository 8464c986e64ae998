"""What runs on a worker: summing up a range of a file."""

from __future__ import annotations

import errno
import pickle
from typing import TYPE_CHECKING, Any

from distributed import get_worker

from doubles_ffi.files.engine import FileCounter, count_range

if TYPE_CHECKING:
    from doubles_ffi._library.stretch import Stretch
    from doubles_ffi.cluster.sources import Source


class Failure:
    """An error on its way to the client.

    It is a value, because Dask would run a task again that raises. It is not pickled as an
    exception, because tblib, which Dask loads, would lose attributes that are not in `args`, such
    as the position in a UnicodeDecodeError.
    """

    def __init__(self, error: Exception) -> None:
        try:
            made = error.__reduce__()[:2]
            self._pickled = pickle.dumps(made)
            self.exception()
        except Exception:  # noqa: BLE001 (whatever its class does)
            self._pickled = pickle.dumps((OSError, (f"{type(error).__name__}: {error}",)))

    def exception(self) -> Exception:
        """Return the error."""
        make, arguments = pickle.loads(self._pickled)
        error: Exception = make(*arguments)
        return error


def sum_up(
    source: Source,
    part: range | None,
    encoding: str | None,
    tally: bool,  # noqa: FBT001 (Dask passes it)
) -> tuple[Stretch, bytes] | Failure:
    """Sum up a range of a file, or the whole file for None.

    Returns:
        The summary and no bytes; or, if the range is not valid text, the summary up to the first
        fault and the bytes at the fault; or the error that prevents both.
    """
    try:
        return _sum_up(source, part, encoding, tally=tally)
    except Exception as error:  # noqa: BLE001 (whatever a store raises)
        return Failure(error)


def _sum_up(
    source: Source, part: range | None, encoding: str | None, *, tally: bool
) -> tuple[Stretch, bytes]:
    with source.opened() as opened:
        file = _Watched(opened)
        if part is None:
            return FileCounter(encoding, 1, tally=tally).count(file), b""
        try:
            return count_range(file, part.start, part.stop, encoding=encoding, tally=tally), b""
        except UnicodeDecodeError as error:
            fault = part.start + error.start
            before = count_range(file, part.start, fault, encoding=encoding, tally=tally)
            # A fault shows within four bytes, the length of the longest code point.
            file.seek(fault)
            return before, opened.read(min(4, part.stop - fault))


class _Watched:
    """An open file that can't be read on when the client has given up its task."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._worker = get_worker()
        self._task = self._worker.get_current_task()

    def seek(self, position: int) -> None:
        self._file.seek(position)

    def readinto(self, room: memoryview) -> int:
        task = self._worker.state.tasks.get(self._task)
        if task is None or task.state == "cancelled":
            raise InterruptedError(errno.EINTR, "the count is no longer wanted")
        size: int = self._file.readinto(room)
        return size
