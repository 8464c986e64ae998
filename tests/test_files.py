"""Counting files of all kinds, also while they change."""

import codecs
import errno
import gzip
import io
import itertools
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import reference
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import run
from systems import linux_only, make_sparse, posix_only

from doubles_ffi import count_file, tally_file
from doubles_ffi._library import memory
from doubles_ffi._library.stretch import Stretch
from doubles_ffi.files import content, engine, reading
from doubles_ffi.files.engine import FileCounter, count_range

READ, PIECE = 16, 64


@pytest.fixture
def small_reads(monkeypatch):
    """Read and split small files like large ones."""
    monkeypatch.setattr(reading, "READ_SIZE", READ)
    monkeypatch.setattr(engine, "PIECE_SIZE", PIECE)
    monkeypatch.setattr(engine, "WORTH_SPLITTING", 1)


ALL_EQUAL = b"a" * 1000
MIXED = bytes(i // 3 % 251 for i in range(1000))


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("data", [ALL_EQUAL, MIXED], ids=["all equal", "mixed"])
def test_lengths_around_reads_and_pieces(data, threads, path, set_threads):
    set_threads(3)
    edges = (0, READ, READ + PIECE, READ + 2 * PIECE, READ + 9 * PIECE)
    for length in sorted({max(edge + delta, 0) for edge in edges for delta in range(-2, 3)}):
        path.write_bytes(data[:length])
        assert count_file(path, threads=threads) == reference.count(data[:length])


TEXT = "aabbжжж€€𝄞𝄞\U0010ffff\n" * 20


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-32",
        "utf-7",
        "gb18030",
        "raw_unicode_escape",
    ],
)
def test_text_in_any_encoding_cut_anywhere(encoding, threads, path, set_threads):
    set_threads(2)
    counter = FileCounter(encoding, threads, tally=True)
    for start in range(13):
        path.write_bytes(TEXT[start:].encode(encoding))
        counted = counter.count(path)
        assert counted.count == reference.count(TEXT[start:])
        assert counted.length == len(TEXT[start:])
        assert counted.read_tally(text=True) == reference.tally(TEXT[start:])
        assert counted.end == path.stat().st_size


@pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-7", "undefined"])
def test_text_that_is_decoded_whole_raises_what_bytes_decode_raises(encoding):
    data = b"\xff+"
    with pytest.raises(UnicodeError) as expected:
        data.decode(encoding)
    with pytest.raises(UnicodeError) as found:
        count_file(io.BytesIO(data), encoding=encoding)
    assert (type(found.value), str(found.value)) == (type(expected.value), str(expected.value))


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-16"])
def test_tallies_are_those_of_a_loop(encoding, path, set_threads):
    set_threads(2)
    path.write_bytes(TEXT.encode(encoding or "utf-8"))
    calls = []
    for source in (path, io.BytesIO(path.read_bytes())):
        found = tally_file(source, encoding=encoding, progress=lambda *call: calls.append(call))
        assert found == reference.tally(TEXT if encoding else TEXT.encode())
        assert calls[-1][0] == path.stat().st_size


@pytest.mark.usefixtures("small_reads")
@given(
    data=strategies.text.map(str.encode) | strategies.binary,
    cuts=st.lists(st.integers(0, 700), max_size=5),
    encoding=st.sampled_from([None, "latin-1", "utf-8"]),
)
def test_ranges_add_up_to_the_file(data, cuts, encoding):
    file = io.BytesIO(data)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]

    def count():
        whole = Stretch(tally=True, is_part=False)
        for start, stop in itertools.pairwise(places):
            part = count_range(file, start, stop, encoding=encoding, tally=True)
            whole.merge(pickle.loads(pickle.dumps(part)))
        whole.finish()
        return whole.count, whole.length, whole.end, whole.read_tally(text=encoding is not None)

    def expected():
        units = data.decode(encoding) if encoding else data
        return reference.count(units), len(units), len(data), reference.tally(units)

    try:
        answer = expected()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            count()
    else:
        assert count() == answer


def test_ranges_that_can_not_be_counted_are_refused():
    file = io.BytesIO(b"a" * 10)
    part = count_range(file, 3, 10)
    assert (part.count, bool(part.tally)) == (6, False)
    with pytest.raises(OSError, match="the file ends 2 bytes early"):
        count_range(file, 3, 12)
    for encoding in ("utf-16", "utf-8-sig"):
        with pytest.raises(ValueError, match="only be counted from its beginning"):
            count_range(file, 0, 10, encoding=encoding)


