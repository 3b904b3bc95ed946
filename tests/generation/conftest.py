"""Houses that close behind their test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.generation.house import House, Open, close


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Open]:
    """Opens houses on one state folder; all are closed at the end."""
    with ExitStack() as stack:

        def opened(**more: Any) -> House:
            house = House(tmp_path / "state", **more)
            house.builder.start()
            stack.callback(close, house)
            return house

        yield opened
