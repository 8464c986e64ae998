"""What holds for all tests."""

import functools
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from doubles_ffi.files import engine

try:
    from hypothesis import HealthCheck, Phase, settings
except ModuleNotFoundError:  # The ladder is raced without; what needs it can't be collected.
    settings = None

if settings:
    # On a loaded machine any example can be slow, and so can drawing it.
    settings.register_profile(
        "doubles", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    # For `make trust`, which repeats the tests with fresh seeds.
    settings.register_profile("trust", settings.get_profile("doubles"), max_examples=1000)
    # Where a failing example is enough, however long, and every run draws the same ones.
    settings.register_profile(
        "mutants",
        settings.get_profile("doubles"),
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
    )
    settings.load_profile("doubles")

# A test says which bytes a file has: on Windows a line would end with \r\n.
if sys.platform == "win32":
    Path.write_text = functools.partialmethod(Path.write_text, newline="\n")

# In the background of a script Ctrl-C is ignored, by all processes that are started there too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The reason for each file that is not tested here. Any other file without a test fails the run.
LEFT_OUT = {}

# A wheel is tested where there is no checkout.
if not (Path(__file__).parents[1] / "setup.py").exists():
    needing = "conda_recipe documents guide manual notices race site structure trust"
    LEFT_OUT |= {f"test_{name}.py": "needs the checkout" for name in needing.split()}

# CPython without NumPy fails test_numpy.py, so that none of its tests is lost there.
if sys.implementation.name == "pypy":
    LEFT_OUT["test_arrow.py"] = "makes structs for Arrow with CPython's C API"
    for name in ("columns", "counts", "find_runs"):
        LEFT_OUT[f"test_{name}.py"] = "NumPy has no wheel for PyPy"
    LEFT_OUT["test_native.py"] = "tests what CPython alone has"
    LEFT_OUT["test_numpy.py"] = "NumPy has no wheel for PyPy"

EXTRAS = {
    "test_chart.py": "matplotlib",
    "test_cluster.py": "distributed",
    "test_site.py": "selenium",
}
LEFT_OUT |= {
    file: f"needs {module}" for file, module in EXTRAS.items() if find_spec(module) is None
}


def pytest_report_collectionfinish(items):
    """Say which files are tested, as `wheels.py` reads it, and why others are not."""
    names = " ".join(sorted({item.path.name for item in items}))
    return [f"collected: {names}", *(f"left out: {file} {why}" for file, why in LEFT_OUT.items())]


def pytest_ignore_collect(collection_path):
    # No module without tests is looked through for doctests: many need what is not installed.
    is_helper = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if is_helper or collection_path.name in LEFT_OUT else None


@pytest.hookimpl(tryfirst=True)  # before options take tests away
def pytest_collection_modifyitems(session, config, items):
    if session.testsfailed or config.getoption("lf", default=False):
        return
    folders = [path for path in map(Path, config.args) if path.is_dir()]
    ignored = {Path(path).absolute() for path in config.getoption("ignore") or []}
    files = {file.absolute() for folder in folders for file in folder.rglob("test_*.py")}
    files = {file for file in files if ignored.isdisjoint([file, *file.parents])}
    collected = {item.path for item in items}
    lost = sorted(str(file) for file in files - collected if file.name not in LEFT_OUT)
    if lost:
        raise pytest.UsageError(f"no test was collected from {', '.join(lost)}")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working directory, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_threads(monkeypatch):
    """Say how many threads there may be; counting files asks once."""

    def set_number(number):
        monkeypatch.setenv("DOUBLES_NUM_THREADS", str(number))
        engine._most_threads.cache_clear()

    yield set_number
    engine._most_threads.cache_clear()
