"""Work on other threads, its results in order."""

import threading
import time
from contextlib import closing

import pytest

from doubles_ffi.files import _in_order as in_order


def test_results_come_in_order_whoever_is_first():
    def slow_at_first(item, _):
        time.sleep(0.05 if item == 0 else 0)
        return item, threading.get_ident()

    work = [(item, item % 7 == 3) for item in range(100)]
    results = list(in_order(slow_at_first, work, 3))
    assert [item for item, _ in results] == list(range(100))
    here = {item for item, thread in results if thread == threading.get_ident()}
    assert here == set(range(3, 100, 7))
    assert threading.active_count() == 1


def test_an_error_is_raised_where_its_result_would_come():
    def fail(item, _):
        if item == 5:
            raise LookupError(item)
        return item

    results = in_order(fail, [(item, False) for item in range(9)], 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(LookupError):
        next(results)
    assert threading.active_count() == 1


def test_work_is_asked_for_as_it_is_needed():
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield len(asked), False

    with closing(in_order(lambda item, _: item, endless(), 2)) as results:
        assert next(results) == 1
        assert len(asked) < 10


def test_whoever_works_is_told_to_stop():
    started = threading.Event()

    def until_stopped(item, is_stopped):
        while item and not is_stopped():
            started.set()
        return item

    with closing(in_order(until_stopped, [(i, False) for i in range(9)], 1)) as results:
        assert next(results) == 0
        started.wait()
    assert threading.active_count() == 1


def test_threads_that_can_not_be_started(monkeypatch):
    def fail(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    assert list(in_order(lambda item, _: item, [(i, False) for i in range(9)], 2)) == list(range(9))
