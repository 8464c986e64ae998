"""The code in docs/columns.md and docs/cluster.md does what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"

# What a recipe needs, where that is not what its heading says.
MODULES = {
    "A Dask bag": ["dask.bag"],
    "Columns": [],
    "Dask": ["dask.dataframe"],
    "DuckDB": ["duckdb", "pyarrow"],
    "Spark": ["pyspark", "pyarrow"],
}

CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def recipes():
    """Return each heading with each piece of code under it."""
    text = "".join((DOCS / page).read_text("utf-8") for page in ("columns.md", "cluster.md"))
    sections = re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]
    parts = [section.partition("\n") for section in sections]
    return [(heading, code) for heading, _, text in parts for code in CODE.findall(text)]


@pytest.mark.parametrize(("heading", "code"), recipes())
def test_recipe(heading, code):
    for module in MODULES.get(heading, [heading.lower()]):
        pytest.importorskip(module)
    if heading == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}  # for Spark's workers
    run = subprocess.run(
        [sys.executable, "-"],
        input=code,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
