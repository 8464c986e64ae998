"""What is measured of runs: squeezing them, finding them, measuring the longest."""

import itertools
import operator
import re
import warnings
from collections import deque
from functools import partial

from benchmarks import inputs, texts
from benchmarks.column_groups import as_arrow, as_pandas, as_polars, is_column
from benchmarks.file_groups import GIB, command, letters_file, rival
from benchmarks.inputs import storage
from benchmarks.load_peers import load_peers
from benchmarks.model import (
    LIMIT,
    PEER,
    Case,
    Contestant,
    Group,
    Input,
    baseline,
    here,
    is_anything,
    ours,
)

from doubles_ffi import (
    count_each,
    find_doubles,
    find_each,
    longest_each,
    squeeze_doubles,
    squeeze_each,
)

ROWS = 1_000_000
ROW_LENGTHS = range(5, 21)

RUN = re.compile(r"(?s)(.)\1+")
RUN_OF_BYTES = re.compile(rb"(?s)(.)\1+")
RUN_OF_THREE = re.compile(r"(?s)(.)\1\1+")

# How often the text to squeeze is repeated.
PERIODS = 10

# What takes long does a tenth of the work, and its time is multiplied.
PART = 10


def squeezed(data):
    """Return data without doubles, by the standard library."""
    units = map(operator.itemgetter(0), itertools.groupby(data))
    return "".join(units) if isinstance(data, str) else bytes(units)


