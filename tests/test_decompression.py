"""Compressed files, as the command reads them."""

import bz2
import contextlib
import functools
import gzip
import io
import lzma
import os
import subprocess
import sys
import types
import zlib

import pytest
from commands import converse, started
from systems import WINDOWS
from test_files import Live

from doubles_ffi import random_string
from doubles_ffi.cli import main
from doubles_ffi.files import decompression
from doubles_ffi.files.decompression import compression_of, decompressed
from doubles_ffi.files.reading import fill

TEXT = random_string(2_000_000, seed=1).encode()
COMPRESS = {
    "gzip": functools.cache(gzip.compress),
    "bzip2": functools.cache(bz2.compress),
    "xz": functools.cache(lzma.compress),
}
with contextlib.suppress(ImportError):
    try:
        from compression import zstd  # From Python 3.14 on.
    except ImportError:
        from backports import zstd

    COMPRESS["zstd"] = functools.cache(zstd.compress)
COUNT = sum(left == right for left, right in zip(TEXT, TEXT[1:]))


class Trickle(io.RawIOBase):
    """A pipe that gives a byte at a time, until it has given a few."""

    def __init__(self, data):
        self._rest = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        few = self._rest.tell() < 10
        with memoryview(buffer) as whole, whole[: 1 if few else None] as part:
            return self._rest.readinto(part)


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_content_of_compressed_files_is_counted(name, threads, path, capsys):
    half = len(TEXT) // 2
    compress = COMPRESS[name]
    path.write_bytes(compress(TEXT[:half]) + compress(TEXT[half:]))  # one after the other
    assert main(["count", "-z", "--threads", threads, str(path)]) == 0
    assert capsys.readouterr() == (f"{COUNT}\t{path}\n", "")


@pytest.mark.parametrize("name", [*COMPRESS, None])
@pytest.mark.parametrize(
    "stream", [io.BytesIO, Trickle, lambda data: io.BufferedReader(Trickle(data))]
)
def test_streams_are_decompressed(name, stream, capsys, monkeypatch):
    data = COMPRESS[name](TEXT) if name else TEXT
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream(data)))
    assert main(["count", "--decompress"]) == 0
    assert capsys.readouterr() == (f"{COUNT}\t-\n", "")


@pytest.mark.parametrize("data", [b"", b"a", b"aab", b"\x1f", b"BZ", b"\x1f\x1f\x8b\x08", TEXT])
def test_files_that_are_not_compressed_are_counted_unchanged(data, path, capsys):
    path.write_bytes(data)
    assert compression_of(str(path)) is None
    count = sum(left == right for left, right in zip(data, data[1:]))
    assert main(["count", "-z", "--bytes", str(path)]) == 0
    assert capsys.readouterr().out == f"{count}\t{path}\n"
    with decompressed(str(path)) as file:
        assert type(file) is io.FileIO  # so that a large one is split


@pytest.mark.parametrize("name", COMPRESS)
def test_without_the_option_the_message_names_it(name, path, capsys):
    path.write_bytes(COMPRESS[name](TEXT))
    for subcommand in ("count", "find"):
        assert main([subcommand, str(path)]) == 2
        assert capsys.readouterr().err == f"doubles: {path}: compressed with {name}; try -z\n"


def test_only_regular_files_have_a_known_compression(tmp_path):
    if not WINDOWS:
        os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "missing", "."):
        assert compression_of(str(tmp_path / name)) is None
    assert compression_of("a\0b") is None


@pytest.mark.parametrize("name", COMPRESS)
def test_a_damaged_file_is_an_error(name, path, capsys):
    data = COMPRESS[name](TEXT)
    middle = len(data) // 2
    early = f"doubles: {path}: damaged {name}: the file ends early\n"
    for end in (middle, len(data) - 1):
        path.write_bytes(data[:end])
        assert main(["count", "-z", str(path)]) == 2
        assert capsys.readouterr() == ("", early)
    path.write_bytes(data[:middle] + bytes(100) + data[middle:])
    assert main(["count", "-z", str(path)]) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith(f"doubles: {path}: ")


@pytest.mark.parametrize("name", COMPRESS)
def test_appended_streams_are_read_and_other_data_is_an_error(name, path, capsys):
    data = COMPRESS[name](b"aaa")
    for padding in (b"", bytes(4), bytes(200_000)):
        for following, count in ((b"", 2), (data, 5), (data + padding, 5)):
            path.write_bytes(data + padding + following)
            assert main(["count", "-z", str(path)]) == 0
            assert capsys.readouterr() == (f"{count}\t{path}\n", "")
        path.write_bytes(data + padding + b"other data")
        assert main(["count", "-z", str(path)]) == 2
        assert capsys.readouterr().err.startswith(f"doubles: {path}: damaged {name}: ")


def test_an_error_while_a_compressed_file_is_read_is_not_damage(capsys, monkeypatch):
    class Bad(io.BytesIO):
        def readinto1(self, buffer):
            return super().readinto1(buffer) or self.fail()

        def fail(self):
            raise OSError(5, "Input/output error")

    data = COMPRESS["bzip2"](TEXT)[:100_000]
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=Bad(data)))
    assert main(["count", "-z"]) == 2
    assert capsys.readouterr().err == "doubles: -: Input/output error\n"


def flushed(*texts):
    """Compress texts so that each can be read before the next one comes."""
    compressor = zlib.compressobj(wbits=31)
    for text in texts:
        yield compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


