"""Counting on clusters: of threads for what is counted, of processes for what can go wrong."""

import bz2
import contextlib
import datetime
import errno
import gzip
import io
import itertools
import json
import logging
import lzma
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import zipfile
from collections import Counter, deque
from concurrent.futures import TimeoutError as NotYetError
from fractions import Fraction
from pathlib import Path

import faulty
import fsspec
import pytest
from distributed import Client, Future, KilledWorker, LocalCluster
from distributed.core import Status
from systems import (
    OWN_CONSOLE,
    WINDOWS,
    make_fifo,
    make_sparse,
    not_under_wine,
    posix_only,
    press_ctrl_c,
    write_or_skip,
)

import doubles_ffi
from doubles_ffi import cluster, count_file, tally_file
from doubles_ffi._library.stretch import Stretch
from doubles_ffi.cli import main
from doubles_ffi.cluster import ClusterError, FileChangedError, count_files
from doubles_ffi.cluster.client import Job, Task
from doubles_ffi.cluster.listing import list_files
from doubles_ffi.cluster.merging import File
from doubles_ffi.cluster.worker import Failure

# On Windows any signal but two ends a process.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)

TEXT = "aaж\n€€𝄞𝄞𝄞\0\0bЖЖ" * 5


@pytest.fixture(scope="module")
def threads():
    """A client of workers in this process."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as workers,
        Client(workers) as client,
    ):
        yield client


def two_processes():
    """Return a cluster of two processes that are started again when they die."""
    return LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


@pytest.fixture(scope="module")
def workers():
    with two_processes() as workers:
        yield workers


@pytest.fixture
def processes(workers):
    with Client(workers) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def count_pair(tmp_path):
    """Return a function that counts a good and a bad file of 60 bytes and 20 doubles each."""
    notes = tmp_path / "notes"
    notes.mkdir()
    urls = []
    for name in ("good", "bad"):
        (tmp_path / name).write_text("aab" * 20)
        urls.append(f"faulty://{tmp_path}/{name}")

    # On a busy machine a worker may take minutes to start again.
    def count(client, *, block_size=8, progress=None, timeout=500, **faults):
        options = {"block_size": block_size, "progress": progress, "timeout": timeout}
        storage = {"notes": str(notes), **faults}
        return count_files(urls, client, storage_options=storage, **options)

    return count


def count_one(url, client, **options):
    """Return the count of a single file."""
    (file,) = count_files(url, client, **options).files
    return file


def outcome(function, *arguments, **options):
    """Return the result of a function, or everything about the exception it raises."""
    try:
        return function(*arguments, **options)
    except UnicodeDecodeError as error:
        return error.encoding, error.object, error.start, error.end, error.reason
    except Exception as error:  # noqa: BLE001 (all are compared)
        return type(error), error.args


def raise_or(file, field):
    if file.error is not None:
        raise file.error
    return getattr(file, field)


# Counts.


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("block_size", [None, 7])
def test_each_encoding_whole_and_in_ranges(threads, path, encoding, block_size):
    text = TEXT.encode("latin-1", "ignore").decode("latin-1") if encoding == "latin-1" else TEXT
    path.write_bytes(text.encode(encoding or "utf-8"))
    options = {"encoding": encoding, "tally": True, "block_size": block_size}
    result = count_files(path, threads, **options)
    (file,) = result.files
    assert (file.url, file.size, file.error) == (str(path), path.stat().st_size, None)
    assert result.count == file.count == count_file(path, encoding=encoding)
    assert result.length == file.length == len(text if encoding else path.read_bytes())
    assert result.tally == file.tally == tally_file(path, encoding=encoding)


@pytest.mark.parametrize("block_size", range(1, 6))
def test_cuts_anywhere_in_valid_text_and_around_faults(threads, tmp_path, block_size):
    valid = "bж€𝄞𝄞".encode()
    wrong = [b"", b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9d\x84"]
    wrong += [b"\xed\xa0\x80", b"\xf4\x90"]
    paths = []
    for fault, position in itertools.product(wrong, range(0, len(valid) + 1, 1 + block_size % 2)):
        paths.append(tmp_path / f"{fault.hex()}-{position}")
        paths[-1].write_bytes(valid[:position] + fault + valid[position:])
    result = count_files(paths, threads, encoding="utf-8", block_size=block_size)
    for path, file in zip(paths, result.files, strict=True):
        assert outcome(raise_or, file, "count") == outcome(count_file, path, encoding="utf-8")


def test_an_empty_file(threads, path):
    path.touch()
    file = count_one(path, threads, encoding="utf-8", tally=True)
    assert (file.count, file.length, file.tally, file.error) == (0, 0, Counter(), None)
    assert count_files([], threads).files == ()


def zipped(data, names=("a",)):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("folder") if sys.version_info >= (3, 11) else None
        for name in names:
            archive.writestr(f"folder/{name}", data)
    return file.getvalue()


COMPRESS = {
    ".gz": gzip.compress,
    ".GZ": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".zip": zipped,
}


@pytest.mark.parametrize("data", [TEXT.encode(), TEXT.encode()[:-1], b"\xff" + TEXT.encode()])
@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_is_decompressed(threads, tmp_path, data, suffix):
    packed, plain = tmp_path / f"a{suffix}", tmp_path / "a"
    packed.write_bytes(COMPRESS[suffix](data))
    plain.write_bytes(data)
    file = count_one(packed, threads, encoding="utf-8", block_size=3)
    assert outcome(raise_or, file, "count") == outcome(count_file, plain, encoding="utf-8")


@posix_only("has no names with a question mark")
@pytest.mark.parametrize("name", ["a.gz?version=1", "get?file=a.gz"])
def test_the_name_of_a_compressed_file_may_be_anywhere_in_a_url(threads, tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"aa" * 100))
    assert count_one(f"faulty://{tmp_path}/{name}", threads).length == 200


@pytest.mark.parametrize("number", [0, 2])
def test_an_archive_of_several_files_is_refused(threads, tmp_path, number):
    (tmp_path / "a.zip").write_bytes(zipped(b"aa", "ab"[:number]))
    file = count_one(tmp_path / "a.zip", threads)
    with pytest.raises(ValueError, match=f"an archive of {number} files; .* zip://"):
        raise file.error


@pytest.mark.usefixtures("folder")
def test_the_files_in_an_archive(threads):
    Path("two.zip").write_bytes(zipped(b"aab", ["a.txt", "b.txt", "c.csv"]))
    result = count_files(["zip://*/*.txt::two.zip", "zip://folder/c.csv::two.zip"], threads)
    assert [(file.url, file.count, file.error) for file in result.files] == [
        ("zip://folder/a.txt::two.zip", 1, None),
        ("zip://folder/b.txt::two.zip", 1, None),
        ("zip://folder/c.csv::two.zip", 1, None),
    ]


@pytest.mark.parametrize("suffix", [".zst", ".lz4", ".snappy"])
def test_a_format_that_a_worker_cant_read(threads, tmp_path, monkeypatch, suffix):
    for name in ("compression.zstd", "backports.zstd", "lz4.frame"):
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"aaa")
    file = count_one(path, threads)
    with pytest.raises(OSError, match=r"the worker inproc://.* can't read \w+"):
        raise file.error


def test_lz4(threads, tmp_path, monkeypatch):
    reader = types.SimpleNamespace(open=lambda file: io.BytesIO(file.read()[2:]))
    monkeypatch.setitem(sys.modules, "lz4.frame", reader)
    path = tmp_path / "a.lz4"
    path.write_bytes(b"12aaa")
    assert count_files(path, threads).count == 2


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".lzma"])
def test_a_damaged_file(threads, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXT.encode())[:-1])
    file = count_one(path, threads)
    assert file.error.strerror.startswith("damaged ")


def test_a_file_that_takes_too_much_memory_to_decompress(threads, tmp_path):
    options = {"format": lzma.FORMAT_ALONE, "filters": [{"id": lzma.FILTER_LZMA1}]}
    data = bytearray(lzma.compress(b"aaa", **options))
    data[1:5] = (3 << 30).to_bytes(4, "little")  # how large a dictionary it claims
    (tmp_path / "a.lzma").write_bytes(data)
    file = count_one(tmp_path / "a.lzma", threads)
    assert file.error.strerror == "lzma that needs more than 128 MiB of memory to decompress"
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"aaa")
    file = count_one(tmp_path / "a.zip", threads)
    assert str(file.error) == "the file in the archive is compressed with lzma"


def names_of(result):
    return [file.url.replace(os.sep, "/") for file in result.files]


def test_patterns_and_names(threads, folder):
    for name in ("b.txt", "a.txt", "c[1].txt"):
        Path(name).write_text("aa")
    urls = ["*.txt", f"{folder}/a*", f"file://{folder}/b.txt", "c[1].txt"]
    names = ["a.txt", "b.txt", "c[1].txt", f"{folder}/a.txt", f"file://{folder}/b.txt", "c[1].txt"]
    assert names_of(count_files(urls, threads)) == [name.replace(os.sep, "/") for name in names]


NAMES = [
    *("file:z", "file:", "local:z", "~", "~root", "x::y", "zip::y", "memory::y", "data:,aa"),
    *("a*", "a?b", "[a]", "**", "a%20b", "a#b", " a ", "a\\b", "-", "a:b", "C:", "\udcff", "{a}"),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_local_file_is_that_file(threads, folder, name):
    write_or_skip(Path(name), "aaa")
    Path("other").write_text("bb")
    full = os.path.join(folder, name)  # noqa: PTH118 (as a text)
    for given in (name, f"./{name}", full, f"file://{full}", os.fsencode(name)):
        file = count_one(given, threads)
        assert (file.url, file.count, file.error) == (os.fsdecode(given), 2, None)


NUL = pytest.param("a\0b", marks=posix_only("has two messages for it, of `open` and of `stat`"))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", [*("file:z", "~", "~root", "x::y", "a%20b", "", "\udcff"), NUL])
def test_the_name_of_no_file_has_the_error_of_count_file(threads, name):
    file = count_one([name], threads)
    expected = outcome(count_file, name)
    assert expected[0] in {FileNotFoundError, ValueError}
    assert outcome(raise_or, file, "count") == expected


@posix_only("has no names with a colon")
@pytest.mark.usefixtures("folder")
def test_a_url_of_a_local_file_that_is_named_like_a_url(threads):
    Path("s3:/bucket").mkdir(parents=True)
    Path("s3:/bucket/a").write_text("aaa")
    assert count_files("s3://bucket/a", threads).count == 2


@pytest.mark.usefixtures("folder")
@posix_only("gives links to those alone who have the right")
def test_a_path_through_a_link_to_a_directory(threads):
    Path("one/two").mkdir(parents=True)
    Path("link").symlink_to("one/two")
    Path("one/a").write_text("aaa")
    assert count_files("link/../a", threads).count == 2


@pytest.mark.usefixtures("folder")
def test_a_pattern_matches_no_directories_and_no_hidden_files(threads):
    Path("one/two").mkdir(parents=True)
    for name in ("one/a", "one/two/b", "one/.hidden"):
        Path(name).write_text("aa")
    assert names_of(count_files("one/*", threads)) == ["one/a"]
    url = "file://one/**"
    assert names_of(count_files(url, threads)) == ["file://one/a", "file://one/two/b"]
    fsspec.filesystem("memory").pipe({"/one/two/b": b"aa", "/one/a": b"aa"})
    assert [file.url for file in count_files("memory://one/*", threads).files] == ["memory://one/a"]


def test_a_pipe_in_a_store_that_is_a_directory(threads, tmp_path):
    make_fifo(tmp_path / "pipe")
    file = count_one(f"dir://pipe::file://{tmp_path}", threads)
    assert file.error.strerror == "not a regular file"


@pytest.mark.parametrize("name", ["/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled"])
def test_a_file_whose_size_is_not_that_of_its_content(threads, name):
    if not Path(name).exists():
        pytest.skip(f"this system has no {name}")
    file = count_one(name, threads)
    data = Path(name).read_bytes()
    assert (file.length, file.count) == (len(data), doubles_ffi.count_doubles(data))


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (make_fifo, "not a regular file"),
        (make_socket, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.symlink_to("/dev/null"), "not a regular file"),
        (lambda path: path.symlink_to("."), "Is a directory"),
        (lambda path: path.symlink_to("missing*"), "No such file or directory"),
        (lambda path: path.symlink_to("special*"), "Too many levels of symbolic links"),
        (Path.mkdir, "Is a directory"),
    ],
)
@pytest.mark.usefixtures("folder")  # The name of a socket can't be long.
@posix_only("has no such files, and no names with an asterisk")
def test_a_pipe_socket_or_device_is_an_error_and_the_others_count(threads, make, error):
    make(Path("special*"))
    Path("good").write_text("aa")
    special, good = count_files(["special*", "good"], threads).files
    assert special.error.strerror == error
    assert (good.count, good.error) == (1, None)


def test_a_file_that_does_not_exist_is_an_error_and_the_others_count(threads, tmp_path):
    (tmp_path / "good").write_text("aaa")
    names = ["missing", "*.none", "", "good"]
    urls = [*(os.path.join(tmp_path, name) for name in names), "nosuch://x"]  # noqa: PTH118 (a slash at the end)
    result = count_files(urls, threads)
    missing, none, directory, good, unknown = result.files
    assert (missing.error.errno, none.error.strerror) == (2, "no file matches")
    assert isinstance(directory.error, IsADirectoryError)
    assert isinstance(unknown.error, ValueError)
    assert (good.count, result.count, result.length) == (2, 2, 3)
    with pytest.raises(FileNotFoundError, match="missing"):
        result.raise_for_errors()
    count_files(tmp_path / "good", threads).raise_for_errors()


def become_a_pipe(path):
    path.unlink()
    make_fifo(path)


@pytest.mark.parametrize("block_size", [None, 1])
@pytest.mark.parametrize(
    "fate",
    [
        (Path.unlink, FileNotFoundError, "worker inproc://.* the same file on every worker"),
        (become_a_pipe, OSError, "not a regular file"),
        (lambda path: os.truncate(path, 0), FileChangedError, "has changed"),
    ],
)
def test_a_file_that_changes_after_it_was_listed(threads, path, monkeypatch, fate, block_size):
    change, error, reason = fate
    path.write_text("aa")
    cut = File.cut
    monkeypatch.setattr(File, "cut", lambda file, size: (cut(file, size), change(path)))
    with pytest.raises(error, match=reason):
        raise count_one(path, threads, block_size=block_size).error


HUGE = 10**400


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"encoding": "nonsense"}, LookupError, "nonsense"),
        ({"timeout": 0.0}, ValueError, r"timeout must be positive, not 0\.0"),
        ({"timeout": -math.inf}, ValueError, "timeout must be positive, not -inf"),
        ({"timeout": math.nan}, ValueError, "timeout must be positive, not nan"),
        ({"timeout": "60s"}, TypeError, "timeout must be a number, not str"),
        ({"timeout": None}, TypeError, "timeout must be a number, not NoneType"),
        ({"timeout": datetime.timedelta(1)}, TypeError, "timeout must be a number, not timedelta"),
        ({"block_size": 0}, ValueError, "block_size must be at least 1, not 0"),
        ({"block_size": -HUGE}, ValueError, "block_size must be at least 1"),
        ({"block_size": 1e6}, TypeError, "block_size must be an integer, not float"),
        ({"block_size": "64MiB"}, TypeError, "block_size must be an integer, not str"),
    ],
)
def test_arguments_that_make_no_sense(threads, path, options, error, message):
    with pytest.raises(error, match=message):
        count_files(path, threads, **options)


@pytest.mark.parametrize("urls", [None, 1, [1], ["a", None]])
def test_urls_that_are_no_paths(threads, urls):
    with pytest.raises(TypeError):
        count_files(urls, threads)


@pytest.mark.parametrize(
    "options",
    [
        *({"timeout": timeout} for timeout in (math.inf, HUGE, 1e300, 1e10, Fraction(99, 2), 60)),
        {"block_size": HUGE},
        {"block_size": True},
    ],
)
def test_large_and_unusual_numbers(threads, path, options):
    path.write_bytes(b"aaa")
    assert count_files(path, threads, **options).count == 2


def test_progress(threads, path):
    path.write_bytes(b"x" * 10)
    calls = []
    count_files(path, threads, block_size=4, progress=lambda *call: calls.append(call))
    assert len(calls) == 3
    assert calls[-1] == (10, 10)


# Files that change, and stores that fail.


def change(path, how):
    """Return a callback that changes a file when the first range is done."""
    changes = iter([how])

    def progress(*_):
        for now in changes:
            now(path)

    return progress


IN_USE = posix_only("has files that can't be replaced or removed while they are open")


def write_again(path):
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"y" * status.st_size)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        pytest.param(write_again, FileChangedError, marks=IN_USE),
        (lambda path: os.truncate(path, 5), FileChangedError),
        pytest.param(Path.unlink, FileNotFoundError, marks=IN_USE),
    ],
)
def test_a_file_that_changes_while_it_is_counted(threads, path, how, error):
    path.write_bytes(b"x" * 1000)
    good = path.with_name("good")
    good.write_bytes(b"x" * 1000)
    result = count_files([path, good], threads, block_size=10, progress=change(path, how))
    assert isinstance(result.files[0].error, error)
    assert result.files[1].count == 999


def test_a_file_whose_fault_is_gone_when_it_is_read_again(path):
    path.write_bytes(b"xx")
    (source,) = list_files(str(path), {})
    file = File(source, tally=False)
    file.cut(1)
    file.add(0, (Stretch(tally=False, is_part=True), b"good"))
    assert isinstance(file.error, FileChangedError)


@pytest.fixture(scope="module")
def bucket():
    """Yield options for an S3 server on loopback, and a file system there with a bucket."""
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    options = {
        "key": "a",
        "secret": "b",
        "endpoint_url": f"http://127.0.0.1:{port}",
    }
    system = s3fs.S3FileSystem(**options)
    system.mkdir("bucket")
    yield options, system
    server.stop()


def test_s3(processes, bucket):
    options, system = bucket
    data = TEXT.encode()
    system.pipe({"bucket/a.txt": data, "bucket/b.txt": data[:-1], "bucket/c.txt": b"x" * 100})

    def change(done, _):
        if done > len(data) * 2:
            system.pipe("bucket/c.txt", b"y" * 100)

    result = count_files(
        "s3://bucket/*.txt",
        processes,
        encoding="utf-8",
        block_size=10,
        storage_options=options,
        progress=change,
    )
    good, torn, changed = result.files
    assert (good.url, good.count) == ("s3://bucket/a.txt", doubles_ffi.count_doubles(TEXT))
    assert torn.error.reason == "unexpected end of data"
    assert isinstance(changed.error, FileChangedError)


class UnusualError(Exception):
    def __init__(self, one, two):
        super().__init__(one + two)


@pytest.mark.parametrize("error", [UnusualError(1, 2), ValueError(threading.Lock())])
def test_an_error_that_cant_be_pickled_is_sent_as_text(error):
    told = Failure(error).exception()
    assert isinstance(told, OSError)
    assert type(error).__name__ in str(told)


def test_workers_stop_reading_for_a_count_that_has_ended(threads, tmp_path):
    class StopError(Exception):
        """Like Ctrl-C: the count ends, and the cluster continues."""

    def stop(*_):
        raise StopError

    (tmp_path / "short").write_text("aaa")
    make_sparse(tmp_path / "long", 1 << 40)  # Each worker would take hours.
    short, *long = (f"faulty://{tmp_path}/{name}" for name in ("short", "long", "long"))
    options = {"block_size": 1 << 40, "storage_options": {"delay": 0.01}}
    with pytest.raises(StopError):
        count_files([short, *long], threads, progress=stop, **options)
    assert count_files(short, threads).count == 2


def test_a_file_that_a_store_loses(threads, tmp_path, count_pair):
    lose = change(tmp_path / "bad", Path.unlink)
    good, bad = count_pair(threads, progress=lose, delay=0.01).files
    assert good.count == 20
    assert isinstance(bad.error, FileNotFoundError)
    assert bad.error.errno == errno.ENOENT


@pytest.mark.parametrize("fault", ["error once", "kill once"])
def test_a_range_that_can_be_read_at_the_second_try(processes, count_pair, fault):
    assert count_pair(processes, fault=fault).count == 40


def test_a_range_that_can_never_be_read(threads, count_pair):
    good, bad = count_pair(threads, fault="error always").files
    assert good.count == 20
    assert (bad.error.errno, bad.error.strerror) == (5, "the disk is worn out")


# Workers that die.


def test_a_range_that_kills_every_worker(count_pair):
    with two_processes() as workers, Client(workers) as client:
        workers.scheduler.allowed_failures = 0
        good, bad = count_pair(client, block_size=60, fault="kill always").files
    assert good.count == 20
    assert isinstance(bad.error, KilledWorker)


def test_ranges_behind_an_error_are_not_counted(path):
    path.write_bytes(b"xx" * 5)
    (source,) = list_files(str(path), {})
    file = File(source, tally=False)
    file.cut(2)
    assert [file.needs(number) for number in range(5)] == [True] * 5
    file.add(3, OSError("damaged"))
    assert [file.needs(number) for number in range(5)] == [True] * 3 + [False] * 2
    file.add(1, (Stretch(tally=False, is_part=True), b"\xff"))
    file.add(2, OSError("damaged, too"))
    assert [file.needs(number) for number in range(5)] == [True] + [False] * 4
    file.add(0, (Stretch(tally=False, is_part=True), b""))
    assert isinstance(file.error, UnicodeDecodeError)
    job = Job(FakeClient(), None, 1, tally=False)
    assert not job._fill(iter([]), deque([Task(file, 0), Task(file, 4)]))


@not_under_wine("hangs once a worker is killed")
def test_workers_that_are_killed_while_they_read(workers, processes, count_pair):
    def kill_all():
        for nanny in workers.workers.values():
            # A nanny gives up a worker that dies while it starts.
            while nanny.process is None or nanny.process.status is not Status.running:
                time.sleep(0.01)
            os.kill(nanny.pid, KILL)

    calls = iter([kill_all, kill_all])
    result = count_pair(processes, progress=lambda *_: next(calls, list)(), delay=0.1)
    assert result.count == 40


def test_tasks_that_are_lost_are_started_again(threads, count_pair):
    def cancel_all():
        threads.cancel([Future(key, threads) for key in list(threads.futures)])

    calls = iter([cancel_all])
    result = count_pair(threads, progress=lambda *_: next(calls, list)(), delay=0.02)
    assert result.count == 40


LOCAL = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]


class Commands:
    """A scheduler and workers that are started as commands, each with all of its processes."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        file = folder / "scheduler.json"
        self.scheduler = self.start("scheduler", *LOCAL, "--port", "0", "--scheduler-file", file)
        while not file.exists() or not file.read_text():
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def start(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(faulty.__file__).parent)},
        )
        self.processes.append(process)
        return process

    def start_worker(self):
        return self.start("worker", self.address, *LOCAL, "--nthreads", "1")

    @staticmethod
    def kill(process):
        """Kill a worker and its nanny, or a scheduler."""
        if WINDOWS:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def commands(tmp_path):
    commands = Commands(tmp_path)
    yield commands
    for process in commands.processes:
        if process.poll() is None:
            commands.kill(process)


