"""Work on other threads, with results in order.

The standard library's concurrent.futures does this too, but takes 8 ms to load: as long as counting
200 MB.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import mmap
import sys
import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    IsStopped = Callable[[], bool]

# Bytes of address space for a thread: its stack, and what malloc and Python reserve for it. With
# less, a thread may fail before it begins, and `start` would wait for it forever.
_ROOM = 256 * 1024 * 1024

# How many results each thread may be ahead of the one in use.
AHEAD = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item, IsStopped], Result], items: Iterable[Item | None], threads: int
) -> Generator[Result]:
    """Yield what `function` returns for each item, in their order.

    The threads work a few items ahead. None among the items means that the next item may take a
    while: all results before it are yielded first. The second argument of `function` is a function
    that returns whether the result is no longer wanted.
    """
    stopped = False
    workers = _Workers(threads)
    ahead: deque[Callable[[], Result]] = deque()

    def is_stopped() -> bool:
        return stopped

    try:
        for item in items:
            room = 0
            if item is not None:
                ahead.append(workers.submit(functools.partial(function, item, is_stopped)))
                room = AHEAD * threads
            while len(ahead) > room:
                yield ahead.popleft()()
        while ahead:
            yield ahead.popleft()()
    finally:
        stopped = True
        workers.close()


def run_ahead(items: Generator[Item]) -> Generator[Item]:
    """Yield the items of a generator that runs on another thread, up to `AHEAD` items ahead."""
    end = object()

    def take(_: int, __: IsStopped) -> Any:
        return next(items, end)

    with (
        contextlib.closing(items),
        contextlib.closing(in_order(take, itertools.count(), 1)) as taken,
    ):
        yield from itertools.takewhile(lambda item: item is not end, taken)


def _check_room() -> None:
    """Raise an OSError if there is no address space for a thread."""
    if sys.platform == "win32":  # There `start` raises an error.
        return
    mmap.mmap(-1, _ROOM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON).close()


class _Workers:
    """Threads that are started with the first task."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[tuple[Callable[[], Any], SimpleQueue[Any]] | None] = SimpleQueue()

    def submit(self, call: Callable[[], Result]) -> Callable[[], Result]:
        """Let a thread make the call, and return a function that waits for its result."""
        if not self._threads:
            self._start()
        if not self._threads:
            return call
        answer: SimpleQueue[Any] = SimpleQueue()
        self._tasks.put((call, answer))

        def result() -> Result:
            value: Result
            value, error = answer.get()
            if error is not None:
                raise error
            return value

        return result

    def _start(self) -> None:
        # The system allows no more threads, or has no address space for one.
        with contextlib.suppress(RuntimeError, OSError):
            for _ in range(self._number):
                _check_room()
                thread = threading.Thread(target=self._run, name="doubles")
                thread.start()
                self._threads.append(thread)

    def _run(self) -> None:
        for call, answer in iter(self._tasks.get, None):
            try:
                answer.put((call(), None))
            except BaseException as error:  # noqa: BLE001 (raised where the result is asked for)
                answer.put((None, error))
        self._tasks.put(None)  # For the next thread; Ctrl-C may have kept one from being listed.

    def close(self) -> None:
        """Let all submitted calls be made, and wait for the threads to end."""
        self._tasks.put(None)
        for thread in self._threads:
            thread.join()
