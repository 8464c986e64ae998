"""Submitting tasks to a cluster, and watching whether it still runs them."""

from __future__ import annotations

import itertools
import math
import pydoc
import time
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker
from distributed import TimeoutError as DaskTimeoutError

from doubles_ffi import __version__
from doubles_ffi.cluster.merging import result_of
from doubles_ffi.cluster.results import ClusterError, FileChangedError
from doubles_ffi.cluster.worker import Failure, sum_up

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from distributed import Client

    from doubles_ffi.cluster.merging import File, Outcome
    from doubles_ffi.files import Progress

# Tasks in flight for each thread. More would only wait at the scheduler.
_AHEAD = 4

# How often a range is tried that can't be read.
_TRIES = 3

# Seconds between two checks for workers, and that the answer to a check may take.
_PATIENCE = 2.0

# From this many seconds on, a timeout is no limit: asyncio can't add it to the time.
_ENDLESS = 1e9

# Errors that another try would meet again.
_FINAL = (
    *(FileChangedError, FileNotFoundError, PermissionError),
    *(UnicodeError, ValueError, KilledWorker),
)


@dataclass
class Task:
    """A part of a file that has to be summed up."""

    file: File
    number: int
    tries: int = 0
    is_suspect: bool = False  # A worker that had it has died.


class Job:
    """One count on a cluster: the tasks in flight, and the workers that are left to run them."""

    def __init__(
        self, client: Client, encoding: str | None, timeout: float, *, tally: bool
    ) -> None:
        self._client: Any = client  # The types of its results depend on the calling thread.
        self._encoding = encoding
        self._tally = tally
        self._timeout = timeout
        self._threads = 0  # of all workers, at the last check
        self._seen = time.monotonic()  # when there last was a worker
        self._checked = -math.inf  # when the last check was
        self._finished: SimpleQueue[Any] = SimpleQueue()
        self._in_flight: dict[Hashable, tuple[Any, Task]] = {}

    def find_workers(self) -> int:
        """Wait for a worker, and return how many threads all of them have.

        Raises:
            ClusterError: there is none in time, or one has another version.
        """
        start = time.monotonic()
        while True:
            self._wait_for_workers()
            found = self._ask_for_versions()
            lost = [answer for answer in found.values() if isinstance(answer, OSError)]
            if found and not lost:
                break
            # Until the scheduler has noticed that a worker has died, it is asked with the others.
            if time.monotonic() - start >= self._timeout:
                raise ClusterError(f"a worker does not answer: {lost[0] if lost else 'it is gone'}")
            self._pause()
        wrong = [f"{name}: {found[name]}" for name in found if found[name] != __version__]
        if wrong:
            expected = f"each worker needs doubles_ffi {__version__}, as here"
            raise ClusterError(f"{expected}; found {', '.join(wrong)}")
        return self._threads

    def _ask_for_versions(self) -> dict[str, Any]:
        """Return the version of doubles_ffi that each worker has, or an exception."""
        try:
            found: dict[str, Any] = self._client.run(
                pydoc.locate,
                "doubles_ffi.__version__",
                on_error="return",
                callback_timeout=self._timeout if self._timeout < _ENDLESS else None,
            )
        except Exception as error:
            raise ClusterError(f"a worker does not answer: {error}") from error
        return found

    def count(self, files: list[File], progress: Progress | None, total: int) -> None:
        """Count files. Each keeps its own outcome.

        Raises:
            ClusterError: nobody is left to count them. Files that are not done have this error.
        """
        waiting = (
            Task(file, number)
            for file in files
            for number in range(file.parts)
            if file.needs(number)
        )
        suspects: deque[Task] = deque()
        done = 0
        try:
            while self._fill(waiting, suspects):
                task, outcome = self._next()
                task.tries += 1
                if isinstance(outcome, KilledWorker) and not task.is_suspect:
                    task.is_suspect = True
                    suspects.append(task)
                elif _is_worth_trying_again(outcome) and task.tries < _TRIES:
                    self._submit(task)
                else:
                    task.file.add(task.number, outcome)
                    done += task.file.size_of(task.number)
                    if progress:
                        progress(done, total)
        except ClusterError as error:
            for file in files:
                file.abandon(error)
            error.result = result_of(files, self._encoding)
            raise
        finally:
            for future, _ in self._in_flight.values():
                future.release()  # Its worker notices, and stops reading.

    def _fill(self, waiting: Iterator[Task], suspects: deque[Task]) -> bool:
        """Submit as many tasks as suit the workers; return whether any task is in flight.

        Dask blames all tasks that a worker had when it died. To find the one that kills workers,
        each suspect runs alone.
        """
        # At least one, so that the count continues with workers that come after all have died.
        room = max(_AHEAD * self._threads, 1) - len(self._in_flight)
        for task in itertools.islice(waiting, max(room, 0)):
            self._submit(task)
        while not self._in_flight and suspects:
            task = suspects.popleft()
            if task.file.needs(task.number):
                self._submit(task)
        return bool(self._in_flight)

    def _submit(self, task: Task) -> None:
        file = task.file
        arguments = (file.source, file.part(task.number), self._encoding, self._tally)
        future = self._client.submit(sum_up, *arguments, pure=False)
        self._in_flight[future.key] = future, task
        future.add_done_callback(self._finished.put)

    def _next(self) -> tuple[Task, Outcome]:
        """Wait until any task is finished, and return it with its outcome."""
        while True:
            self._check(_PATIENCE)
            try:
                future = self._finished.get(timeout=_PATIENCE)
                break
            except Empty:
                continue
        outcome = self._outcome(future)
        _, task = self._in_flight.pop(future.key)
        future.release()
        return task, outcome

    def _outcome(self, future: Any) -> Outcome:
        """Return the outcome of a finished task, whose worker may be lost by now."""
        while True:
            try:
                outcome = future.result(timeout=_PATIENCE)
            except DaskTimeoutError:
                self._check(_PATIENCE)
            except KilledWorker as error:
                return error
            except Exception as error:  # noqa: BLE001 (Dask's own; a worker's error is a value)
                self._wait_for_workers()
                return OSError(f"{type(error).__name__}: {error}")
            else:
                return outcome.exception() if isinstance(outcome, Failure) else outcome

    def _wait_for_workers(self) -> None:
        """Wait until there is a worker.

        Raises:
            ClusterError: there is none in time.
        """
        self._check(0)
        while not self._threads:
            self._pause()
            self._check(0)

    def _pause(self) -> None:
        time.sleep(min(_PATIENCE, self._timeout) / 10)

    def _check(self, interval: float) -> None:
        """Ask how many threads the workers have, if the last check was `interval` seconds ago.

        Raises:
            ClusterError: there has been no worker, or no scheduler, for `timeout` seconds.
        """
        now = time.monotonic()
        if now - self._checked < interval:
            return
        self._checked = now
        missing = "worker"
        try:
            threads = self._client.nthreads(callback_timeout=min(_PATIENCE, self._timeout))
        except Exception:  # noqa: BLE001 (a lost connection has many)
            threads, missing = {}, "scheduler"
        now = time.monotonic()
        self._threads = sum(threads.values())
        if threads:
            self._seen = now
        elif now - self._seen >= self._timeout:
            raise ClusterError(f"there has been no {missing} for {self._timeout:g} seconds")


def _is_worth_trying_again(outcome: Outcome) -> bool:
    return isinstance(outcome, Exception) and not isinstance(outcome, _FINAL)