def outcome(action):
    """Return the number that an action returns, or the fields of its UnicodeDecodeError."""
    try:
        return action()
    except UnicodeDecodeError as error:
        return error.encoding, error.start, error.end, error.reason


@pytest.mark.usefixtures("small_reads")
@settings(max_examples=300)
@given(
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
    data=st.lists(strategies.text, max_size=8).map("".join).map(str.encode)
    | st.binary(max_size=400)
    | strategies.binary,
    cut=st.integers(0, 3),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "ascii", "utf-16-le", "euc_jp"]),
    threads=st.integers(1, 3),
)
def test_counts_and_errors_are_those_of_bytes_decode(mark, data, cut, encoding, threads):
    data = mark + data[: len(data) - cut]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_most_threads", lambda: 3)
        file = Path(folder, "file")
        file.write_bytes(data)
        assert count_file(file, threads=threads) == reference.count(data)
        expected = outcome(lambda: reference.count(data.decode(encoding)))
        if encoding == "utf-8-sig" and data.startswith(codecs.BOM_UTF8) and type(expected) is tuple:
            # Python's positions are those in what follows the mark; a file's are those in the file.
            codec, start, end, reason = expected
            expected = codec, start + len(codecs.BOM_UTF8), end + len(codecs.BOM_UTF8), reason
        for source in (file, io.BytesIO(data)):
            found = outcome(lambda: count_file(source, encoding=encoding, threads=threads))  # noqa: B023 (called at once)
            assert found == expected


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize(
    "wrong", [b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9d\x84", b"\xed\xa0\x80"]
)
def test_an_invalid_byte_is_found_at_any_position(wrong, path, set_threads):
    set_threads(2)
    whole = ("жa€𝄞" * 40).encode()
    for at in range(0, len(whole) + 1, 3):
        data = whole[:at] + wrong + whole[at:]
        path.write_bytes(data)
        found = outcome(lambda: count_file(path, encoding="utf-8"))
        assert found == outcome(data.decode)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_an_error_holds_the_wrong_bytes_and_their_position_in_the_file(encoding, path):
    for at in (0, 1, 524_285, 524_288, 1_000_000):
        data = b"a" * at + b"\xff" + b"b" * 600_000
        path.write_bytes(data)
        with pytest.raises(UnicodeDecodeError) as expected:
            data.decode(encoding)
        with pytest.raises(UnicodeDecodeError) as found:
            count_file(path, encoding=encoding)
        assert found.value.object == b"\xff"
        if at == 0:
            assert str(found.value) == str(expected.value)
        elif sys.implementation.name == "cpython":  # To PyPy, a str of it is an IndexError.
            # Python looks for the byte at its position, and finds none there.
            assert f"in position {at}-{at}: {expected.value.reason}" in str(found.value)


def test_paths_of_all_types(path):
    path.write_bytes(b"aa")
    for name in (path, str(path), os.fsencode(path)):
        assert count_file(name) == 1


def piped(data):
    reading, writing = os.pipe()

    def write():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    return os.fdopen(reading, "rb"), thread


@pytest.mark.parametrize("size", [0, 3, 100_000, 3_000_000])
def test_pipes_are_counted(size):
    pipe, thread = piped(b"a" * size)
    with pipe:
        assert count_file(pipe) == max(size - 1, 0)
    thread.join()


@linux_only
@pytest.mark.parametrize("larger", [False, True])
def test_pipes_are_enlarged_but_never_shrunk(larger):
    import fcntl

    reading, writing = os.pipe()
    expected = 1 << 20 if larger else 256 * 1024
    if larger:
        fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, expected)
    command = ["head", "-c", "600000", "/dev/zero"]
    with subprocess.Popen(command, stdout=writing), os.fdopen(reading, "rb") as pipe:
        os.close(writing)
        assert count_file(pipe) == 599_999
        assert fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) == expected