@not_under_wine("hangs once a worker is killed")
def test_a_worker_that_comes_after_the_only_one_has_died(commands, count_pair):
    workers = [commands.start_worker()]

    def replace(*_):
        if len(workers) == 1:
            commands.kill(workers[0])
            workers.append(commands.start_worker())

    with Client(commands.address) as client:
        assert count_pair(client, progress=replace, delay=0.05).count == 40


@not_under_wine("hangs once a worker is killed")
@pytest.mark.parametrize("missing", ["worker", "scheduler"])
def test_a_cluster_that_dies_during_a_count(commands, count_pair, missing):
    worker = commands.start_worker()
    victim = worker if missing == "worker" else commands.scheduler

    def kill(done, _):
        if done >= 80 and victim.poll() is None:  # The first file is done.
            commands.kill(victim)

    with Client(commands.address, timeout=2) as client:
        client.wait_for_workers(1, timeout=60)
        with pytest.raises(ClusterError, match=f"no {missing} for 4 seconds") as caught:
            count_pair(client, progress=kill, timeout=4, delay=0.05)
    good, bad = caught.value.result.files
    assert good.count == 20
    assert bad.error is caught.value


def test_a_worker_with_another_version_or_none(commands, path, tmp_path):
    other = tmp_path / "doubles_ffi.py"  # A worker imports from its folder first.
    other.write_text("__version__ = '0.0.1'")
    worker = commands.start_worker()
    path.touch()
    with Client(commands.address) as client:
        with pytest.raises(ClusterError, match=r"needs doubles_ffi .*127.0.0.1:\d+: 0.0.1"):
            count_files(path, client)
        commands.kill(worker)
        while client.nthreads():
            time.sleep(0.05)
        other.write_text("raise ModuleNotFoundError(name=__name__)")
        commands.start_worker()
        with pytest.raises(ClusterError, match=r"needs doubles_ffi .*127.0.0.1:\d+: None"):
            count_files(path, client)


