"""Compressed files, as the command reads them."""

import bz2
import gzip
import io
import lzma
import os
import sys
import types

import pytest

from doubles_ffi import random_string
from doubles_ffi.cli import decompression, main
from doubles_ffi.cli.decompression import compression_of, decompressed

TEXT = random_string(2_000_000, seed=1).encode()
COMPRESS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
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


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_what_is_in_compressed_files_is_counted(name, threads, path, capsys):
    half = len(TEXT) // 2
    compress = COMPRESS[name]
    path.write_bytes(compress(TEXT[:half]) + compress(TEXT[half:]))  # one after the other
    assert main(["count", "-z", "--threads", threads, str(path)]) == 0
    assert capsys.readouterr() == (f"{COUNT}\t{path}\n", "")


@pytest.mark.parametrize("name", [*COMPRESS, None])
@pytest.mark.parametrize(
    "stream", [io.BytesIO, Trickle, lambda data: io.BufferedReader(Trickle(data))]
)
def test_streams(name, stream, capsys, monkeypatch):
    data = COMPRESS[name](TEXT) if name else TEXT
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream(data)))
    assert main(["count", "--decompress"]) == 0
    assert capsys.readouterr() == (f"{COUNT}\t-\n", "")


@pytest.mark.parametrize("data", [b"", b"a", b"aab", b"\x1f", b"BZ", b"\x1f\x1f\x8b\x08", TEXT])
def test_what_is_not_compressed_is_counted_as_it_is(data, path, capsys):
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
    assert main(["count", str(path)]) == 2
    assert capsys.readouterr().err == f"doubles: {path}: compressed with {name}; try -z\n"


def test_what_has_no_compression(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "missing", "."):
        assert compression_of(str(tmp_path / name)) is None
    assert compression_of("a\0b") is None


@pytest.mark.parametrize("name", COMPRESS)
def test_damaged_files(name, path, capsys):
    data = COMPRESS[name](TEXT)
    path.write_bytes(data[: len(data) // 2])
    assert main(["count", "-z", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"doubles: {path}: damaged {name}: Compressed file ")
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(100) + data[middle:])
    assert main(["count", "-z", str(path)]) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith(f"doubles: {path}: ")


def test_text_in_a_compressed_file_that_is_not_utf8(path, capsys):
    path.write_bytes(gzip.compress(b"aa\xff"))
    assert main(["count", "-z", str(path)]) == 2
    assert "not utf-8: invalid start byte at byte 2" in capsys.readouterr().err


# What zstd's compressed files begin with. The module came with Python 3.14; where it is missing, a
# stand-in tells whether it is called.
ZSTD = b"\x28\xb5\x2f\xfd"


def test_zstd(path, capsys, monkeypatch):
    class DamagedError(Exception):
        pass

    class File:
        def __init__(self, file):
            assert file.read(4) == ZSTD
            self._file = file

        def readinto(self, buffer):
            size = self._file.readinto(buffer)
            if buffer[:1] == b"!":
                raise DamagedError("checksum")
            return size

    module = types.SimpleNamespace(ZstdFile=File, ZstdError=DamagedError)
    monkeypatch.setitem(sys.modules, "compression.zstd", module)
    path.write_bytes(ZSTD + b"aaa")
    assert compression_of(str(path)) == "zstd"
    assert main(["count", "-z", str(path)]) == 0
    assert capsys.readouterr().out == f"2\t{path}\n"
    path.write_bytes(ZSTD + b"!")
    assert main(["count", "-z", str(path)]) == 2
    assert capsys.readouterr().err == f"doubles: {path}: damaged zstd: checksum\n"


def test_a_python_without_zstd(path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    path.write_bytes(ZSTD + b"aaa")
    assert main(["count", "-z", str(path)]) == 2
    assert capsys.readouterr().err == f"doubles: {path}: this Python can't read zstd\n"


def test_the_bar_has_no_total(path, capsys):
    path.write_bytes(gzip.compress(TEXT))
    assert main(["count", "-z", "--progress", "always", str(path)]) == 0
    assert "%" not in capsys.readouterr().err


def test_each_beginning_is_that_of_its_format():
    for start, name in decompression._FORMATS.items():
        if name in COMPRESS:
            assert COMPRESS[name](b"").startswith(start)
