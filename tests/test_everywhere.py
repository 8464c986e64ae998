"""Every system and processor gives the same answers, byte for byte: hashes that Linux made."""

import hashlib
import struct

import pytest

import doubles_ffi
from doubles_ffi import count_doubles, count_each, find_doubles, random_string, tally_doubles

ASCII = random_string(3_000_000, seed=22)
TEXT = random_string(300_000, alphabet="abcde", seed="Windows").translate(
    str.maketrans("bcde", "бж€𝄞")
)


def runs_of(text):
    return b"".join(struct.pack("<qq4s", *run[:2], run[2].encode()) for run in find_doubles(text))


ANSWERS = {
    "random text": ASCII.encode,
    "random text in an alphabet": TEXT.encode,
    "counts": lambda: b"%d %d" % (count_doubles(ASCII), count_doubles(TEXT)),
    "counts of UTF-8": lambda: b"%d" % count_doubles(TEXT.encode(), encoding="utf-8"),
    "tallies": lambda: repr(sorted(tally_doubles(TEXT).items())).encode(),
    "runs": lambda: runs_of(TEXT),
    "squeezed text": lambda: doubles_ffi.squeeze_doubles(TEXT).encode(),
    "squeezed bytes": lambda: doubles_ffi.squeeze_doubles(ASCII.encode(), most=2),
    "a column": lambda: struct.pack("<3000q", *count_each([TEXT[i::3000] for i in range(3000)])),
}

HASHES = {
    "random text": "b8647a1adb71704845ac1fd4cdea8b27",
    "random text in an alphabet": "7581ff5de7a140333bede1897ec8e26b",
    "counts": "fde28041429e4b7a8a22d774d1f9c8c0",
    "counts of UTF-8": "c6c523085c4e5c10f8a44ad03bd6a5d8",
    "tallies": "5967b5561b0ee9b2f762f91a864e644c",
    "runs": "8fc4c2a71e71a8fd9bba30ca10cc2c28",
    "squeezed text": "a33402bf58671919f9a095afa359701b",
    "squeezed bytes": "b76c315880ce04fed4dbab1cc62dc757",
    "a column": "b4f24adb4368bdc4d3e16139fca1c6e5",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_those_of_linux(name):
    assert hashlib.sha256(ANSWERS[name]()).hexdigest()[:32] == HASHES[name]
