"""Workloads: full size when benchmarks are on, small when they run as tests."""

import pytest


@pytest.fixture(scope="session")
def scale(request):
    """Return the full size if benchmarks are on, else a small one."""

    def scaled(full, small):
        return full if request.config.getoption("benchmark_enable") else small

    return scaled
