"""Servers that are too slow to start for each test."""

from collections.abc import Iterator

import pytest

from tests.live.puppet import PuppetServer, public_folder


@pytest.fixture(scope="session")
def puppet_server() -> Iterator[PuppetServer]:
    """One Puppet Server for all tests of a worker; each test uses certnames of its own, or clears what it set."""
    with public_folder() as folder, PuppetServer(folder) as server:
        yield server
