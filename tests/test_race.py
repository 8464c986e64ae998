"""The example that races the ladder."""

import runpy
import sys
from pathlib import Path

import pytest

RACE = Path(__file__).parent.parent / "examples" / "race.py"


def test_every_counter_takes_part(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["race.py", "100"])
    names = runpy.run_path(str(RACE), run_name="__main__")["RUNGS"]
    rows = capsys.readouterr().out.splitlines()[3:]
    assert all(row.startswith(f"  {name} ") for row, name in zip(rows, names, strict=True))


def test_without_numpy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(RACE), run_name="__main__")
    assert end.value.code == "race.py: one of the counters needs NumPy: pip install numpy"