class FakeClient:
    """A client of one worker, whose answers are given; an exception is raised."""

    def __init__(self, answers=()):
        self.answers = iter(answers)

    def nthreads(self, **_):
        return {"tcp://1": 1}

    def run(self, *_, **__):
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeFuture:
    def __init__(self):
        self.answers = iter([NotYetError(), "part"])

    def result(self, **_):
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


GONE = {"tcp://1": OSError("connection refused")}


def test_a_worker_that_dies_while_it_is_asked_for_its_version():
    client = FakeClient([GONE, {}, {"tcp://1": doubles_ffi.__version__}])
    assert count_files([], client).files == ()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (NotYetError("no answer"), "no answer"),
        (GONE, "connection refused"),
        ({}, "it is gone"),
    ],
)
def test_a_worker_that_does_not_answer(path, answer, message):
    client = FakeClient(itertools.repeat(answer))
    with pytest.raises(ClusterError, match=f"a worker does not answer: {message}"):
        count_files(path, client, timeout=0.1)


def test_a_result_that_arrives_late():
    job = Job(FakeClient(), None, 1, tally=False)
    assert job._outcome(FakeFuture()) == "part"


# The command.


@pytest.fixture
def files(folder):
    Path("a.txt").write_text("aaa")
    Path("b.txt").write_text("жж", encoding="utf-8")
    Path("bad").write_bytes(b"aa\xff")
    return folder


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "arguments",
    [
        ["a.txt"],
        ["a.txt", "b.txt"],
        ["--json", "--tally", "a.txt", "bad"],
        ["--total-only", "--bytes", "a.txt", "bad"],
        ["--tally", "a.txt", "missing", "b.txt"],
        ["--files-from", "list"],
    ],
)
def test_the_command_has_the_same_output_with_and_without_a_cluster(processes, arguments, capsys):
    Path("list").write_text("a.txt\nb.txt\n")
    expected = main(["count", *arguments]), capsys.readouterr()
    address = processes.scheduler.address
    assert (main(["count", "--cluster", address, *arguments]), capsys.readouterr()) == expected


