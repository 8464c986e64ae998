"""What is measured: the one definition of all groups, for the tests and for the report.

A group is a race. Its cases are its inputs, which all of its contestants are given.
"""

import operator
import os
import random
import re
import string
from collections import deque
from functools import partial

import numpy as np
from benchmarks import column_groups, file_groups, inputs, runs_groups, texts
from benchmarks.load_peers import load_peers
from benchmarks.model import (
    LIMIT,
    Case,
    Contestant,
    Group,
    baseline,
    here,
    is_anything,
    ladder,
    limit,
    ours,
    peer,
)

from doubles_ffi import (
    DoubleCounter,
    baselines,
    count_doubles,
    count_doubles_once,
    count_doubles_once_bytes,
    count_doubles_slice,
    count_doubles_slice_parallel,
    count_doubles_zip,
    fill_random,
    find_doubles,
    find_runs,
    longest_run,
    random_string,
    tally_doubles,
)
from doubles_ffi._library import lib

one_thread = partial(count_doubles, threads=1)
utf8 = partial(count_doubles, encoding="utf-8")


def is_total(tally, expected):
    """Accept a tally whose counts add up."""
    return sum(tally.values() if isinstance(tally, dict) else map(int, tally)) == expected


def is_text(answer, _expected):
    return isinstance(answer, str)


def is_letters(answer, length):
    return answer.isalnum() and len(answer) == length


def tally_numpy(data):
    """Tally as NumPy's users do; a bool for each byte is made on the way."""
    units = np.frombuffer(data, np.uint8)
    return np.bincount(units[1:][units[1:] == units[:-1]])


def count_runs(runs):
    """Go through runs, and return how many doubles they hold."""
    return sum(length - 1 for _, length, _ in runs)


def is_runs(runs, expected):
    """Accept columns of runs that hold that many doubles."""
    return int(np.asarray(runs.length).sum()) - len(runs) == expected


def find_regex(data):
    """Find runs as Python's users do."""
    return sum(len(found[0]) - 1 for found in re.finditer(rb"(.)\1+", data, re.DOTALL))


