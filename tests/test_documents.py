"""The code in the README and on the site does what it says; test_guide.py follows the guide
and crossings.md.

Sessions of Python (`>>>`) are doctests, which pytest collects from the pages themselves.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, blocks, follow

README = ROOT / "README.md"
SITE = sorted((ROOT / "docs").rglob("*.md"))
FOLLOWED = [
    page
    for page in [README, *SITE]
    if page.name not in {"crossings.md", "guide.md"}
    and "sh" in {block.language for block in blocks(page)}
]
RECIPES = [
    pytest.param(block.heading, block.text, id=f"{page.stem}: {block.heading}")
    for page in SITE
    for block in blocks(page)
    if block.language == "python" and not block.name and ">>>" not in block.text
]

# What a recipe needs, where that is not what its heading says.
MODULES = {
    "A Dask bag": ["dask.bag"],
    "Columns": [],
    "Counting on a cluster": ["distributed"],
    "Dask": ["dask.dataframe"],
    "DuckDB": ["duckdb", "pyarrow"],
    "Spark": ["pyspark", "pyarrow"],
    "pyarrow and pandas": ["pandas", "pyarrow"],
}

# What the commands of a page need that a system may lack.
TOOLS = {"command": ["jq"], "c": ["cc"], "ladder": ["objdump"]}


@pytest.fixture
def folder(tmp_path):
    """Return a folder with what a reader has in the checkout."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "LICENSE", folder / "notes.txt")
    for name in ("docs", "doubles_ffi", "examples", "rustlib"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.parametrize(("heading", "code"), RECIPES)
def test_recipe(heading, code, folder):
    for module in MODULES.get(heading, [heading.lower()]):
        pytest.importorskip(module)
    if heading == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}  # for Spark's workers
    run = subprocess.run(
        [sys.executable, "-"],
        cwd=folder,
        input=code,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_commands(page, folder, tmp_path):
    for tool in TOOLS.get(page.stem, []):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # test_completions.py runs these in their shells.
    follow(page, folder, tmp_path, environment, skip=lambda block: "completions" in block.text)


@pytest.mark.parametrize("page", [README, *SITE], ids=lambda page: page.stem)
def test_no_block_is_left_out(page):
    found = blocks(page)
    assert len(found) * 2 == page.read_text("utf-8").count("```")
    for block in found:
        is_run = block.name or block.language in {"python", "sh"}
        assert is_run or block.language == "text" or block.language.startswith("{")


@pytest.mark.parametrize(
    "page", [README, ROOT / "CONTRIBUTING.md", *SITE], ids=lambda page: page.stem
)
def test_no_command_replaces_an_editable_install_or_needs_a_package_index(page):
    text = page.read_text("utf-8").replace("\n", " ")
    replacing = re.findall(r"pip install '(?:\.|doubles_ffi)\[[^`]*`(?! would replace)", text)
    assert replacing == []
