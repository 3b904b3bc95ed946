"""Servers that end with their test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.server.authority import Authority
from tests.live.server.running import Running

Start = Callable[..., Running]


@pytest.fixture(scope="session")
def authority_of_all(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def authority(authority_of_all: Authority) -> Iterator[Authority]:
    """The authority, with nobody revoked before and after."""
    authority_of_all.revoke()
    yield authority_of_all
    authority_of_all.revoke()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Start]:
    """Start a server and do not wait for it."""
    with ExitStack() as stack:

        def start(*arguments: Any, **settings: Any) -> Running:
            running = Running(tmp_path / "server", *arguments, **settings)
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def start(launch: Start) -> Start:
    """Start a server and wait until it serves."""
    return lambda *arguments, **settings: launch(*arguments, **settings).wait()
