"""What is measured: the one definition of all groups, for the tests and for the report.

A group is a race. Its cases are its inputs, which all of its contestants are given in turn.
"""

import functools
import math
import os
import random
import string

import numpy as np
import reference
from benchmarks import file_groups, texts
from benchmarks.model import (
    BASELINE,
    LADDER,
    LIMIT,
    OURS,
    PEER,
    Case,
    Contestant,
    Group,
    Input,
    is_read,
)

import doubles_ffi
from doubles_ffi import baselines
from doubles_ffi._library import lib

# Units of a case when benchmarks run as tests.
SMALL = 2_000


def is_text(answer, _expected):
    return isinstance(answer, str)


def is_random(answer, length):
    """Accept so many letters or bytes; or nothing, from what fills a buffer in place."""
    if isinstance(answer, str) and not answer.isalnum():
        return False
    return answer is None or len(answer) == length


def raw(data):
    """Return the bytes that a str or bytes takes in memory, as CPython stores it (PEP 393)."""
    if not isinstance(data, str):
        return bytes(data)
    if data.isascii():
        return data.encode()
    return data.encode("utf-16-le" if max(data) <= "\uffff" else "utf-32-le")


def counted(data):
    """Return data as an input, counted by the definition."""
    return Input(data, reference.count(data), raw(data))


def letters_as_str(size):
    return counted(texts.letters(size))


def letters_as_bytes(size):
    return counted(texts.letters(size).encode())


def repeated(piece, size, encoding=None):
    """Return about `size` units of one piece, over and over; encoded, if that is asked for."""
    piece = piece[:size]
    times = size // len(piece)
    seams = (times - 1) * (piece[-1] == piece[0])
    expected = reference.count(piece) * times + seams
    data = (piece if encoding is None else piece.encode(encoding)) * times
    return Input(data, expected, raw(data))


def repeated_letters(size):
    return repeated(texts.letters(min(size, 10_000_000)).encode(), size)


def repeated_sample(*scripts):
    return lambda size: repeated(texts.sample(*scripts), size)


def utf8(text, size):
    """Return about `size` bytes of UTF-8."""
    width = len(text.encode()) / len(text)
    return repeated(text, math.ceil(size / width), "utf-8")


def utf8_file(path, size):
    return utf8(path.read_text("utf-8"), size)


def views(size):
    """Return the same letters at several distances from the start of a cache line, by distance."""
    line = 64
    case_input = letters_as_bytes(size)
    found = {}
    for offset in OFFSETS:
        buffer = np.empty(size + 2 * line, np.uint8)
        start = -buffer.ctypes.data % line + offset
        view = buffer[start : start + size]
        view[:] = np.frombuffer(case_input.data, np.uint8)
        found[offset] = memoryview(view)
    return case_input._replace(data=found)


def random_length(size):
    return Input(size, size, bytearray(size))


def join_choice(length):
    return "".join(random.choice(string.ascii_letters) for _ in range(length))


def join_choices(length):
    return "".join(random.choices(string.ascii_letters, k=length))


def numpy_letters(length):
    alphabet = np.frombuffer(string.ascii_letters.encode(), np.uint8)
    indices = np.random.default_rng().integers(0, len(alphabet), length, np.uint8)
    return alphabet[indices].tobytes().decode("ascii")


OFFSETS = (0, 1, 17, 32, 63)

READS = (
    Contestant("read, 1 thread", LIMIT, "read", "raw", is_read),
    Contestant("read, all threads", LIMIT, "read_parallel", "raw", is_read),
)

# A call of the library through cffi, with nothing around it.
BARE_CALL = Contestant("bare cffi call", LIMIT, lib.doubles_count_bytes, "raw, len(raw), 0")

COUNT = Contestant("count_doubles", OURS, doubles_ffi.count_doubles)
COUNT_ONE_THREAD = Contestant(
    "count_doubles, 1 thread", OURS, doubles_ffi.count_doubles, "data, threads=1"
)

NUMPY = Contestant("NumPy", BASELINE, baselines.count_doubles_numpy)
REGEX = Contestant("Python: regex", BASELINE, baselines.count_doubles_regex)