@pytest.mark.usefixtures("files")
def test_the_command_starts_a_cluster_on_this_machine(capsys):
    assert main(["count", "--cluster", "local", "--progress", "always", "*.txt"]) == 0
    output, errors = capsys.readouterr()
    assert output == "2\ta.txt\n1\tb.txt\n3\ttotal\n"
    assert "/7.00 [" in errors


@pytest.mark.usefixtures("files")
def test_the_command_without_workers(commands, capsys, monkeypatch):
    assert main(["count", "--cluster", "nonsense://x", "a.txt"]) == 2
    assert capsys.readouterr().err.startswith("doubles: nonsense://x: ")
    count = cluster.count_files
    monkeypatch.setattr(cluster, "count_files", lambda *a, **k: count(*a, **k, timeout=0.5))
    assert main(["count", "--cluster", commands.address, "a.txt"]) == 2
    message = f"doubles: {commands.address}: there has been no worker for 0.5 seconds\n"
    assert capsys.readouterr().err == message


@pytest.mark.usefixtures("files")
def test_ctrl_c_ends_a_count_on_a_cluster_in_order_and_then_the_process(monkeypatch):
    actions = []  # This process would not survive them.
    monkeypatch.setattr(signal, "signal", lambda _, action: actions.append(action))
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    monkeypatch.setattr(cluster, "count_files", lambda *_, **__: actions[0](signal.SIGINT, None))
    monkeypatch.setattr("doubles_ffi.cli.clustering._client", contextlib.nullcontext)
    assert main(["count", "--cluster", "tcp://a-scheduler:8786", "a.txt"]) == 130
    assert actions[1:] == [signal.SIG_DFL, signal.SIG_DFL]  # At the first press, and at the end.


def command_on(address, *arguments, **options):
    command = [sys.executable, "-m", "doubles_ffi", "count", "--cluster", address, *arguments]
    options |= OWN_CONSOLE
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_after_ctrl_c_the_cluster_runs_the_next_count(workers, processes, files):
    make_sparse(files / "sparse", 1 << 42)
    with command_on(workers.scheduler_address, "sparse") as process:
        while not workers.scheduler.tasks:
            time.sleep(0.01)
        press_ctrl_c(process)
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 130
    assert count_files("a.txt", processes).count == 2


@posix_only("has no process groups")
def test_ctrl_c_reaches_all_processes_of_a_terminal(files):
    make_sparse(files / "sparse", 1 << 33)
    progress = ["--progress", "always"]
    with command_on("local", *progress, "sparse", start_new_session=True) as process:
        shown = process.stderr.read(1)  # A range is done, so there are workers.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, b"")
    assert b"Traceback" not in shown + errors
