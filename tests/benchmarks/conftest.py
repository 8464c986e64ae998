"""The peers, and the inputs: of full size when benchmarks are on, small when they run as tests."""

import pytest
from benchmarks.groups import SMALL
from benchmarks.load_peers import PeersMissingError, load_peers

collect_ignore = ["peers"]


@pytest.fixture(scope="session")
def build():
    """Return the peers' module and None, or None and why there is none."""
    try:
        return load_peers(), None
    except PeersMissingError as error:
        return None, error


@pytest.fixture
def peers(request, build):
    """Return the peers' module; without it, skip the test by its name, and say why."""
    module, error = build
    if error is not None:
        pytest.skip(f"{request.node.name}: {error}")
    return module


@pytest.fixture(scope="module")
def case_input(request):
    case = request.param
    full = request.config.getoption("benchmark_enable")
    return case.make(case.size if full else min(case.size, SMALL))
