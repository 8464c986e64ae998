"""The report on what was tried, and the driver that writes it. The rows run by `make trust`."""

import json
import math
import os
import shutil

import pytest
from trust import __main__ as driver
from trust import children, model, mutants, python_mutants, report, sanitizers
from trust.model import ROOT, ROWS, Figure, MissingError, Row, load_all
from trust.plants import PLANTS

ROWS_THERE = load_all()


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "reliability.json"
    monkeypatch.setattr(report, "FILE", path)
    return path


def test_the_report_is_made_from_its_results():
    committed = report.FILE.with_suffix(".md").read_text("utf-8")
    assert committed == report.render(ROWS_THERE, report.read())


@pytest.mark.parametrize("row", ROWS_THERE, ids=lambda row: row.name)
def test_each_row_has_a_promise_and_a_goal(row):
    assert row.promise
    assert row.goal
    assert "\n" not in row.promise + row.goal


def row(name, *figures):
    """Return a row that finds these figures, one a run."""
    figures = iter(figures)
    return Row(name, f"{name} holds", "100 tries", lambda _: next(figures))


def test_the_report_says_what_was_not_run_fell_short_or_failed():
    rows = [row(name) for name in ("one", "two", "three", "four")]
    known = {"date": "2026-01-02", "commit": "abc", "machine": "a machine", "seconds": 60}
    known |= {"figure": "50 tries", "details": "of two kinds"}
    results = {
        "two": known | {"passed": True, "reached": False},
        "three": known | {"passed": False, "reached": False, "seconds": 7200},
        "four": known | {"passed": True, "reached": True, "seconds": 600},
    }
    page = report.render(rows, results)
    assert "**1 of 4 promises were tested at full length.**" in page
    assert "| one holds | not yet |  |" in page
    assert "| two holds | 50 tries (*short of its goal*) | abc |" in page
    assert "| three holds | **failed**: 50 tries | abc |" in page
    assert "| four holds | 50 tries | abc |" in page
    assert "Found: 50 tries. of two kinds." in page
    assert "`make trust ROWS=three`, 2 h on 2026-01-02, commit abc; a machine." in page
    assert "Not run yet: `make trust ROWS=one`." in page


def test_no_cell_of_the_table_is_longer_than_a_line():
    results = report.read()
    for row in ROWS_THERE:
        for cell in report.cells(row, results.get(row.name)):
            assert len(cell) <= 100, cell


def test_a_trial_replaces_no_longer_run_unless_it_failed(file):
    long, short = Figure("long", passed=True), Figure("short", passed=True)
    failed = Figure("failed", passed=False)

    def record(*arguments, is_full=False):
        driver.record("fork", *arguments, is_full=is_full)
        return json.loads(file.read_text("utf-8"))["fork"]["figure"]

    assert record(long, 100) == "long"
    assert record(short, 10) == "long"
    assert record(failed, 10) == "failed"
    assert record(short, 10) == "short"
    assert record(long, 5, is_full=True) == "long"
    assert "| long |" in file.with_suffix(".md").read_text("utf-8")


def test_a_row_that_raises_has_failed_and_the_others_run(file, monkeypatch, capsys):
    def fail(_):
        raise LookupError("what it says")

    times = []

    def hold(seconds):
        times.append(seconds)
        return Figure("held", passed=True)

    rows = [Row("fork", "", "", fail), Row("soak", "", "", hold)]
    monkeypatch.setattr(driver, "load_all", lambda: rows)
    monkeypatch.setattr("sys.argv", ["trust", "--minutes", "1"])
    assert driver.main() == 1
    assert "LookupError: what it says" in capsys.readouterr().err
    results = json.loads(file.read_text("utf-8"))
    assert [result["passed"] for result in results.values()] == [False, True]
    assert 30 < times[0] <= 60  # The first row has left its share.
    monkeypatch.setattr(driver, "load_all", lambda: rows[1:])
    monkeypatch.setattr("sys.argv", ["trust"])
    assert driver.main() == 0
    assert times[1] == math.inf


def test_a_row_that_lacks_a_tool_is_no_failure_unless_it_was_asked_for(file, monkeypatch, capsys):
    def lack(_):
        model.need("no-such-tool", "false")

    lacking = Row("fork", "", "", lack)
    monkeypatch.setattr(driver, "load_all", lambda: [lacking])
    monkeypatch.setattr(driver, "load", lambda _: lacking)
    monkeypatch.setattr("sys.argv", ["trust"])
    assert driver.main() == 0
    assert "fork: NOT RUN: needs no-such-tool: false" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["trust", "fork"])
    assert driver.main() == 1
    assert "not run: fork" in capsys.readouterr().out
    assert not file.exists()


def test_sanitizers_name_a_missing_tool_before_they_compile(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sanitizers, "corpus", lambda: pytest.fail("it takes minutes"))
    with pytest.raises(MissingError, match="needs valgrind"):
        sanitizers.run(60)


def test_a_tool_that_is_missing_is_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    tool = tmp_path / "some-tool"
    install = f"cp {shutil.which('true')} '{tool}'"
    with pytest.raises(MissingError):
        model.need("some-tool", "no-such-installer")
    with pytest.raises(MissingError):
        model.need("some-tool", install, wanted=False)
    model.need("some-tool", install)
    model.need("some-tool", "no-such-installer")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('so')", "ValueError: so"),
        ("import os; os.abort()", "status -6"),
        ("import time; time.sleep(60)", "hung"),
    ],
)
def test_a_part_that_gives_no_answer_is_reported_with_its_command(
    tmp_path, monkeypatch, code, said
):
    (tmp_path / "part.py").write_text(code)
    monkeypatch.setattr(children, "TESTS", tmp_path)
    monkeypatch.setattr(children, "GRACE", 5)
    with pytest.raises(children.PartError, match=said) as caught:
        children.ask("part", "--seed", 7, seconds=0, MODE="odd")
    assert "MODE=odd python -m part --seed 7" in str(caught.value)


def test_mutants_are_made_of_every_file_of_the_crate():
    source = ROOT / "rustlib/src"
    listed = [set(source.glob(pattern)) for pattern in mutants.FILES]
    assert all(listed)
    left_out = {path.relative_to(source) for path in set(source.rglob("*.rs")).difference(*listed)}
    assert {str(path) for path in left_out if not {"tests", "tests.rs"} & {*path.parts}} == {
        "lib.rs",  # It has no code.
        "oracle.rs",  # It is only for tests.
    }


def test_mutants_are_made_of_modules_and_killed_by_tests_that_exist():
    for module, tests in python_mutants.MODULES.items():
        assert (ROOT / "doubles_ffi" / f"{module}.py").exists(), module
        assert all((ROOT / "tests" / f"test_{name}.py").exists() for name in tests), module


def test_each_plant_names_a_row_and_text_that_occurs_once():
    for plant in PLANTS:
        assert plant.row in ROWS
        assert (ROOT / plant.file).read_text("utf-8").count(plant.old) == 1, plant.name
        assert plant.new != plant.old
