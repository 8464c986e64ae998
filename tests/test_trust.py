"""The report on what was tried, and the driver that writes it. The rows run by `make trust`."""

import json
import math
import os
import shutil
import sys
from collections import Counter

import pytest
from trust import __main__ as driver
from trust import children, code, crate, model, mutants, python_mutants, report, sanitizers
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
    return Row(name, f"{name} holds", "100 tries", lambda *_: next(figures), hours=2)


def test_the_report_says_what_was_not_run_fell_short_or_failed():
    rows = [row(name) for name in ("one", "two", "three", "four", "five")]
    known = {"date": "2026-01-02", "commit": "abc", "machine": "a machine", "seconds": 60}
    known |= {"figure": "50 tries", "details": "of two kinds", "changed": False}
    results = {
        "two": known | {"passed": True, "reached": False},
        "three": known | {"passed": False, "reached": False, "seconds": 7200},
        "four": known | {"passed": True, "reached": True, "seconds": 600},
        "five": known | {"passed": True, "reached": True, "changed": True},
    }
    page = report.render(rows, results)
    assert "**1 of 5 promises are tested at full length.**" in page
    assert "| one holds | not yet (*takes 2 h*) |  |" in page
    assert "| two holds | 50 tries (*short: takes 2 h*) | abc |" in page
    assert "| three holds | **failed**: 50 tries | abc |" in page
    assert "| four holds | 50 tries | abc |" in page
    assert "| five holds | not since its code changed (*takes 2 h*) |  |" in page
    assert "Found: 50 tries. of two kinds." in page
    assert "Found before its code changed: 50 tries. of two kinds." in page
    assert "`make trust ROWS=three`, 2 h until 2026-01-02, commit abc; a machine." in page
    assert "Not run yet: `make trust ROWS=one`." in page


def test_no_cell_of_the_table_is_longer_than_a_line():
    results = report.read()
    for row in ROWS_THERE:
        for cell in report.cells(row, results.get(row.name)):
            assert len(cell) <= 100, cell


@pytest.fixture
def run(file, monkeypatch):
    """Return a function that runs `make trust` with rows, and returns what the report says then."""

    def run(*rows, minutes=None):
        monkeypatch.setattr(driver, "load_all", lambda: rows)
        monkeypatch.setattr(report, "load_all", lambda: rows)
        options = ["--minutes", str(minutes)] if minutes else []
        monkeypatch.setattr("sys.argv", ["trust", *options])
        driver.main()
        return json.loads(file.read_text("utf-8"))

    return run


def test_a_shorter_run_replaces_no_longer_one_unless_one_of_them_failed(run, monkeypatch):
    long, short = (Figure(text, passed=True, reached=False) for text in ("long", "short"))
    full, failed = Figure("full", passed=True), Figure("failed", passed=False)
    tries = row("fork", long, short, failed, short, full)
    clock = iter([0, 0, 100, 0, 0, 10, 0, 0, 10, 0, 0, 10, 0, 0, 5])
    monkeypatch.setattr(driver.time, "monotonic", lambda: next(clock))
    found = [run(tries)["fork"]["figure"] for _ in range(5)]
    assert found == ["long", "long", "failed", "short", "full"]


def test_runs_on_the_same_code_add_up_and_a_change_of_it_drops_them(run, monkeypatch):
    def add(_, earlier):
        tries = Counter(earlier) + Counter(tries=10)
        return Figure(f"{tries.total()} tries", passed=True, reached=False, state=tries)

    adding, other = Row("fork", "", "", add), row("soak", *[Figure("held", passed=True)] * 4)
    monkeypatch.setattr(Row, "code", lambda self: versions[self.name])
    monkeypatch.setattr(driver, "commit", lambda: versions["commit"])
    versions = {"fork": "1", "soak": "1", "commit": "a"}
    run(adding, other)
    versions["commit"] = "b"
    results = run(adding, other)
    assert (results["fork"]["figure"], results["fork"]["commit"]) == ("20 tries", "a")
    versions |= {"fork": "2", "commit": "c"}
    results = run(other)
    assert not results["soak"]["changed"]
    results = run(adding, other)
    assert (results["fork"]["figure"], results["fork"]["commit"]) == ("10 tries", "c")
    versions["fork"] = "3"
    report.write(report.read())
    assert report.read()["fork"]["changed"]


@pytest.mark.parametrize(
    ("name", "text", "same", "other"),
    [
        ("a.py", "x = 1  # one\n", '"""Doc."""\n\nx = 1\n', "x = 2\n"),
        ("a.rs", "// One.\nlet x = 1;\n", "\n    /// Two.\nlet x = 1;\n", "let x = 2;\n"),
        ("a.lock", "x = 1\n", "x = 1\n", "x = 1\n\n"),
    ],
)
def test_code_is_the_same_whatever_its_comments_say(tmp_path, name, text, same, other):
    found = []
    for number, version in enumerate((text, same, other)):
        path = tmp_path / f"{number}-{name}"
        path.write_text(version)
        found.append(code.essence(path))
    assert found[0] == found[1] != found[2]


