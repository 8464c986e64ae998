"""Every contestant of every group gives the right answer, and pytest-benchmark can time it."""

import functools
import operator

import pytest
from benchmarks.groups import GROUPS

RACES = [
    pytest.param(group, case, contestant, id=f"{group.name}-{case.label}-{contestant.name}")
    for group in GROUPS
    for case in group.cases
    for contestant in group.contestants
]


@pytest.mark.parametrize(("group", "case_input", "contestant"), RACES, indirect=["case_input"])
def test_race(benchmark, request, group, case_input, contestant):
    needs_peers = isinstance(contestant.function, str)
    names = contestant.names(case_input, request.getfixturevalue("peers") if needs_peers else None)
    case = request.node.callspec.params["case_input"]
    benchmark.group = f"{group.title}: {case.label}"
    # One definition of the call serves this table and the report's.
    call = eval(f"lambda: {contestant.call}", names)
    assert contestant.is_right(benchmark(call), case_input.expected // contestant.part)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 255, 256, 257, 4_096, 600_000, 2_100_000])
@pytest.mark.parametrize("read", ["read", "read_parallel"])
def test_the_limit_reads_every_byte(peers, size, read):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert getattr(peers, read)(data) == functools.reduce(operator.xor, data, 0)


@pytest.mark.parametrize("fill", ["fill_chacha", "fill_chacha_parallel"])
def test_the_limit_fills_every_byte(peers, fill):
    buffer = bytearray(3_000_000)
    getattr(peers, fill)(buffer)
    assert 10_000 < buffer.count(0) < 13_500
    assert buffer[: 1 << 20] != buffer[1 << 20 : 2 << 20]