def join_choice(length):
    return "".join(random.choice(string.ascii_letters) for _ in range(length // 100))


def join_choices(length):
    return "".join(random.choices(string.ascii_letters, k=length // 10))


def numpy_letters(length):
    alphabet = np.frombuffer(string.ascii_letters.encode(), np.uint8)
    indices = np.random.default_rng().integers(0, len(alphabet), length, np.uint8)
    return alphabet[indices].tobytes().decode("ascii")


# The shapes of the loop in peers/src/read.rs: bytes of a vector, vectors a turn, bytes to prefetch
# ahead.
SHAPES = {
    "portable": (1, 256, 0),
    **{
        f"{8 * vector} bits x {vectors}" + f", {ahead} B ahead" * (ahead > 0): (
            vector,
            vectors,
            ahead,
        )
        for vector in (32, 64)
        for vectors in (4, 8)
        for ahead in (0, 1024)
    },
}


def read(name, path, shape):
    """Return a limit that looks at each byte, if the processor has such vectors."""

    def load():
        peers = load_peers()
        if not peers.can_read(*shape):
            raise ImportError(f"the processor has no vectors of {8 * shape[0]} bits")
        return operator.attrgetter(path)(peers)

    return Contestant(name, LIMIT, load, shape, inputs.storage, is_anything)


READS = [
    read(f"{name}: {text}", path, shape)
    for name, path in (
        ("read, 1 thread", "of_bytes.read"),
        ("read, all threads", "of_bytes.read_parallel"),
    )
    for text, shape in SHAPES.items()
]

COUNT = ours("count_doubles", count_doubles)
COUNTS = [ours("count_doubles, 1 thread", one_thread), COUNT]

NUMPY = baseline("NumPy", baselines.count_doubles_numpy)
REGEX = baseline("Python: regex", baselines.count_doubles_regex)
ZIP = baseline("Python: zip", baselines.count_doubles_zip)

BASELINES = [
    baseline("Python: itertools", baselines.count_doubles_itertools),
    ZIP,
    baseline("Python: comprehension", baselines.count_doubles_comprehension),
    baseline("Python: once", baselines.count_doubles_once),
    REGEX,
    NUMPY,
]

RUNGS = [
    ladder("ladder: zip", count_doubles_zip),
    ladder("ladder: once", count_doubles_once),
    ladder("ladder: once_bytes", count_doubles_once_bytes),
    ladder("ladder: slice", count_doubles_slice),
    ladder("ladder: slice_parallel", count_doubles_slice_parallel),
]

PEERS_CHARS = [
    peer("PyO3: zip", "of_str.count_doubles"),
    peer("PyO3: once", "of_str.count_doubles_once"),
]

PEER_STORAGE = peer("PyO3, own storage: windows(2)", "of_storage.count_doubles_slice")

PEERS_STR = [
    *PEERS_CHARS,
    peer("PyO3: once_bytes", "of_str.count_doubles_once_bytes"),
    peer("PyO3: windows(2)", "of_str.count_doubles_slice"),
    peer("PyO3: par_windows(2)", "of_str.count_doubles_slice_parallel"),
]

PEERS_BYTES = [
    peer("PyO3: once_bytes", "of_bytes.count_doubles_once_bytes"),
    peer("PyO3: windows(2)", "of_bytes.count_doubles_slice"),
    peer("PyO3: par_windows(2)", "of_bytes.count_doubles_slice_parallel"),
]

GROUPS = [
    Group(
        "original-str",
        "The original workload, as str",
        "10,000,000 random letters. The limits read as many bytes.",
        [Case("10 M letters", inputs.letters, 10_000_000)],
        [*BASELINES, *RUNGS, *PEERS_STR, *COUNTS, *READS],
    ),
    Group(
        "original-bytes",
        "The original workload, as bytes",
        "The same letters as bytes. PyO3's two counters of characters take no bytes.",
        [Case("10 M letters", inputs.letters_as_bytes, 10_000_000)],
        [*BASELINES, *RUNGS, *PEERS_BYTES, *COUNTS, *READS],
    ),
    Group(
        "sizes",
        "From the cache to RAM",
        "Random letters as bytes; 1 GB is 10 MB of them, 100 times over. Up to 1 MB, "
        "`count_doubles` uses one thread anyway.",
        [
            Case("200 KB", inputs.several_letters, 200_000),
            Case("1 MB", inputs.many_letters, 1_000_000),
            Case("10 MB", inputs.many_letters, 10_000_000),
            Case("1 GB", inputs.many_letters, 1_000_000_000),
        ],
        [NUMPY, *PEERS_BYTES[1:], *COUNTS, *READS],
    ),
    Group(
        "short-bytes",
        "Short bytes",
        "One call, of 500 in turn on different input.",
        [
            Case(f"{size:,} bytes", inputs.short_letters_as_bytes, size)
            for size in (5, 50, 250, 500, 5_000)
        ],
        [ZIP, REGEX, NUMPY, *PEERS_BYTES, COUNT],
    ),
    Group(
        "short-bytearray",
        "A short bytearray",
        "The same. The peer looks into it without a lock, as the GIL is held.",
        [Case("5 bytes", inputs.short_letters_as_bytearray, 5)],
        [
            peer("PyO3: windows(2)", "of_bytearray.count_doubles_slice"),
            COUNT,
        ],
    ),
    Group(
        "short-str",
        "Short str",
        "The same, as str.",
        [Case(f"{size:,} letters", inputs.short_letters, size) for size in (5, 50, 500)],
        [ZIP, REGEX, NUMPY, *PEERS_STR, PEER_STORAGE, COUNT],
    ),
    Group(
        "short-scripts",
        "Short str in other scripts",
        "The same. PyO3's counters of bytes would count bytes.",
        [
            Case(f"5 of {script}", partial(inputs.short, texts.SAMPLES[script]), 5)
            for script in ("Russian", "emoji")
        ],
        [ZIP, REGEX, *PEERS_CHARS, PEER_STORAGE, COUNT],
    ),
    Group(
        "list",
        "A list of short str",
        "1,000,000 str of 5 to 30 letters, a call for each: the time of one.",
        [Case("1 M str", partial(inputs.rows, (), range(5, 31)), 1_000_000)],
        [*PEERS_STR[:-1], PEER_STORAGE, COUNT],
    ),
    Group(
        "scripts",
        "str in other scripts",
        "The limits read as many bytes as the str takes in memory. PyO3 asks CPython for UTF-8, "
        "which makes it at the first call and keeps it with the str: these are the times of later "
        "calls. Its user can also take the storage as it is, 1, 2 or 4 bytes a character.",
        [
            Case(f"10 M of {name}", partial(inputs.repeated, text), 10_000_000)
            for name, text in (
                ("Russian", texts.sample("Russian")),
                ("Chinese", texts.sample("Chinese")),
                ("Latin-1", texts.sample("French")),
                ("emoji", texts.sample("emoji")),
            )
        ],
        [NUMPY, *PEERS_CHARS, PEER_STORAGE, *COUNTS, *READS],
    ),
    Group(
        "utf8",
        "UTF-8 bytes, by code point",
        "10 MB of one text over and over: the samples of `tests/benchmarks/texts.py`. The limit "
        "validates with simdutf8 and counts nothing. Where all is ASCII, `bytes.decode` only "
        "copies.",
        [
            Case(name, partial(inputs.utf8, text), 10_000_000)
            for name, text in (
                ("all samples", texts.sample()),
                *((f"{script} sample", text) for script, text in texts.SAMPLES.items()),
            )
        ],
        [
            baseline("bytes.decode", bytes.decode, is_right=is_text),
            peer("PyO3: from_utf8, chars()", "of_bytes.count_utf8_chars"),
            limit("simdutf8 alone", "of_bytes.is_utf8"),
            ours("count_doubles, 1 thread", partial(utf8, threads=1)),
            ours("count_doubles", utf8),
        ],
    ),
    Group(
        "tally",
        "A tally",
        "Which units the doubles are of.",
        [
            Case("10 M letters", inputs.letters_as_bytes, 10_000_000),
            Case("10 M in pairs", partial(inputs.repeated, b"aabbccddeeffgg"), 10_000_000),
        ],
        [
            baseline("NumPy", tally_numpy, is_right=is_total),
            ours("tally_doubles", tally_doubles, is_right=is_total),
        ],
    ),
    Group(
        "find",
        "Where doubles are",
        "One in about a hundred characters is a double. All runs are asked for, one by one, and "
        "nothing is done with them, unless they are added up to the count. `find_doubles` makes a "
        "tuple with three objects for each, which takes as long as counting thousands of "
        "characters; `find_runs` returns columns.",
        [
            Case("10 M characters", inputs.one_in_a_hundred, 10_000_000),
            Case("10 M equal", partial(inputs.repeated, b"a"), 10_000_000),
        ],
        [
            baseline("Python: regex", find_regex),
            ours("find_doubles", lambda data: deque(find_doubles(data), 0), is_right=is_anything),
            ours("find_doubles, added up", lambda data: count_runs(find_doubles(data))),
            ours("longest_run", longest_run, is_right=is_anything),
            ours("find_runs", find_runs, is_right=is_runs),
            ours("count_doubles, 1 thread", one_thread),
        ],
    ),
    Group(
        "update",
        "Chunks",
        "A `DoubleCounter` is given chunks, with a tally and after Chinese text too. The limit is "
        "the library's own function, called through cffi with nothing around it; `update` also "
        "takes a lock and checks its argument.",
        [Case("64 bytes", inputs.chunks, 64)],
        [
            ours("update", DoubleCounter().update, is_right=is_anything),
            ours(
                "update, with a tally",
                DoubleCounter(
                    texts.SAMPLES["Chinese"].encode(), encoding="utf-8", tally=True
                ).update,
                is_right=is_anything,
            ),
            here(LIMIT, "bare cffi call", lib.doubles_count_bytes, arguments=(64, 0)),
        ],
    ),
    Group(
        "random",
        "Random letters",
        "Made, not counted; nothing is seeded. PyO3's `sample_iter(Alphanumeric)` draws digits "
        "too. The limits fill a buffer with random bytes of the same generator, and make no "
        "letters of them. The two of Python make a hundredth and a tenth, and their times are "
        "multiplied.",
        [Case("10 M letters", inputs.length, 10_000_000)],
        [
            baseline("join(choice)", join_choice, is_right=is_text, part=100),
            baseline("join(choices)", join_choices, is_right=is_text, part=10),
            baseline("NumPy", numpy_letters, is_right=is_letters),
            baseline("os.urandom", os.urandom, is_right=is_anything),
            peer("PyO3: sample_iter", "random_alphanumeric", is_right=is_letters),
            ours("random_string", random_string, is_right=is_letters),
            ours("fill_random", fill_random, prepare=bytearray, is_right=is_anything),
            limit("raw fill, 1 thread", "fill_chacha", prepare=bytearray),
            limit("raw fill, all threads", "fill_chacha_parallel", prepare=bytearray),
        ],
    ),
    *column_groups.GROUPS,
    *file_groups.GROUPS,
    *runs_groups.GROUPS,
]
