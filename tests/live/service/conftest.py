"""An estate and a service for each file of tests; what is restarted in a test stays until the file's end."""

from collections.abc import Iterator

import pytest

from tests import leaks
from tests.live.service.estate import NODES, SmallEstate, small_estate
from tests.live.service.running import Service
from tests.waiting import until


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Looked at once for a file, since its tests kill and restart what they share."""
    before = leaks.traces()
    yield
    found = leaks.left_since(before)
    assert not found, "the file's tests left behind: " + "; ".join(found)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallEstate]:
    with small_estate(tmp_path_factory.mktemp("estate"), tcp=True) as running:
        yield running


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    with Service(estate.settings()) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        yield running
