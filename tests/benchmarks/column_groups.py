"""What is measured of columns, and of what other libraries do with them."""

import operator
from functools import partial

from benchmarks import inputs
from benchmarks.load_peers import load_peers
from benchmarks.model import PEER, Case, Contestant, Group, baseline, ours

import doubles_ffi

EXPRESSION = "len(list_filter(range(1, length(s)), lambda i: s[i] = s[i + 1]))"


def as_arrow(rows):
    import pyarrow

    return pyarrow.array(rows)


def as_table(rows):
    import pyarrow

    return pyarrow.table({"s": rows})


def ten_times(rows):
    import pyarrow

    return pyarrow.concat_arrays([as_arrow(rows)] * 10)


def as_polars(rows):
    import polars

    return polars.Series(rows)


def as_pandas(rows):
    import pandas

    return pandas.Series(rows, dtype="str")


def count_polars(series):
    import polars

    return series.map_elements(doubles_ffi.count_doubles, polars.Int64)


def count_pandas(series):
    return series.str.count(r"(?s)(.)(?=\1)")


def count_duckdb(table_of_rows):  # noqa: ARG001 (the query names it)
    import duckdb

    return duckdb.sql(f"SELECT {EXPRESSION} AS n FROM table_of_rows").fetchnumpy()["n"]


def is_column(answer, expected):
    return list(answer) == expected


def is_ten_columns(answer, expected):
    return list(answer) == expected * 10


def each(name, prepare=None, is_right=is_column, **options):
    """Return `count_each` on a column of that kind."""
    function = partial(doubles_ffi.count_each, **options)
    return ours(f"count_each: {name}", function, prepare=prepare, is_right=is_right)


def loop(name, path):
    """Return a loop over a function of the peers."""

    def load():
        function = operator.attrgetter(path)(load_peers())
        return lambda rows: [function(row) for row in rows]

    return Contestant(f"PyO3, in a loop: {name}", PEER, load)


rival = partial(baseline, is_right=is_column)

GROUPS = [
    Group(
        "columns",
        "Columns",
        "1,000,000 rows of 5 to 20 characters, a count for each.",
        [
            Case(name, partial(inputs.column, scripts, range(5, 21)), 1_000_000)
            for name, scripts in (
                ("ASCII", ()),
                ("mixed", ("English", "Russian", "Chinese", "emoji")),
            )
        ],
        [
            rival("pandas, str.count(regex)", count_pandas, prepare=as_pandas),
            rival("polars, map_elements", count_polars, prepare=as_polars),
            rival("DuckDB, list_filter", count_duckdb, prepare=as_table),
            loop("once", "of_str.count_doubles_once"),
            loop("windows(2) on storage", "of_storage.count_doubles_slice"),
            each("list", threads=1),
            each("pandas", as_pandas, threads=1),
            each("polars", as_polars, threads=1),
            each("pyarrow", as_arrow, threads=1),
        ],
    ),
    Group(
        "columns-threads",
        "Columns on all threads",
        "10,000,000 rows in one array of pyarrow.",
        [Case("ASCII", partial(inputs.column, (), range(5, 21)), 1_000_000)],
        [
            each("1 thread", ten_times, is_ten_columns, threads=1),
            each("all threads", ten_times, is_ten_columns),
        ],
    ),
]
