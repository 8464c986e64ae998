"""Count, find, tally and squeeze doubled neighbours in text and bytes.

>>> import doubles_ffi
>>> doubles_ffi.count_doubles("aaa")
2

`count_doubles` is the fast one. The ladder of historic counters leads up to it, and
`doubles_ffi.baselines` has the ones in pure Python and NumPy.
"""

from doubles_ffi.columns import Counts, count_each, find_each, longest_each
from doubles_ffi.counter import DoubleCounter
from doubles_ffi.counting import count_doubles, tally_doubles
from doubles_ffi.files import count_file, tally_file
from doubles_ffi.generate import fill_random, random_string
from doubles_ffi.ladder import (
    count_doubles_once,
    count_doubles_once_bytes,
    count_doubles_slice,
    count_doubles_slice_parallel,
    count_doubles_zip,
)
from doubles_ffi.run_columns import RowRun, Run, Runs
from doubles_ffi.runs import find_doubles, find_runs, longest_run, squeeze_doubles
from doubles_ffi.texts import Texts, squeeze_each

__version__ = "0.1.0"

__all__ = [
    "Counts",
    "DoubleCounter",
    "RowRun",
    "Run",
    "Runs",
    "Texts",
    "count_doubles",
    "count_doubles_once",
    "count_doubles_once_bytes",
    "count_doubles_slice",
    "count_doubles_slice_parallel",
    "count_doubles_zip",
    "count_each",
    "count_file",
    "fill_random",
    "find_doubles",
    "find_each",
    "find_runs",
    "longest_each",
    "longest_run",
    "random_string",
    "squeeze_doubles",
    "squeeze_each",
    "tally_doubles",
    "tally_file",
]