def to_squeeze(make, convert, size):
    """Return `size` characters as one item, with the same without doubles as its answer.

    The text repeats, after more characters than any processor's predictor of branches remembers.
    """
    data = convert(make(-(-size // PERIODS)) * PERIODS)
    # Of characters: in UTF-8, two equal bytes may belong to different ones.
    answer = squeezed(data.decode()).encode() if convert is str.encode else squeezed(data)
    return Input([data], [answer], len(storage(data)))


def latin_1(text):
    return text.encode("latin-1")


def is_start(answer, expected):
    """Accept the answer to the first part of the work."""
    return answer != type(answer)() and expected[: len(answer)] == answer


def first_part(items):
    return items[: len(items) // PART]


def squeeze_regex(data):
    part = first_part(data)
    if isinstance(part, str):
        return RUN.sub(r"\1", part)
    return RUN_OF_BYTES.sub(rb"\1", part)


def squeeze_text(data):
    """Squeeze characters of a str, or of UTF-8."""
    return squeeze_doubles(data, encoding=None if isinstance(data, str) else "utf-8")


def load_squeeze_peer():
    peers = load_peers()

    def squeeze(data):
        return (peers.of_str if isinstance(data, str) else peers.of_bytes).squeeze(data)

    return squeeze


# A new object with a copy of what the input takes in memory.
COPY = here(LIMIT, "memcpy", bytearray, prepare=storage, is_right=is_anything)


def short_english(size):
    return inputs.short(texts.natural("English", 100_000), size)


def runs_of_a_row(row, found):
    return [(row, one.start(), len(one[0]), one[1]) for one in found]


def runs_of_rows(rows):
    """Find runs of at least three, row by row, as Python's users do."""
    finditer = RUN_OF_THREE.finditer
    return [run for i, row in enumerate(rows) for run in runs_of_a_row(i, finditer(row))]


def longest_of_row(row):
    """Return the length of the longest run, with the standard library."""
    return max(map(len, map(operator.itemgetter(0), RUN.finditer(row))), default=min(len(row), 1))


def column(answer, size):
    """Return one column of short rows, some with long runs, and its answer."""
    rows = inputs.rows((), ROW_LENGTHS, size).items
    # One row in 100 has a run of three, as in text that people type.
    rows = [row[:2] + 3 * row[2] + row[5:] if i % 100 == 0 else row for i, row in enumerate(rows)]
    return Input([rows], [answer(rows)], sum(map(len, rows)))


def is_start_of_column(answer, expected):
    return is_start(list(answer), expected)


def contains_pandas(series):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It would rather extract the group.
        return series.str.contains(r"(.)\1\1")


def longest_polars(series):
    import polars

    return series.map_elements(longest_of_row, polars.Int64)


def part_as(convert):
    return lambda rows: convert(first_part(rows))


GROUPS = [
    Group(
        "runs-squeeze",
        "Squeeze bytes and str of a byte a character",
        "10 MB of random letters or random words, each run cut to one unit. The limit copies them "
        "into a new object. `re.sub` does a tenth, and its time is multiplied.",
        [
            Case(f"{name}, {kind}", partial(to_squeeze, make, convert), 10_000_000)
            for name, make in (
                ("letters", texts.letters),
                ("English", partial(texts.natural, "English")),
                ("French", partial(texts.natural, "French")),
            )
            for kind, convert in (("bytes", latin_1), ("str", str))
        ],
        [
            baseline("re.sub", squeeze_regex, is_right=is_start, part=PART),
            Contestant("PyO3: Vec::dedup", PEER, load_squeeze_peer),
            ours("squeeze_doubles", squeeze_doubles),
            COPY,
        ],
    ),
    Group(
        "runs-scripts",
        "Squeeze other scripts",
        "10 M of random words or characters, as UTF-8 and as str. The limit copies as many bytes.",
        [
            Case(
                f"{name}, {kind}",
                partial(to_squeeze, partial(texts.natural, name), convert),
                10_000_000 // width,
            )
            for name, width in (("Russian", 2), ("Chinese", 3), ("emoji", 4))
            for kind, convert in (("UTF-8", str.encode), ("str", str))
        ],
        [ours("squeeze_doubles", squeeze_text), COPY],
    ),
    Group(
        "runs-short",
        "The runs of a short str",
        "All runs of 40 characters of English.",
        [Case("40 characters", short_english, 40)],
        [
            baseline(
                "re.finditer", lambda text: deque(RUN.finditer(text), 0), is_right=is_anything
            ),
            ours("find_doubles", lambda text: deque(find_doubles(text), 0), is_right=is_anything),
        ],
    ),
    Group(
        "runs-find-each",
        "The runs of a column",
        "Runs of at least three characters in 1,000,000 rows of 5 to 20; pandas says only which "
        "rows have one. It and the loop do a tenth, and their times are multiplied.",
        [Case("ASCII", partial(column, runs_of_rows), ROWS)],
        [
            baseline(
                "pandas, str.contains(regex)",
                contains_pandas,
                prepare=part_as(as_pandas),
                is_right=is_anything,
                part=PART,
            ),
            baseline(
                "re.finditer, in a loop",
                runs_of_rows,
                prepare=first_part,
                is_right=is_start_of_column,
                part=PART,
            ),
            ours("find_each", partial(find_each, min_run=3), prepare=as_arrow, is_right=is_column),
        ],
    ),
    Group(
        "runs-longest-each",
        "The longest run of each row",
        "The same rows. polars calls a function for a tenth of them, and its time is multiplied.",
        [Case("ASCII", partial(column, lambda rows: list(map(longest_of_row, rows))), ROWS)],
        [
            baseline(
                "polars, map_elements",
                longest_polars,
                prepare=part_as(as_polars),
                is_right=is_start_of_column,
                part=PART,
            ),
            ours(
                "longest_each",
                partial(longest_each, threads=1),
                prepare=as_arrow,
                is_right=is_column,
            ),
            ours(
                "count_each",
                partial(count_each, threads=1),
                prepare=as_arrow,
                is_right=is_anything,
            ),
        ],
    ),
    Group(
        "runs-squeeze-each",
        "Squeeze a column",
        "The same rows. pandas does a tenth of them, and its time is multiplied.",
        [Case("ASCII", partial(column, lambda rows: list(map(squeezed, rows))), ROWS)],
        [
            baseline(
                "pandas, str.replace(regex)",
                lambda series: series.str.replace(r"(.)\1+", r"\1", regex=True),
                prepare=part_as(as_pandas),
                is_right=is_start_of_column,
                part=PART,
            ),
            ours("squeeze_each", squeeze_each, prepare=as_arrow, is_right=is_column),
        ],
    ),
    Group(
        "runs-command",
        "The command, squeezing",
        "1 GiB of letters in the page cache, written to /dev/null.",
        [Case("1 GiB of letters", letters_file, GIB)],
        [
            rival("tr -s '\\000-\\377' <\"$1\" >/dev/null", rounds=1),
            command('doubles squeeze "$1" >/dev/null', is_right=is_anything),
        ],
    ),
]
