"""What calls of the public functions return, known without them."""

import operator
from pathlib import Path

import doubles_ffi as d


def naive(units):
    return sum(map(operator.eq, units, units[1:]))


TEXT = "жaa€€€𝄞" * 3000
DATA = TEXT.encode()
ROWS = ["aa", None, "жжж", "x" * 300, "жжa" * 1000] * 40
COUNTS = [1, None, 2, 299, 1000] * 40
LONGEST = [2, None, 3, 300, 2] * 40
SQUEEZED = ["a", None, "ж", "x", "жa" * 1000] * 40
RUNS = [run for start in range(0, 21_000, 7) for run in ((start + 1, 2, "a"), (start + 3, 3, "€"))]
OF_DATA = naive(DATA)
OF_FILE = naive(Path(__file__).read_bytes())

# Each is true, whoever asks, and however often.
FACTS = (
    lambda: d.count_doubles(DATA) == OF_DATA,
    lambda: d.count_doubles(DATA, encoding="utf-8") == 9000,
    lambda: d.count_doubles(TEXT) == 9000,
    lambda: d.tally_doubles(TEXT) == {"a": 3000, "€": 6000},
    lambda: [*d.find_doubles(TEXT[:7])] == [(1, 2, "a"), (3, 3, "€")],
    lambda: [*d.find_doubles(TEXT)] == RUNS,
    lambda: d.find_runs(TEXT).tolist() == RUNS,
    lambda: d.find_each(ROWS)[0] == (0, 0, 2, "a"),
    lambda: d.squeeze_each(ROWS).tolist() == SQUEEZED,
    lambda: d.longest_each(ROWS).tolist() == LONGEST,
    lambda: d.longest_run(TEXT) == (3, 3, "€"),
    lambda: d.squeeze_doubles(TEXT) == "жa€𝄞" * 3000,
    lambda: d.count_each(ROWS).tolist() == COUNTS,
    lambda: d.DoubleCounter(DATA, encoding="utf-8", tally=True).count == 9000,
    lambda: d.count_doubles_slice_parallel(DATA * 50) == 50 * OF_DATA,
    lambda: d.count_doubles(TEXT.encode("utf-16"), encoding="utf-16") == 9000,
    lambda: d.count_doubles_zip(TEXT) == d.count_doubles_once(TEXT) == 9000,
    lambda: d.count_doubles_once_bytes(DATA) == d.count_doubles_slice(DATA) == OF_DATA,
    lambda: d.random_string(5000, seed=7) == d.random_string(5000, seed=7),
    lambda: d.count_file(__file__) == OF_FILE,
)
