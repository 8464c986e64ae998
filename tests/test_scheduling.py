"""Many files, counted side by side."""

import itertools
import os
import threading

import pytest
from systems import WINDOWS

from doubles_ffi.cli import scheduling
from doubles_ffi.cli.scheduling import Scheduler
from doubles_ffi.files import reading

BLOCK = 16


@pytest.fixture
def many(tmp_path, monkeypatch, set_threads):
    """Names of many files, some of them large, missing or not text."""
    set_threads(3)
    monkeypatch.setattr(scheduling, "WORTH_SPLITTING", 1000)
    expected = []
    for i in range(200):
        name = tmp_path / str(i)
        name.write_bytes(b"a" * (i * 7))
        expected.append((str(name), max(i * 7 - 1, 0)))
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"a\xff")
    expected[20:20] = [(str(tmp_path / "missing"), FileNotFoundError)]
    expected[50:50] = [(str(tmp_path), PermissionError if WINDOWS else IsADirectoryError)]
    expected[90:90] = [(str(wrong), UnicodeDecodeError), ("a\0b", ValueError)]
    return expected


ways = pytest.mark.parametrize(
    "quick", [1e-12, 1e-4, 1e9], ids=["threads", "as it comes", "one thread"]
)


@ways
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_many_files_come_in_order(threads, quick, many, monkeypatch):
    monkeypatch.setattr(scheduling, "_QUICK", quick)
    found = Scheduler("utf-8", threads, tally=False).count_each(name for name, _ in many)
    told = [
        (name, type(result) if isinstance(result, Exception) else result.count)
        for name, result in found
    ]
    assert told == many


@ways
@pytest.mark.parametrize("threads", [1, 2])
def test_all_names_are_answered_before_the_next_one_is_waited_for(
    threads, quick, many, monkeypatch
):
    monkeypatch.setattr(scheduling, "_QUICK", quick)
    answered = []
    named = [name for name, _ in many]
    due = []

    def names():
        for i, name in enumerate(named):
            yield name
            if i % 3 == 0 or i == 100:
                yield None
                due.append((named[: i + 1], list(answered)))

    for name, _ in Scheduler("utf-8", threads, tally=False).count_each(names()):
        answered.append(name)
    assert answered == named
    assert len(due) > len(named) // 3
    for expected, found in due:
        assert found == expected


def test_two_waits_in_a_row_hand_over_no_empty_batch(many, monkeypatch):
    monkeypatch.setattr(scheduling, "_QUICK", 1e-12)
    names = [name for name, _ in many[1:4]]
    scheduler = Scheduler("utf-8", 2, tally=False)
    found = scheduler.count_each([names[0], None, None, names[1], None, None, names[2]])
    assert [name for name, _ in found] == names
    assert list(scheduler._batches(iter([None, None]))) == [None, None]


def test_the_thread_follows_the_time_that_files_take(many, monkeypatch):
    monkeypatch.setattr(scheduling, "_QUICK", 1.0)
    scheduler = Scheduler("utf-8", 2, tally=False)
    monkeypatch.setattr(scheduler, "_note", lambda _: None)
    here = threading.get_ident()
    seen = []
    count = scheduler._counter.count

    def spy(*arguments):
        seen.append(threading.get_ident() == here)
        return count(*arguments)

    monkeypatch.setattr(scheduler._counter, "count", spy)
    small = [name for name, _ in many[1:15]]
    counted = scheduler.count_each(small * 20)
    next(counted)
    assert seen == [True]
    scheduler._seconds = 1e9
    next(counted)
    assert seen[1:]
    assert not any(seen[1:])
    scheduler._seconds = 1e-9
    assert len(list(counted)) == 20 * len(small) - 2
    assert seen[-1]


def test_threads_end_when_the_results_are_no_longer_wanted(many):
    before = {*threading.enumerate()}
    counted = Scheduler("utf-8", None, tally=False).count_each(name for name, _ in many)
    assert next(counted)[0] == many[0][0]
    counted.close()
    assert {*threading.enumerate()} <= before


def test_a_worker_stops_before_any_block(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "READ_SIZE", BLOCK)
    path = tmp_path / "file"
    path.write_bytes(b"a" * 1000)
    asked = itertools.count(1)
    scheduler = Scheduler("utf-8", None, tally=False)
    counted = scheduler._count_small([str(path)], lambda: next(asked) > 1000)
    assert [result.count for _, result in counted] == [999]
    blocks = next(asked) - 1
    assert blocks >= 1000 // BLOCK
    # Asked before each block.
    for last in range(blocks):
        asked = itertools.count()
        with pytest.raises(reading.StoppedError):
            scheduler._count_small([str(path)] * 9, lambda: next(asked) == last)  # noqa: B023 (called at once)
        assert next(asked) == last + 1


def test_which_files_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduling, "WORTH_SPLITTING", 10)
    path = tmp_path / "file"
    path.touch()
    if not WINDOWS:
        os.mkfifo(tmp_path / "fifo")
    for size in (0, 1, 9, 10):
        path.write_bytes(b"a" * size)
        assert scheduling._is_small(str(path)) == (size in (1, 9))
    for name in ("-", "a\0b", "/dev/null", str(tmp_path / "fifo"), str(tmp_path / "missing")):
        assert not scheduling._is_small(name)