class Live(io.RawIOBase):
    """A pipe whose writer waits until all of a chunk is used before it writes the next one."""

    def __init__(self, chunks, wait):
        self._chunks = iter(chunks)
        self._wait = wait
        self._rest = b""

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._rest:
            self._wait()
            self._rest = next(self._chunks, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("reader", [lambda raw: raw, io.BufferedReader])
def test_what_is_available_is_yielded_before_the_next_read(encoding, reader):
    data = "aabb".encode(encoding)
    chunks = [data[:1], data[1:2], data[2:], "cc".encode(encoding.removesuffix("-sig"))[-4:]]
    waits = []
    seen = ""
    file = reader(Live(chunks, lambda: waits.append(seen)))
    for text in content.read_texts(file, encoding):
        seen += text
    assert seen == "aabbcc"
    assert waits[3:] == ["aabb", "aabbcc"]


def test_binary_files_of_other_modules(path):
    data = b"a" * 1_200_000
    assert count_file(io.BytesIO(data)) == len(data) - 1
    with gzip.open(path, "wb") as file:
        file.write(data)
    with gzip.open(path) as file:
        assert count_file(file) == len(data) - 1
    left, right = socket.socketpair()
    with left, right, right.makefile("rb") as stream:
        left.sendall(b"aaa")
        left.shutdown(socket.SHUT_WR)
        assert count_file(stream) == 2


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("buffering", [0, -1])
@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_open_files_are_read_from_their_position(buffering, mode, path):
    path.write_bytes(b"b" * 500 + b"a" * 1000)
    with path.open(mode, buffering=buffering) as file:
        assert file.read(500) == b"b" * 500
        assert count_file(file) == 999
        assert file.tell() == 1500
        assert count_file(file) == 0
        file.seek(2000)
        assert count_file(file) == 0


@pytest.mark.usefixtures("small_reads")
def test_unflushed_writes_are_counted(path):
    path.write_bytes(b"ab" * 500)
    with path.open("r+b") as file:
        file.seek(900)
        file.write(b"c" * 100)
        file.seek(0)
        assert count_file(file, threads=2) == 99


class Upper(io.FileIO):
    def readinto(self, buffer):
        size = super().readinto(buffer)
        buffer[:size] = bytes(buffer[:size]).upper()
        return size


class BufferedUpper(io.BufferedReader):
    def readinto(self, buffer):
        size = super().readinto(buffer)
        buffer[:size] = bytes(buffer[:size]).upper()
        return size


@pytest.mark.usefixtures("small_reads")
def test_the_readinto_of_a_subclass_is_used(path, set_threads):
    set_threads(2)
    path.write_bytes(b"aA" * 500)
    assert count_file(path) == 0
    for file in (Upper(path), io.BufferedReader(Upper(path)), BufferedUpper(io.FileIO(path))):
        with file:
            assert count_file(file, threads=2) == 999


@linux_only
def test_files_without_a_size():
    assert count_file("/dev/null") == 0
    assert count_file("/proc/version") == reference.count(Path("/proc/version").read_bytes())
    calls = []
    count_file("/proc/self/maps", progress=lambda *call: calls.append(call))
    assert calls[-1][0] > 1000
    assert calls[-1][1] is None


def test_more_than_4_gib(path):
    edge = 1 << 32
    make_sparse(path, edge - 1)
    with path.open("ab") as file:
        file.write(b"aaXX")
    calls = []
    assert count_file(path, progress=lambda *call: calls.append(call)) == edge - 2 + 1 + 1
    assert calls[-1] == (edge + 3, edge + 3)


def test_errors_are_those_of_open(tmp_path):
    for name in ("missing", "", b"", ".", "missing/", "a\0b"):
        file = f"{tmp_path}/{name}" if name else name
        with pytest.raises((OSError, ValueError)) as expected:
            io.FileIO(file)
        with pytest.raises(expected.type) as found:
            count_file(file)
        assert found.value.args == expected.value.args


@pytest.fixture
def forbidden(path):
    """A file that may not be read, even if the tests run as root."""
    path.write_bytes(b"aa")
    path.chmod(0)
    if os.geteuid() != 0:
        yield path
        return
    path.parent.chmod(0o755)
    nobody = 65534
    os.seteuid(nobody)
    yield path
    os.seteuid(0)


@posix_only("lets the owner read whatever chmod says")
def test_a_file_without_permission(forbidden):
    with pytest.raises(PermissionError):
        count_file(forbidden)


def test_an_error_while_reading_is_raised(path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    class Bad(io.RawIOBase):
        readinto = fail

    with pytest.raises(OSError, match="Input/output error"):
        count_file(Bad())
    # A piece that can't be read is left to reading in order, where the error shows again; or not.
    monkeypatch.setattr(engine, "WORTH_SPLITTING", 1)
    monkeypatch.setattr(reading, "READ_SIZE", READ)
    monkeypatch.setattr(os, "preadv", fail, raising=False)
    path.write_bytes(ALL_EQUAL)
    assert count_file(path, threads=2) == 999


@pytest.mark.usefixtures("small_reads")
def test_without_memory_for_threads_a_file_is_read_in_order(path, monkeypatch, set_threads):
    def new_array(size):
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError
        return memory.new_array(size)

    set_threads(2)
    monkeypatch.setattr(reading, "new_array", new_array)
    path.write_bytes(ALL_EQUAL)
    assert count_file(path) == 999


class Liar(int):
    """An int whose operators give wrong answers."""

    def __ge__(self, _):
        return True

    __le__ = __ge__

    def __radd__(self, _):
        return 10**12


class Answering:
    """A file of equal bytes whose `readinto` answers what it is told."""

    def __init__(self, *answers):
        self._answers = iter(answers)

    def readinto(self, buffer):
        buffer[:] = b"a" * len(buffer)
        return next(self._answers)


def test_the_size_that_readinto_returns_is_checked(monkeypatch):
    monkeypatch.setattr(reading, "READ_SIZE", READ)
    assert count_file(Answering(5, Liar(3), 0)) == 7
    assert count_file(Answering(READ - 1, 1, 0)) == READ - 1
    wrong = [-1, Liar(-1), READ + 1, 10**9, Liar(10**9)]
    after_a_short_read = [2, READ - 1, READ]  # There is room for one byte.
    for before, sizes in (([], wrong), ([READ - 1], wrong + after_a_short_read)):
        for size in sizes:
            with pytest.raises(OSError, match=f"^.Errno 5. readinto returned {int(size)}$"):
                count_file(Answering(*before, size))
    with pytest.raises(TypeError, match="float"):
        count_file(Answering(2.0))


@posix_only("has no non-blocking pipes in every Python")
def test_a_pipe_in_non_blocking_mode():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    pipe = os.fdopen(reading, "rb", buffering=0)
    with pipe, os.fdopen(writing, "wb"), pytest.raises(BlockingIOError):
        count_file(pipe)


def test_wrong_arguments(path):
    path.write_text("aa")
    reader, writer = codecs.getreader("utf-8"), codecs.getwriter("utf-8")
    both = codecs.StreamReaderWriter(path.open("rb"), reader, writer)  # What codecs.open gives.
    for text in (path.open(), reader(path.open("rb")), both, io.StringIO("aa")):
        with text, pytest.raises(TypeError, match="binary"):
            count_file(text)
    file = path.open("rb")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        count_file(file)
    for wrong in (1, None, object()):
        with pytest.raises(TypeError):
            count_file(wrong)
    with pytest.raises(ValueError, match="at least 1"):
        count_file(path, threads=0)
    for encoding in ("nonsense", "hex", ""):
        with pytest.raises(LookupError):
            count_file(path, encoding=encoding)


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-16", "utf-7"])
def test_progress_is_reported_in_order(encoding, threads, path, set_threads):
    set_threads(2)
    path.write_bytes(b"ab" * 500)
    calls = []
    count_file(path, encoding=encoding, threads=threads, progress=lambda *call: calls.append(call))
    done, totals = zip(*calls)
    assert list(done) == sorted(done)
    assert len(calls) > 10
    assert done[-1] == 1000
    assert set(totals) == {1000}
    main = threading.get_ident()
    count_file(path, progress=lambda *_: calls.append(threading.get_ident() == main))
    assert calls[-1] is True


@pytest.mark.usefixtures("small_reads")
def test_progress_of_a_file_that_grows_beyond_its_size(path):
    path.write_bytes(ALL_EQUAL)
    calls = []

    def grow(*call):
        calls.append(call)
        if len(calls) == 3:
            with path.open("ab") as file:
                file.write(ALL_EQUAL)

    assert count_file(path, threads=1, progress=grow) == 1999
    for done, total in calls:
        assert total == max(done, 1000)
    assert calls[-1] == (2000, 2000)


def test_progress_without_a_known_total(path):
    path.touch()
    calls = []
    count_file(path, progress=lambda *call: calls.append(call))
    count_file(io.BytesIO(b"aa"), progress=lambda *call: calls.append(call))
    assert calls == [(0, None), (2, None)]


def test_an_exception_from_progress_ends_the_count(path):
    def stop(*_):
        raise KeyboardInterrupt

    path.write_bytes(b"aa")
    with pytest.raises(KeyboardInterrupt):
        count_file(path, progress=stop)


def once(action):
    """Return a progress that does something at its third call."""
    calls = itertools.count(1)

    def progress(*_):
        if next(calls) == 3:
            action()

    return progress


def append(path):
    with path.open("ab") as file:
        file.write(ALL_EQUAL)


def replace(path):
    other = path.with_suffix(".other")
    other.write_bytes(b"ab" * 1000)
    other.replace(path)


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (append, {1999}),
        pytest.param(replace, {999}, marks=posix_only("can't replace an open file")),
        (lambda path: os.truncate(path, 400), {399, 999}),  # What threads have read is counted.
    ],
    ids=["grows", "is replaced", "shrinks"],
)
def test_a_file_that_changes_while_it_is_read(change, counts, threads, path, set_threads):
    set_threads(2)
    path.write_bytes(ALL_EQUAL)
    count = count_file(path, threads=threads, progress=once(lambda: change(path)))
    assert count in counts
    if threads == 1:
        assert count == min(counts)