TEXTS = [b"aab", b"c" * 100_000, b"dd"]
LIVE = {name: [*map(compress, TEXTS)] for name, compress in COMPRESS.items()}
LIVE |= {"gzip, flushed": [*flushed(*TEXTS)], "not compressed": TEXTS}


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("reader", [lambda raw: raw, io.BufferedReader])
def test_decoded_bytes_are_returned_before_the_next_read(name, reader):
    seen = b""
    waits = iter([b"", *(b"".join(TEXTS[:number]) for number in (1, 2, 3)), *3 * [b"".join(TEXTS)]])

    def wait():
        assert seen == next(waits)

    room = memoryview(bytearray(1000))
    with decompressed(reader(Live(LIVE[name], wait))) as file:
        while size := fill(file, room):
            seen += room[:size]
    assert seen == b"".join(TEXTS)


@pytest.mark.parametrize("start", [b"a", b"Bx", b"\x1f\x8b", b"\xfd8"])
def test_the_format_is_known_as_soon_as_the_start_says_it(start):
    waits = iter(start)
    file = Live([start[i : i + 1] for i in range(len(start))], lambda: next(waits))
    with decompressed(file):
        assert [*waits] == []


@pytest.mark.parametrize("name", ["gzip, flushed", "not compressed"])
def test_find_shows_runs_before_a_live_pipe_ends(name):
    with started("find", "-z", stdin=subprocess.PIPE) as process:
        converse(process, *zip(LIVE[name], (b"-:1:1: a\n", b"", b"-:1:4: c x100000\n")))
        process.stdin.close()
        process.wait()


def with_dictionary(data, size):
    """Return an .xz whose header says how large a dictionary it takes: 2 or 3 times 2**n bytes."""
    data = bytearray(data)
    header = memoryview(data)[12:][: (data[12] + 1) * 4]  # of the first block
    at = bytes(header).index(b"\x21\x01") + 2  # the only property of LZMA2
    header[at] = next(bits for bits in range(40) if 2 + bits % 2 << bits // 2 + 11 == size)
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    return bytes(data)


MEBIBYTE = 1 << 20


def test_an_xz_may_take_as_much_memory_as_xz_itself_uses(path, capsys):
    small = lzma.compress(b"aaa", preset=0)
    largest = lzma.compress(b"aaa", preset=9 | lzma.PRESET_EXTREME)
    for data in (largest, with_dictionary(small, 128 * MEBIBYTE)):
        path.write_bytes(data)
        assert main(["count", "-z", str(path)]) == 0
        assert capsys.readouterr() == (f"2\t{path}\n", "")
    error = "xz that needs more than 128 MiB of memory to decompress"
    for size in (192 * MEBIBYTE, 3 << 30):
        claim = with_dictionary(small, size)
        for data in (claim, largest + claim):
            path.write_bytes(data)
            for subcommand in ("count", "find"):
                assert main([subcommand, "-z", str(path)]) == 2
                assert capsys.readouterr().err == f"doubles: {path}: {error}\n"


def test_files_read_at_the_same_time_share_the_limit(path):
    slots = decompression._slots
    path.write_bytes(lzma.compress(b"aaa"))
    with contextlib.ExitStack() as stack:
        for _ in range(decompression._AT_ONCE):
            stack.enter_context(decompressed(str(path)))
        assert not slots.acquire(blocking=False)
        with decompressed(io.BytesIO(gzip.compress(b"aaa"))) as file:
            assert fill(file, memoryview(bytearray(10))) == 3
    for _ in range(decompression._AT_ONCE):
        assert slots.acquire(blocking=False)
    assert not slots.acquire(blocking=False)
    slots.release(decompression._AT_ONCE)


needs_zstd = pytest.mark.skipif(
    "zstd" not in COMPRESS, reason="needs compression.zstd or backports.zstd"
)


@needs_zstd
@pytest.mark.parametrize("package", ["compression", "backports"])
def test_zstd_is_a_module_of_python_or_of_a_package(path, capsys, monkeypatch, package):
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, f"{package}.zstd", zstd)
    path.write_bytes(zstd.compress(b"aaa"))
    assert main(["count", "-z", str(path)]) == 0
    assert capsys.readouterr() == (f"2\t{path}\n", "")


@needs_zstd
def test_a_zstd_may_take_as_much_memory_as_zstd_itself_uses(path, capsys):
    for window, status in ((27, 0), (28, 2)):
        parameter = zstd.CompressionParameter
        options = {parameter.window_log: window, parameter.content_size_flag: 0}
        compressor = zstd.ZstdCompressor(options=options)
        path.write_bytes(compressor.compress(TEXT) + compressor.flush())
        assert main(["count", "-z", str(path)]) == status
    error = "zstd that needs more than 128 MiB of memory to decompress"
    assert capsys.readouterr() == (f"{COUNT}\t{path}\n", f"doubles: {path}: {error}\n")


def test_a_python_without_zstd(path, capsys, monkeypatch):
    for package in ("compression", "backports"):
        monkeypatch.setitem(sys.modules, f"{package}.zstd", None)
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"aaa")
    assert main(["count", "-z", str(path)]) == 2
    assert capsys.readouterr().err == f"doubles: {path}: this Python can't read zstd\n"


def test_progress_of_a_compressed_file_has_no_total(path, capsys):
    path.write_bytes(gzip.compress(TEXT))
    assert main(["count", "-z", "--progress", "always", str(path)]) == 0
    assert "%" not in capsys.readouterr().err


def test_files_begin_as_their_format_says():
    for start, name in decompression._FORMATS.items():
        if name in COMPRESS:
            assert COMPRESS[name](b"").startswith(start)