BASELINES = (
    Contestant("Python: itertools", BASELINE, baselines.count_doubles_itertools),
    Contestant("Python: zip", BASELINE, baselines.count_doubles_zip),
    Contestant("Python: comprehension", BASELINE, baselines.count_doubles_comprehension),
    Contestant("Python: once", BASELINE, baselines.count_doubles_once),
    REGEX,
    NUMPY,
)

RUNGS = (
    Contestant("ladder: zip", LADDER, doubles_ffi.count_doubles_zip),
    Contestant("ladder: once", LADDER, doubles_ffi.count_doubles_once),
    Contestant("ladder: once_bytes", LADDER, doubles_ffi.count_doubles_once_bytes),
    Contestant("ladder: slice", LADDER, doubles_ffi.count_doubles_slice),
    Contestant("ladder: slice_parallel", LADDER, doubles_ffi.count_doubles_slice_parallel),
)

PEERS_CHARS = (
    Contestant("PyO3: zip", PEER, "of_str.count_doubles"),
    Contestant("PyO3: once", PEER, "of_str.count_doubles_once"),
)

PEERS_STR = (
    *PEERS_CHARS,
    Contestant("PyO3: once_bytes", PEER, "of_str.count_doubles_once_bytes"),
    Contestant("PyO3: windows(2)", PEER, "of_str.count_doubles_slice"),
    Contestant("PyO3: par_windows(2)", PEER, "of_str.count_doubles_slice_parallel"),
)

PEERS_BYTES = (
    Contestant("PyO3: once_bytes", PEER, "of_bytes.count_doubles_once_bytes"),
    Contestant("PyO3: windows(2)", PEER, "of_bytes.count_doubles_slice"),
    Contestant("PyO3: par_windows(2)", PEER, "of_bytes.count_doubles_slice_parallel"),
)

UTF8_FILES = tuple(
    Case(f"{name} file", 10_000_000, functools.partial(utf8_file, path))
    for name, path in texts.files().items()
)

UTF8_CASES = (
    Case("all samples", 10_000_000, functools.partial(utf8, texts.sample())),
    *(
        Case(f"{script} sample", 10_000_000, functools.partial(utf8, text))
        for script, text in texts.SAMPLES.items()
    ),
    *UTF8_FILES,
)