SIGNALLED = """
import signal, subprocess
from doubles_ffi import count_file

signals = []
signal.signal(signal.SIGALRM, lambda *_: signals.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
slowly = "for i in 1 2 3 4 5 6 7 8 9 10; do printf aa; sleep 0.01; done"
with subprocess.Popen(["sh", "-c", slowly], stdout=subprocess.PIPE) as child:
    assert count_file(child.stdout) == 19
signal.setitimer(signal.ITIMER_REAL, 0)
assert child.returncode == 0
assert signals
"""


@posix_only("has no signals that interrupt")
def test_signals_that_interrupt_reading_change_nothing():
    assert run(SIGNALLED) == (
        0,
        "",
        "",
    )  # Not in this process: coverage may hang when a signal arrives.


@pytest.mark.usefixtures("small_reads")
def test_no_more_threads_are_started_than_asked_for(path, monkeypatch, set_threads):
    set_threads(4)
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda t: (started.append(t), start(t)))
    path.write_bytes(ALL_EQUAL)
    for threads, expected in ((1, 0), (3, 3), (4, 4), (100, 4), (None, 4)):
        started.clear()
        assert count_file(path, threads=threads) == 999
        assert len(started) == expected
    for size, expected in ((READ + PIECE, 0), (READ + PIECE + 1, 2), (READ + 3 * PIECE, 3)):
        started.clear()
        path.write_bytes(ALL_EQUAL[:size])
        assert count_file(path) == size - 1
        assert len(started) == expected


