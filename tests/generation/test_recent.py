"""What is lost little by little: it counts together for a minute, and no restart forgets it."""

from pathlib import Path

from facts.shelf import Shelf
from generation import keep
from generation.build import approve
from generation.generation import NONE, Generation
from generation.guard import TOGETHER
from tests.generation.answers import Nodes, built, classes, nodes, told

FULL, LESS = told("a", "b"), told("a")
COUNT = 20
BEGIN = 1000.0


def without(count: int) -> Nodes:
    """The first nodes are gone."""
    return {name: FULL for name in nodes(COUNT, FULL) if int(name[1:]) >= count}


def after_each(steps: list[Nodes], every: float, served: Generation | None = None) -> Generation:
    """The generation after these steps, one every so many seconds."""
    served = served or built(NONE, nodes(COUNT, FULL), now=BEGIN)
    for number, step in enumerate(steps, 1):
        served = built(served, step, entries=100, now=BEGIN + number * every)
    return served


def test_nodes_that_go_one_by_one_are_held_like_those_that_go_together() -> None:
    served = after_each([without(count) for count in range(1, 9)], every=1)
    assert served.hold is not None
    assert set(served.hold.changes) == {f"n{number:03}" for number in range(4, 8)}
    assert tuple(served.hold.reasons.values()) == ("8 of 20 nodes would lose classes, services, environment or answer",)
    assert len(served.answers) == COUNT - 4


def test_classes_that_go_one_by_one_are_held_like_those_that_go_together() -> None:
    served = after_each([nodes(COUNT, FULL) | nodes(count, LESS) for count in range(1, 9)], every=1)
    assert [name for name, given in classes(served).items() if given == ["a"]] == ["n000", "n001", "n002", "n003"]


def test_what_went_longer_ago_counts_no_more() -> None:
    assert after_each([without(count) for count in range(1, 9)], every=TOGETHER).hold is None


def test_what_came_back_counts_no_more() -> None:
    """Entries that are deleted and added again, one after the other, lose nothing."""
    steps = [{**nodes(COUNT, FULL), f"n{gone:03}": None} for gone in range(10)]
    back: list[Nodes] = [step for one in steps for step in (one, nodes(COUNT, FULL))]
    served = after_each(back, every=1)
    assert served.hold is None
    assert len(served.answers) == COUNT


def test_entries_that_go_one_by_one_are_counted_together() -> None:
    served = built(NONE, nodes(COUNT, FULL), entries=100, now=BEGIN)
    for gone in range(1, 11):
        served = built(served, nodes(COUNT, FULL), entries=100 - gone, now=BEGIN + gone)
    assert served.hold is None
    served = built(served, nodes(COUNT, told("a", "b", "c")), entries=89, now=BEGIN + 11)
    assert served.hold is not None
    assert tuple(served.hold.reasons.values()) == ("the directory shrank from 100 to 89 entries",)


def test_after_an_approval_counting_begins_anew() -> None:
    held = after_each([without(6)], every=1)
    assert held.hold is not None
    released = approve(held, held.hold.number, BEGIN + 2)
    assert released is not None
    after = built(released, without(10), entries=100, now=BEGIN + 3)
    assert after.hold is None
    assert len(after.answers) == COUNT - 10


def test_a_restart_goes_on_counting(tmp_path: Path) -> None:
    served = after_each([without(count) for count in range(1, 5)], every=1)
    shelf = Shelf(tmp_path)
    keep.keep(shelf, served)
    restored = keep.restore(shelf)
    assert restored == served
    assert built(restored, without(5), entries=100, now=BEGIN + 9).hold is not None
