"""Every contestant of every group gives the right answer, and pytest-benchmark can time it."""

import functools
import itertools
import operator

import pytest
from benchmarks.groups import GROUPS, READS
from benchmarks.load_peers import load_peers

# The largest size of an input when these run as tests.
SMALL = 2_000

# By name: pytest-benchmark writes down what a test is parametrized with.
RACES = {
    f"{group.name}-{case.label}-{contestant.name}": (group, case, contestant)
    for group in GROUPS
    for case in group.cases
    for contestant in group.contestants
}


def loaded(load):
    try:
        return load()
    except ImportError as error:
        pytest.skip(str(error))


@functools.lru_cache(maxsize=1)
def made(case, size):
    return case.make(size)


@pytest.mark.parametrize("race", RACES)
def test_race(benchmark, request, race):
    group, case, contestant = RACES[race]
    full = request.config.getoption("benchmark_enable")
    case_input = made(case, case.size if full else min(case.size, SMALL))
    function = loaded(contestant.load)
    items = case_input.items
    if contestant.prepare:
        items = loaded(lambda: list(map(contestant.prepare, items)))
    arguments = list(map(itertools.repeat, contestant.arguments))

    def run():
        return list(map(function, items, *arguments))

    # What the report reads: see results.py.
    benchmark.extra_info.update(
        group=group.name,
        case=case.label,
        contestant=contestant.name,
        bytes=case_input.size / len(items),
        calls=len(items) / contestant.part,
    )
    found = (
        benchmark.pedantic(run, rounds=contestant.rounds) if contestant.rounds else benchmark(run)
    )
    for answer, expected in zip(found, case_input.expected, strict=True):
        assert contestant.is_right(answer, expected)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 511, 512, 513, 4_096, 600_000, 2_100_000])
@pytest.mark.parametrize("read", [pytest.param(read, id=read.name) for read in READS])
def test_the_limits_read_every_byte(read, size):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    expected = functools.reduce(operator.xor, data, 0)
    assert loaded(read.load)(data, *read.arguments) == expected


@pytest.mark.parametrize("fill", ["fill_chacha", "fill_chacha_parallel"])
def test_the_limits_fill_every_byte(fill):
    buffer = bytearray(3_000_000)
    getattr(loaded(load_peers), fill)(buffer)
    assert 10_000 < buffer.count(0) < 13_500
    assert buffer[: 1 << 20] != buffer[1 << 20 : 2 << 20]
