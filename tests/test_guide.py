"""The guide, followed word for word, makes examples/minimal; crossings.md extends that example."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, follow, run

GUIDE = ROOT / "docs/guide.md"
CROSSINGS = ROOT / "docs/crossings.md"
MINIMAL = ROOT / "examples/minimal"

BUILT = re.compile(r"(build|target|\.pytest_cache|__pycache__)/|\.egg-info/|\.(so|dylib|pyd|dll)$")


def sources(folder):
    """Return the text of each file that somebody wrote, and of the header."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    texts = {n: p.read_text("utf-8") for n, p in files.items() if not BUILT.search(n)}
    del texts["Cargo.lock"]
    return texts


@pytest.fixture(scope="module")
def environment():
    """Return an environment whose python3 is this one, and whose cargo has all that it needs."""
    fetch = ["cargo", "fetch", "--locked", "--manifest-path", str(MINIMAL / "Cargo.toml")]
    subprocess.run(fetch, check=True, capture_output=True)
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CARGO_NET_OFFLINE": "true",
        "CARGO_TARGET_DIR": str(ROOT / "build/minimal"),  # cbindgen is compiled there once
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def test_the_guide_makes_the_example(tmp_path, environment):
    folder, outputs = tmp_path / "an empty folder", tmp_path / "outputs"
    folder.mkdir()
    outputs.mkdir()
    assert follow(GUIDE, folder, outputs, environment) > 2
    assert sources(folder) == sources(MINIMAL)


def test_the_example_is_small():
    texts = sources(MINIMAL)
    del texts["include/bytestats.h"]  # cbindgen writes it.
    del texts["LICENSE"]
    assert sum(text.count("\n") for text in texts.values()) < 400


def copy_of_the_example(folder):
    for name in [*sources(MINIMAL), "Cargo.lock"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MINIMAL / name, folder / name)


def test_the_examples_of_what_crosses_pass_their_tests(tmp_path, environment):
    copy, outputs = tmp_path / "copy", tmp_path / "outputs"
    outputs.mkdir()
    copy_of_the_example(copy)
    follow(CROSSINGS, copy, outputs, environment)
    passed = [path for path in outputs.iterdir() if " passed in " in path.read_text("utf-8")]
    assert len(passed) == 1


def test_the_example_can_be_renamed(tmp_path, environment):
    copy, installed = tmp_path / "copy", tmp_path / "installed"
    copy_of_the_example(copy)
    run([sys.executable, "rename.py", "tide_tables2"], copy, environment)
    renamed = sources(copy)
    assert len(renamed) == len(sources(MINIMAL))
    assert "bytestats" not in repr(renamed).lower()
    assert "TideTables2Summary" in renamed["include/tide_tables2.h"]

    run(["cargo", "test", "--quiet", "--locked"], copy, environment | {"RENEW_HEADER": "1"})
    pip = [sys.executable, "-m", "pip"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", "build", "."], copy, environment)
    (wheel,) = copy.glob("build/tide_tables2-*.whl")
    run([*pip, "install", "--no-deps", "--target", installed, wheel], tmp_path, environment)
    test = [sys.executable, "-m", "pytest", "-c", copy / "pyproject.toml", copy / "tests"]
    assert "passed" in run(test, installed, environment)


@pytest.mark.parametrize("name", ["Tides", "2tides", "tide-tables", "random", "cffi", "guard", ""])
def test_a_name_that_does_not_fit_changes_nothing(tmp_path, name):
    copy_of_the_example(tmp_path)
    output = run([sys.executable, "rename.py", name], tmp_path, None, status=1)
    assert output.startswith("usage: rename.py NAME")
    assert sources(tmp_path) == sources(MINIMAL)


def test_the_example_notices_a_changed_declaration(tmp_path, environment):
    copy_of_the_example(tmp_path)
    exports = tmp_path / "src/ffi.rs"
    before = exports.read_text("utf-8")
    exports.write_text(before.replace("byte: u8)", "byte: u8, _more: u8)"), "utf-8")
    for renew in ({}, {"RENEW_HEADER": "1"}):
        command = ["cargo", "test", "--quiet", "--locked"]
        variables = {**environment, **renew}
        output = run(command, tmp_path, variables, status=101)
        assert "first raise BYTESTATS_ABI_VERSION" in output
    changed = exports.read_text("utf-8").replace("VERSION: u32 = 1", "VERSION: u32 = 2")
    exports.write_text(changed, "utf-8")
    run(command, tmp_path, variables)
    assert "_more" in (tmp_path / "include/bytestats.h").read_text("utf-8")


@pytest.mark.parametrize(
    "old_and_new",
    [
        ("len: usize, byte: u8", "byte: u8, len: usize"),
        ("sum: u64,\n    max: u8", "max: u8,\n    sum: u64"),
    ],
)
def test_the_build_notices_a_header_that_is_older_than_the_exports(
    tmp_path, environment, old_and_new
):
    copy_of_the_example(tmp_path)
    exports = tmp_path / "src/ffi.rs"
    before = exports.read_text("utf-8")
    exports.write_text(before.replace(*old_and_new), "utf-8")
    output = run([sys.executable, "setup.py", "build"], tmp_path, environment, status=1)
    assert output.splitlines()[-1].endswith("RENEW_HEADER=1 cargo test")
    assert not (tmp_path / "build").exists()


def test_python_does_not_import_the_sources_in_the_folder_of_the_example():
    command = [sys.executable, "-c", "import bytestats"]
    assert "No module named 'bytestats'" in run(command, MINIMAL, None, status=1)
