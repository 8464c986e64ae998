"""No file of tests is lost in silence: conftest.py names those that are left out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wheels

HERE = Path(__file__).parent


def run(folder, *options):
    shutil.copy(HERE / "conftest.py", folder)
    (folder / "test_fine.py").write_text("def test_fine(): pass\ndef test_too(): pass\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-c", HERE.parent / "pyproject.toml"]
    command += ["-p", "no:cacheprovider", "--rootdir", folder, folder, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "import no_such_module\ndef test_it(): pass",
        "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass",
        "import pytest\npytest.skip('why', allow_module_level=True)\ndef test_it(): pass",
        "def check_it(): pass",
    ],
    ids=["import", "importorskip", "skip", "misspelt"],
)
def test_a_file_that_gives_no_test_fails_the_run(tmp_path, text):
    (tmp_path / "test_lost.py").write_text(text, "utf-8")
    status, output = run(tmp_path)
    assert status != 0
    assert "test_lost.py" in output


def test_the_run_of_a_wheel_names_its_files_and_misses_none(tmp_path):
    shutil.copy(HERE / "conftest.py", tmp_path)
    _, output = run(tmp_path, "-q")
    assert "collected: test_fine.py\n" in output
    wheels.check_collected(output, {"test_fine.py", "test_site.py", "test_structure.py"})
    with pytest.raises(AssertionError, match=r"no test was collected from test_lost\.py"):
        wheels.check_collected(output, {"test_fine.py", "test_lost.py"})


def test_a_file_may_be_left_out_by_name(tmp_path):
    (tmp_path / "test_lost.py").write_text("import no_such_module", "utf-8")
    status, output = run(tmp_path, "--ignore", tmp_path / "test_lost.py", "-k", "fine and not too")
    assert status == 0, output
    assert "1 passed, 1 deselected" in output