@posix_only("has no preadv")
def test_a_piece_is_read_to_its_end_after_short_reads(path, monkeypatch):
    preadv = os.preadv
    monkeypatch.setattr(reading, "READ_SIZE", READ)
    monkeypatch.setattr(
        os, "preadv", lambda file, rooms, start: preadv(file, [rooms[0][:5]], start)
    )
    text = "".join(f"{number:x}" for number in range(1_000))
    path.write_text(text)
    with path.open("rb") as file:
        part = FileCounter(None)._count_piece(file.fileno(), range(7, 1_500), lambda: False)
    assert part.count == reference.count(text[7:1_500])


@posix_only("has no preadv")
def test_a_system_without_preadv(path, monkeypatch):
    monkeypatch.setattr(engine, "WORTH_SPLITTING", 1)
    monkeypatch.delattr(os, "preadv")
    path.write_bytes(b"a" * 2_000_000)
    assert count_file(path, threads=2) == 1_999_999


def test_a_worker_stops_within_a_piece_when_told(path, monkeypatch):
    monkeypatch.setattr(reading, "READ_SIZE", READ)
    path.write_bytes(ALL_EQUAL)
    counter = FileCounter("utf-8")
    asked = itertools.count()
    with path.open("rb") as file:
        piece = range(3 * READ)
        part = counter._count_piece(file.fileno(), piece, lambda: next(asked) == 2)
    assert part is None
    assert next(asked) == 3


INTERRUPTED_AT_THE_START = """
import signal, sys, threading
from doubles_ffi import count_file
from doubles_ffi.files import engine, reading

engine.WORTH_SPLITTING = reading.READ_SIZE = 4096
start = threading.Thread.start

def interrupted(thread):
    start(thread)
    threading.Thread.start = start
    signal.raise_signal(signal.SIGINT)

threading.Thread.start = interrupted
try:
    count_file(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_while_threads_are_started(path):
    path.write_bytes(b"a" * 40_000_000)
    found = run(INTERRUPTED_AT_THE_START, path, DOUBLES_NUM_THREADS="2")
    assert found == (0, "interrupted\n", "")
