"""The documents say what was measured, and each target names what there is."""

import pytest
from benchmarks import report, results, test_memory
from benchmarks.groups import GROUPS
from benchmarks.targets import MEMORY, TARGETS

GROUP = {group.name: group for group in GROUPS}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.work)
def test_a_target_names_what_is_measured(target):
    assert float(target.avx2)
    assert float(target.avx512)
    if target.measure == MEMORY:
        assert target.ours in test_memory.SCRIPTS
        return
    group = GROUP[target.group]
    names = [contestant.name for contestant in group.contestants]
    assert target.ours in names
    assert any(name.startswith(target.rival) for name in names)
    assert target.case in {"", *(case.label for case in group.cases)}


def test_benchmarks_md_is_rendered_from_its_json():
    assert (report.DOCS / "benchmarks.md").read_text("utf-8") == report.render(results.read())


def test_the_readme_shows_the_same_times():
    assert report.readme_tables(results.read()) in report.README.read_text("utf-8")


def test_a_reason_is_printed_only_where_a_target_is_missed():
    target = next(target for target in TARGETS if target.reason)
    for seconds, is_missed in ((1, False), (100, True)):
        case = {"bytes": 1, "seconds": {target.ours: seconds, target.rival: 10}}
        data = {
            "machine": {"kernel": "avx2"},
            "memory": {},
            "groups": {target.group: {"any": case}},
        }
        assert (target.reason in report.target_table(data)) == is_missed
