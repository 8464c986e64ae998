"""What holds for all tests."""

import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from doubles_ffi import files

# On a loaded machine any example can be slow, and so can drawing it.
settings.register_profile("doubles", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Where a failing example is enough, however long, and every run draws the same ones.
settings.register_profile(
    "mutants",
    settings.get_profile("doubles"),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)
settings.load_profile("doubles")

# In the background of a script Ctrl-C is ignored, by all processes that are started there too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A wheel is tested where there is no checkout. There, what needs one is left out, and what needs
# packages that not every Python has.
collect_ignore = []
if not (Path(__file__).parents[1] / "setup.py").exists():
    left_out = "conda_recipe documents guide library manual notices race site structure trust"
    left_out += " chart cluster completions"
    collect_ignore = [f"test_{name}.py" for name in left_out.split()]

# NumPy has no wheel for PyPy, which also lacks CPython's C API: what test_columns.py makes structs
# for Arrow with, and what test_native.py tests. A CPython without NumPy fails these tests, so that
# none of them is lost there.
if sys.implementation.name == "pypy":
    collect_ignore += ["test_columns.py", "test_native.py", "test_numpy.py"]


@pytest.fixture
def set_threads(monkeypatch):
    """Say how many threads there may be; files.py asks once."""

    def set_number(number):
        monkeypatch.setenv("DOUBLES_NUM_THREADS", str(number))
        files._most_threads.cache_clear()

    yield set_number
    files._most_threads.cache_clear()
