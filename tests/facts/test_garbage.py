"""The garbage collector rests while much is made, and comes back whatever happens."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from facts.garbage import MANY, uncollected


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    frozen = gc.get_freeze_count()
    yield
    assert gc.isenabled()
    if not frozen:
        gc.unfreeze()


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generations that were collected."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_nothing_is_collected_meanwhile_and_much_is_not_looked_through(collections: list[int]) -> None:
    frozen, kept = gc.get_freeze_count(), list[Any]()
    with uncollected():
        del collections[:]
        kept += [[number] for number in range(MANY + 1000)]
    assert collections == []
    assert gc.get_freeze_count() > frozen + MANY


def test_little_stays_the_collectors(collections: list[int]) -> None:
    frozen = gc.get_freeze_count()
    with uncollected():
        del collections[:]
    assert collections == []
    assert gc.get_freeze_count() == frozen


def test_what_was_new_before_is_looked_through_first() -> None:
    """It would be frozen too, with what nobody has any more."""
    cycle: list[Any] = []
    cycle.append(cycle)
    gone = id(cycle)
    del cycle
    with uncollected():
        assert gone not in map(id, gc.get_objects())


def test_the_last_of_several_has_it_come_back() -> None:
    with uncollected():
        with pytest.raises(KeyError), uncollected():
            raise KeyError
        assert not gc.isenabled()
    assert gc.isenabled()
