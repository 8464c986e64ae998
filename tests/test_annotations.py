"""What annotations say is found at run time, and people's tools read it."""

import importlib
import inspect
import typing
from importlib.util import find_spec

import pytest

import doubles_ffi
from doubles_ffi import baselines

PUBLIC = {name: getattr(doubles_ffi, name) for name in doubles_ffi.__all__}
for name in ("RowRun", "Run"):
    del PUBLIC[name]  # Their methods are those that NamedTuple gives them, without annotations.
if find_spec("distributed"):
    PUBLIC["cluster.count_files"] = importlib.import_module("doubles_ffi.cluster").count_files
PUBLIC |= {f"baselines.{name}": getattr(baselines, name) for name in baselines.__all__}
FUNCTIONS = {
    name + inner: function
    for name, public in PUBLIC.items()
    for inner, function in (
        {f":{inner}": function for inner, function in vars(public).items()}
        if inspect.isclass(public)
        else {"": inspect.unwrap(public)}
    ).items()
    if inspect.isfunction(function) or isinstance(function, property)
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_annotations_resolve(name):
    function = FUNCTIONS[name]
    hints = typing.get_type_hints(function.fget if isinstance(function, property) else function)
    if not isinstance(function, property):
        parameters = set(inspect.signature(function).parameters) - {"self"}
        assert set(hints) == {*parameters, "return"}
        inspect.signature(function, eval_str=True)


def test_everything_public_is_here():
    assert {"DoubleCounter:update", "DoubleCounter:tally"} < set(FUNCTIONS)
    assert {name.partition(":")[0] for name in FUNCTIONS} == set(PUBLIC)


def count_text(text):
    return doubles_ffi.count_doubles(text)


# DuckDB passes as many arguments as a function has parameters, optional ones too.
@pytest.mark.parametrize("function", [doubles_ffi.count_doubles_zip, count_text])
def test_duckdb(function):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.create_function("d", function, ["VARCHAR"], "BIGINT")
        rows = connection.sql("SELECT d(x) FROM (VALUES ('Mississippi'), ('жж'), ('')) AS t(x)")
        assert rows.fetchall() == [(3,), (1,), (0,)]