GROUPS = (
    Group(
        "original-str",
        "The original workload, as str",
        "10,000,000 random letters. The limits read as many bytes.",
        (Case("10 M letters", 10_000_000, letters_as_str),),
        (*BASELINES, *RUNGS, *PEERS_STR, COUNT_ONE_THREAD, COUNT, *READS),
        10,
    ),
    Group(
        "original-bytes",
        "The original workload, as bytes",
        "The same letters as bytes. PyO3's two counters of characters take no bytes.",
        (Case("10 M letters", 10_000_000, letters_as_bytes),),
        (*BASELINES, *RUNGS, *PEERS_BYTES, COUNT_ONE_THREAD, COUNT, *READS),
        10,
    ),
    Group(
        "sizes",
        "From the cache to RAM",
        "Random letters as bytes; 1 GB is 10 MB of them, 100 times over. Pure Python is left out: "
        "at 1 GB each of its rows would take from ten seconds to half a minute.",
        (
            Case("200 KB", 200_000, repeated_letters),
            Case("10 MB", 10_000_000, repeated_letters),
            Case("1 GB", 1_000_000_000, repeated_letters),
        ),
        (NUMPY, *PEERS_BYTES, COUNT_ONE_THREAD, COUNT, *READS),
        12,
    ),
    Group(
        "short-bytes",
        "Short bytes",
        "One call. The limit is the library's own function, called through cffi with nothing "
        "around it. It is ours alone: a call through PyO3 costs less than one through cffi.",
        tuple(Case(f"{n:,} bytes", n, letters_as_bytes) for n in (5, 50, 250, 500, 5_000)),
        (*BASELINES, *PEERS_BYTES, COUNT, BARE_CALL),
        12,
    ),
    Group(
        "short-str",
        "Short str",
        "One call. The limit is ours alone: the bare call, on the letters as bytes, made "
        "beforehand.",
        tuple(Case(f"{n:,} letters", n, letters_as_str) for n in (5, 50, 500)),
        (*BASELINES, *PEERS_STR, COUNT, BARE_CALL),
        12,
    ),
    Group(
        "other-str",
        "str in other scripts",
        "The limits read as many bytes as the str takes in memory: 2 a letter, 4 with emoji. "
        "PyO3 asks CPython for UTF-8, which makes it at the first call and keeps it with the str: "
        "these are the times of the later calls. PyO3's counters of bytes would count bytes.",
        (
            Case("10 M Cyrillic letters", 10_000_000, repeated_sample("Russian")),
            Case(
                "10 M of Chinese and Japanese", 10_000_000, repeated_sample("Chinese", "Japanese")
            ),
            Case("10 M of all scripts", 10_000_000, repeated_sample()),
        ),
        (REGEX, NUMPY, *PEERS_CHARS, COUNT_ONE_THREAD, COUNT, *READS),
        5,
    ),
    Group(
        "utf8",
        "UTF-8 bytes, by code point",
        "10 MB of one text over and over: the samples of `tests/benchmarks/texts.py`, and the "
        "files of `DOUBLES_BENCH_DATA`, if they are there.",
        UTF8_CASES,
        (
            Contestant("bytes.decode alone", BASELINE, bytes.decode, "data", is_text),
            Contestant("decode, PyO3: once", PEER, "of_str.count_doubles_once", "data.decode()"),
            Contestant("PyO3: from_utf8, chars()", PEER, "of_bytes.count_utf8_chars"),
            Contestant(
                "count_doubles, 1 thread",
                OURS,
                doubles_ffi.count_doubles,
                'data, encoding="utf-8", threads=1',
            ),
            Contestant("count_doubles", OURS, doubles_ffi.count_doubles, 'data, encoding="utf-8"'),
            *READS,
        ),
        2,
    ),
    Group(
        "contents",
        "Other contents",
        "1 MB as bytes: no counter should care what it counts.",
        (
            Case("all equal", 1_000_000, functools.partial(repeated, b"a")),
            Case("none equal", 1_000_000, functools.partial(repeated, b"ab")),
            Case("pairs", 1_000_000, functools.partial(repeated, b"aabb")),
            Case("every byte", 1_000_000, functools.partial(repeated, bytes(range(256)))),
        ),
        (NUMPY, *PEERS_BYTES, COUNT_ONE_THREAD, COUNT, *READS),
        2,
    ),
    Group(
        "offsets",
        "Other places",
        "A memoryview that begins so many bytes after a cache line. The limits read `bytes`, which "
        "begin where CPython puts them.",
        (Case("200 KB", 200_000, views),),
        (
            *(
                Contestant(
                    f"count_doubles, at {offset}",
                    OURS,
                    doubles_ffi.count_doubles,
                    f"data[{offset}], threads=1",
                )
                for offset in OFFSETS
            ),
            READS[0],
        ),
        3,
    ),
    Group(
        "random",
        "Random letters",
        "Made, not counted; nothing is seeded. PyO3's `sample_iter(Alphanumeric)` draws digits "
        "too. The limits fill a buffer with random bytes and make no letters of them, with the "
        "generator of `random_string` (ChaCha12). `os.urandom` makes no letters either.",
        (Case("10 M letters", 10_000_000, random_length),),
        (
            Contestant(
                "join(choice), 1/100 timed x 100",
                BASELINE,
                join_choice,
                "data // 100",
                is_random,
                100,
            ),
            Contestant(
                "join(choices), 1/10 timed x 10",
                BASELINE,
                join_choices,
                "data // 10",
                is_random,
                10,
            ),
            Contestant("NumPy", BASELINE, numpy_letters, "data", is_random),
            Contestant("os.urandom", BASELINE, os.urandom, "data", is_random),
            Contestant("PyO3: sample_iter", PEER, "random_alphanumeric", "data", is_random),
            Contestant("random_string", OURS, doubles_ffi.random_string, "data", is_random),
            Contestant("fill_random", OURS, doubles_ffi.fill_random, "raw", is_random),
            Contestant("raw fill, 1 thread", LIMIT, "fill_chacha", "raw", is_random),
            Contestant("raw fill, all threads", LIMIT, "fill_chacha_parallel", "raw", is_random),
        ),
        8,
    ),
    *file_groups.GROUPS,
)
