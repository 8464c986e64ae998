"""The ladder, the baselines and `count_doubles` on the same text, timed by pytest-benchmark."""

import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest
import reference

from doubles_ffi import random_string

RACE = Path(__file__).parents[2] / "examples/race.py"
COUNTERS = runpy.run_path(str(RACE))["RUNGS"]


@pytest.fixture(scope="module")
def text(request):
    is_timed = request.config.getoption("benchmark_enable")
    return random_string(10_000_000 if is_timed else 2_000, seed=1)


@pytest.fixture(scope="module")
def doubles(text):
    return reference.count(text)


@pytest.mark.parametrize("name", COUNTERS)
def test_ladder(benchmark, name, text, doubles):
    if name == "NumPy" and find_spec("numpy") is None:
        pytest.skip("NumPy is not installed")
    assert benchmark(COUNTERS[name], text) == doubles
