"""The original workload: 10,000,000 random letters, as str and bytes, by all that can count."""

import pytest
import reference

import doubles_ffi
from doubles_ffi import baselines

COUNTERS = {
    "python_zip": baselines.count_doubles_zip,
    "python_once": baselines.count_doubles_once,
    "python_itertools": baselines.count_doubles_itertools,
    "python_comprehension": baselines.count_doubles_comprehension,
    "python_regex": baselines.count_doubles_regex,
    "numpy": baselines.count_doubles_numpy,
    "rust_zip": doubles_ffi.count_doubles_zip,
    "rust_once": doubles_ffi.count_doubles_once,
    "rust_once_bytes": doubles_ffi.count_doubles_once_bytes,
    "rust_slice": doubles_ffi.count_doubles_slice,
    "rust_slice_parallel": doubles_ffi.count_doubles_slice_parallel,
    "count_doubles": doubles_ffi.count_doubles,
}


@pytest.fixture(scope="module")
def letters(scale):
    return doubles_ffi.random_string(scale(10_000_000, 10_000), seed="original")


@pytest.fixture(scope="module")
def expected(letters):
    return reference.count(letters)


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@pytest.mark.parametrize("kind", ["str", "bytes"])
def test_letters(benchmark, letters, expected, counter, kind):
    benchmark.group = f"original workload, {len(letters):,} letters as {kind}"
    data = letters if kind == "str" else letters.encode()
    assert benchmark(counter, data) == expected
