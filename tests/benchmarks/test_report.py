"""The documents say what was measured, and each target names what there is."""

import pytest
from benchmarks import report, results, test_memory
from benchmarks.targets import MEMORY, TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.work)
def test_a_target_names_what_is_measured(target):
    assert all(target.goal(cpu) for cpu in ("Zen 4, avx2", "Zen 4, avx512", "Zen 5, avx512"))
    if target.measure == MEMORY:
        assert target.ours in test_memory.SCRIPTS
        return
    group = report.GROUP[target.group]
    names = [contestant.name for contestant in group.contestants]
    assert target.ours in names
    assert any(name.startswith(target.rival) for name in names)
    assert target.case in {"", *(case.label for case in group.cases)}


def test_benchmarks_md_is_rendered_from_its_json():
    assert (report.DOCS / "benchmarks.md").read_text("utf-8") == report.render(results.read())


@pytest.mark.parametrize("page", report.PLACES, ids=lambda page: page.stem)
def test_a_page_shows_the_figures_of_the_last_run(page):
    assert report.PLACES[page](results.read()) in page.read_text("utf-8")


@pytest.mark.parametrize(("number", "is_missed"), [(1e6, False), (1e-6, True)])
def test_a_reason_is_printed_only_where_a_goal_is_missed(number, is_missed):
    target = next(target for target in TARGETS if target.reason and target.is_ratio)
    goals = {"CPU, avx2": {"measured": {target.work: [number, ""]}}}
    assert (target.reason in report.goal_table(goals)) == is_missed
    assert ("**" in report.goal_table(goals)) == is_missed


def test_a_run_replaces_the_goals_of_its_own_cpu_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FILE", tmp_path / "benchmarks.json")
    monkeypatch.setattr(results, "cpu", lambda: "new")
    results.FILE.write_text('{"goals": {"old": {}}, "threads": {"of": "before"}}', "utf-8")
    results.write([], lambda _: {"work": [1, ""]})
    results.write([], lambda _: {"work": [2, ""]})
    goals = results.read()["goals"]
    assert goals.pop("old") == {}
    assert [entry["measured"] for entry in goals.values()] == [{"work": [2, ""]}]
    assert results.read()["threads"] == {"of": "before"}


def test_two_threads_are_compared_with_one():
    machine = results.read()["machine"]
    part = report.thread_part(
        {"machine": machine, "seconds": {"8 bytes": [3e-8, 6e-8, 4e-8, 2e-8]}}
    )
    assert "| 8 bytes | 30 ns | 0.50 x | 40 ns | 2.00 x |" in part
    assert part.endswith(report.run_line({"machine": machine}))


def test_a_run_with_a_forced_kernel_adds_goals_and_keeps_the_last_run(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FILE", tmp_path / "benchmarks.json")
    monkeypatch.setattr(results, "FORCED", "portable")
    results.FILE.write_text('{"groups": {"last": {}}, "goals": {}}', "utf-8")
    results.write([], lambda _: {"work": [1, ""]})
    data = results.read()
    assert data["groups"] == {"last": {}}
    assert [entry["measured"] for entry in data["goals"].values()] == [{"work": [1, ""]}]
    assert "DOUBLES_KERNEL=portable" in next(iter(data["goals"].values()))["command"]


def test_the_short_tables_name_works():
    assert {target.work for target in TARGETS} >= report.HIGHLIGHTS
