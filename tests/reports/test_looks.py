"""Looks are asked for neither too often nor too seldom."""

import pytest

from reports.looks import Looks


class Looker(list[str]):
    """Notes each look that it is asked for."""

    def ask(self) -> None:
        self.append("look")


@pytest.fixture
def looker() -> Looker:
    return Looker()


def test_a_flood_asks_once_and_once_more_for_what_came_since(looker: Looker) -> None:
    looks = Looks(looker.ask)
    for _ in range(100):
        looks.wanted()
    assert len(looker) == 1
    looks.done()
    assert len(looker) == 2
    looks.done()
    looks.done()
    assert len(looker) == 2


def test_each_thing_that_comes_alone_is_asked_for_at_once(looker: Looker) -> None:
    looks = Looks(looker.ask)
    for number in range(1, 4):
        looks.wanted()
        assert len(looker) == number
        looks.done()


def test_who_looks_unasked_is_asked_again_for_what_came_since(looker: Looker) -> None:
    """As a child that was started in another's place does, and any that is idle once a second."""
    looks = Looks(looker.ask)
    looks.wanted()
    looks.wanted()
    looks.done()
    assert len(looker) == 2
    looks.wanted()
    assert len(looker) == 2
    looks.done()
    assert len(looker) == 3