def test_each_row_covers_code_that_exists():
    assert all(row.code() != code.fingerprint("no-such-file") for row in ROWS_THERE)


def test_a_row_that_raises_has_failed_and_the_others_run(file, monkeypatch, capsys):
    def fail(*_):
        raise LookupError("what it says")

    times = []

    def hold(seconds, _):
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
    def lack(*_):
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
        sanitizers.run(60, {})


def test_flags_for_a_sanitizer_are_added_to_those_of_the_project():
    printing = ("rustc", "--print", "cfg", "-Zunstable-options")
    printed = crate.cargo(*printing, flags=("--cfg", "of_a_sanitizer"), target="flags").stdout
    assert {"of_a_sanitizer", "chacha20_avx512"} <= {*printed.splitlines()}


def test_checks_run_once_and_those_that_lack_something_are_left_out():
    def lack():
        raise MissingError("needs more")

    ran = []
    checks = {"one": (lambda: ran.append(1), 0), "two": (lack, 0), "three": (ran.clear, 60)}
    figure = model.run_checks(checks, {}, seconds=1)
    figure = model.run_checks(checks, figure.state, seconds=1)
    assert ran == [1]
    assert figure.text == "1 of 3 checks, all clean"
    assert figure.details == "one; not checked: two (needs more), three"
    assert figure.passed
    assert not figure.reached


def test_a_check_that_fails_is_named(capsys):
    checks = {"false": (lambda: crate.expect(crate.attempt(["false"])), 0)}
    figure = model.run_checks(checks, {})
    assert not figure.passed
    assert figure.text == "false: not clean"
    assert "['false']:" in capsys.readouterr().out


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
    assert f"MODE=odd {sys.executable} -m part --seed 7" in str(caught.value)


def test_mutants_that_are_alive_are_told_from_those_that_can_not_be_killed(capsys):
    position = {"start": {"line": 2, "column": 1}}
    of_result = {"location": position, "mutatorName": "fn_value", "description": "return 0"}
    of_operator = {"location": position, "mutatorName": "relational.lt", "replacement": "<="}
    killed = [of_result | {"status": "Killed"}]
    killed += [of_result | {"status": "Survived", "statusReason": "timed out: after 20 s"}]
    alive = [of_result | {"status": status} for status in ("Survived", "NoCoverage")]
    equivalent = [of_operator | {"status": "Survived"}]
    other = [of_operator | {"status": status} for status in ("CompileError", "Ignored", "Pending")]
    line = "if bytes.len() < BYTES_WORTH_SPLITTING {"
    content = {"source": f"fn f() {{\n    {line}", "mutants": killed + alive + equivalent + other}
    assert mutants.verdicts({"files": {"src/parallel.rs": content}}) == {
        "killed": 2,
        "alive": 2,
        "equivalent": 1,
        "not compiled": 2,
        "waiting": 1,
    }
    assert f"alive: src/parallel.rs: {line}: fn_value: return 0" in capsys.readouterr().out


def test_reports_of_mutants_count_as_long_as_the_code_stays(monkeypatch, tmp_path):
    started = []

    def gamma(folder, *options, seconds):
        assert seconds > 0
        started.append((folder.name, options[0].partition("=")[0]))
        mutant = {"location": {"start": {"line": 1}}, "mutatorName": "", "status": "Killed"}
        files = {"src/a.rs": {"source": "a", "mutants": [mutant]}}
        (folder / mutants.REPORT).write_text(json.dumps({"files": files}))
        return True

    monkeypatch.setattr(mutants, "FOLDER", tmp_path)
    monkeypatch.setattr(mutants, "need_crate", lambda *_: None)
    monkeypatch.setattr(mutants, "gamma", gamma)
    monkeypatch.setattr(mutants, "code", lambda: "old")
    for _ in range(2):
        figure = mutants.run(60, {})
        assert (figure.text, figure.reached) == ("2 killed", True)
    monkeypatch.setattr(mutants, "code", lambda: "new")
    assert not mutants.run(0, {}).reached
    assert started == [("rest", "--mutators"), ("kernels", "--mutators")]
    assert mutants.run(60, {}).reached
    assert len(started) == 4


def test_mutants_are_made_of_modules_and_killed_by_tests_that_exist():
    for module, tests in python_mutants.MODULES.items():
        assert (ROOT / "doubles_ffi" / f"{module}.py").exists(), module
        assert all((ROOT / "tests" / f"test_{name}.py").exists() for name in tests), module


def test_each_plant_names_a_row_and_text_that_occurs_once():
    for plant in PLANTS:
        assert plant.row in ROWS
        assert (ROOT / plant.file).read_text("utf-8").count(plant.old) == 1, plant.name
        assert plant.new != plant.old
