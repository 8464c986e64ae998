"""Work on other threads, with results in order."""

import threading
import time
from contextlib import closing

import pytest
from systems import posix_only

from doubles_ffi._threads import AHEAD, in_order, run_ahead


@pytest.fixture(autouse=True)
def _all_threads_end():
    before = {*threading.enumerate()}  # Some of other tests' libraries never do.
    yield
    assert {*threading.enumerate()} <= before


def test_results_come_in_order():
    def slow_at_first(item, _):
        time.sleep(0.05 if item == 0 else 0)
        return item, threading.get_ident()

    results = list(in_order(slow_at_first, range(100), 3))
    assert [item for item, _ in results] == list(range(100))
    assert threading.get_ident() not in {thread for _, thread in results}


def test_results_are_yielded_before_a_slow_item():
    seen = []

    def items():
        for item in range(10):
            yield item
            if item in (0, 1, 5):
                yield None
                assert seen == list(range(item + 1))

    for item in in_order(lambda item, _: item, items(), 3):
        seen.append(item)
    assert seen == list(range(10))


def test_an_error_is_raised_in_place_of_its_result():
    def fail(item, _):
        if item == 5:
            raise LookupError(item)
        return item

    results = in_order(fail, range(9), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(LookupError):
        next(results)


def test_items_are_taken_a_few_ahead():
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield len(asked)

    with closing(in_order(lambda item, _: item, endless(), 2)) as results:
        assert next(results) == 1
        assert len(asked) < 10


def test_workers_are_told_to_stop():
    started = threading.Event()

    def until_stopped(item, is_stopped):
        while item and not is_stopped():
            started.set()
        return item

    with closing(in_order(until_stopped, range(9), 1)) as results:
        assert next(results) == 0
        started.wait()


def refuse(_):
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("what", "value"),
    [
        pytest.param("_ROOM", 1 << 62, marks=posix_only("raises an error when the thread starts")),
        ("threading.Thread.start", refuse),
    ],
)
def test_where_no_thread_can_be_started_the_caller_works(what, value, monkeypatch):
    monkeypatch.setattr(f"doubles_ffi._threads.{what}", value)
    here = threading.get_ident()
    results = list(in_order(lambda item, _: (item, threading.get_ident()), range(9), 2))
    assert results == [(item, here) for item in range(9)]


def test_a_generator_runs_ahead_of_its_user():
    made, threads, ends = [], set(), []

    def squares():
        try:
            for i in range(9):
                made.append(i)
                threads.add(threading.get_ident())
                yield i * i
        finally:
            ends.append(len(made))

    used = []
    for square in run_ahead(squares()):
        used.append(square)
        time.sleep(0.01)
        assert len(made) <= len(used) + AHEAD
    assert used == [i * i for i in range(9)]
    assert ends == [9]
    assert len(threads - {threading.get_ident()}) == 1
    with closing(run_ahead(squares())) as results:
        assert next(results) == 0
    assert len(ends) == 2


def test_an_error_follows_the_items_of_a_generator():
    def fail():
        yield None
        yield 1
        raise LookupError

    results = run_ahead(fail())
    assert [next(results), next(results)] == [None, 1]
    with pytest.raises(LookupError):
        next(results)
