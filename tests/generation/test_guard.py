"""The guard: what it lets pass, what it holds and until when, and what an approval releases."""

import pytest

from enc.answer import Answer
from generation.build import approve
from generation.generation import NONE, Generation
from generation.guard import review
from settings import GuardSettings
from tests.generation.answers import GUARD, Nodes, built, classes, nodes, told

FULL, LESS = told("a", "b"), told("a")


def served(count: int = 20) -> Generation:
    """So many nodes with two classes each."""
    return built(NONE, nodes(count, FULL))


def with_less(count: int, of: int = 20) -> Nodes:
    """The first nodes lose a class."""
    return nodes(of, FULL) | nodes(count, LESS)


def held(generation: Generation) -> set[str]:
    return set(generation.hold.changes) if generation.hold else set()


@pytest.mark.parametrize(
    ("losing", "of", "holds"),
    [
        (4, 20, False),
        (5, 20, True),
        (5, 50, False),
        (6, 50, True),
        (10, 100, False),
        (11, 100, True),
        (4, 4, False),
        (5, 5, True),
        (1, 1, False),
    ],
)
def test_it_takes_a_share_and_a_floor_of_nodes_that_lose_something(losing: int, of: int, holds: bool) -> None:
    after = built(served(of), with_less(losing, of))
    assert (after.hold is not None) == holds
    assert len(held(after)) == (losing if holds else 0)
    assert classes(after)["n000"] == (["a", "b"] if holds else ["a"])


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        (told("a", "b"), told("a"), True),
        (told("a"), told("b"), True),
        (told("a"), None, True),
        (told("a", environment="prod"), told("a"), True),
        (told("a", environment="prod"), told("a", environment="test"), True),
        (told("a"), told("a", "b"), False),
        (told("a"), told("a", environment="prod"), False),
        (told("a", hypervisor="kvm1"), told("a", hypervisor="kvm2"), False),
        (told("a", parameter=1), told("a", parameter=2), False),
    ],
)
def test_classes_environment_and_answers_count_and_placement_and_parameters_do_not(
    before: Answer, after: Answer | None, counts: bool
) -> None:
    start = built(NONE, nodes(10, before))
    changed = nodes(10, after) if after else nodes(1, FULL, "other")
    assert (built(start, changed).hold is not None) == counts


def test_an_evacuation_of_a_hypervisor_passes() -> None:
    start = built(NONE, nodes(50, told("a", hypervisor="kvm1")))
    after = built(start, nodes(50, told("a", hypervisor="kvm2")))
    assert after.hold is None
    assert set(after.answers.values()) == {told("a", hypervisor="kvm2")}


def test_nodes_that_are_not_affected_go_on() -> None:
    after = built(served(), {**with_less(5), "n019": told("a", "b", "c"), "new": told("x")})
    assert held(after) == {f"n{number:03d}" for number in range(5)}
    assert classes(after, ["n019", "new", "n000"]) == {"n019": ["a", "b", "c"], "new": ["x"], "n000": ["a", "b"]}


def test_a_directory_that_is_suddenly_empty_is_held() -> None:
    after = built(served(), {}, entries=0)
    assert len(held(after)) == 20
    assert len(after.answers) == 20
    assert after.hold is not None
    assert set(after.hold.changes.values()) == {None}


def test_even_a_small_directory_does_not_become_empty() -> None:
    after = built(served(2), {}, entries=0)
    assert len(after.answers) == 2
    assert held(after) == {"n000", "n001"}


@pytest.mark.parametrize(("entries", "holds"), [(96, False), (90, False), (89, True), (0, True), (150, False)])
def test_while_the_directory_shrank_every_change_is_held(entries: int, holds: bool) -> None:
    given: Nodes = {**nodes(20, FULL), "n000": told("a", "b", "c"), "new": told("x")}
    after = built(served(), given, entries=entries)
    assert held(after) == ({"n000"} if holds else set())
    assert "new" in after.answers


def test_a_directory_that_shrank_stays_suspect_until_it_grew_again() -> None:
    first = built(served(), nodes(20, FULL) | {"n000": told("c")}, entries=50)
    second = built(first, nodes(20, FULL) | {"n000": told("c"), "n001": told("d")}, entries=50)
    assert held(second) == {"n000", "n001"}
    third = built(second, nodes(20, FULL) | {"n000": told("c"), "n002": told("d")}, entries=100)
    assert held(third) == {"n000"}
    assert classes(third, ["n002"]) == {"n002": ["d"]}


def test_a_directory_that_shrank_and_changed_no_answer_is_the_new_measure() -> None:
    after = built(served(), nodes(20, FULL), entries=50)
    assert (after.hold, after.entries) == (None, 50)


def test_a_protected_node_never_changes_without_approval() -> None:
    guard = GuardSettings(protected=("n000", "n999"))
    start = built(NONE, nodes(3, FULL), guard=guard)
    assert start.hold is None
    after = built(start, nodes(3, told("a", "b", "c")), guard=guard)
    assert held(after) == {"n000"}
    assert classes(after) == {"n000": ["a", "b"], "n001": ["a", "b", "c"], "n002": ["a", "b", "c"]}
    assert after.hold is not None
    released = approve(after, after.hold.number)
    assert released is not None
    assert classes(released, ["n000"]) == {"n000": ["a", "b", "c"]}
    assert built(released, nodes(3, told("a", "b", "c")), guard=guard) is released


def test_a_hold_says_why_in_sentences() -> None:
    guard = GuardSettings(changed=0.1, shrunk=0.1, at_least=5, protected=("n000",))
    after = built(built(NONE, nodes(20, FULL), guard=guard), with_less(6), entries=10, guard=guard)
    assert after.hold is not None
    assert tuple(after.hold.reasons.values()) == (
        "n000: guard.protected never changes without approval",
        "6 of 20 nodes would lose classes, services, environment or answer",
        "the directory shrank from 100 to 10 entries",
    )
    again = review(after, dict.fromkeys(list(after.answers)[:7], LESS), 9, guard)
    assert "the directory shrank from 100 to 9 entries" in again.reasons.values()
    assert "the directory shrank from 100 to 10 entries" not in again.reasons.values()


def test_a_hold_stays_though_fewer_nodes_are_affected_by_now() -> None:
    first = built(served(), with_less(6))
    second = built(first, with_less(2))
    assert held(second) == {"n000", "n001"}
    assert classes(second, ["n000"]) == {"n000": ["a", "b"]}


def test_a_hold_ends_when_the_nodes_would_get_their_old_answer_again() -> None:
    first = built(served(), with_less(6))
    second = built(first, nodes(20, FULL))
    assert second.hold is None
    assert second.answers == first.answers


def test_a_held_node_stays_held_when_it_has_no_new_answer_for_a_while() -> None:
    """Mistakes that come and go do not release, one by one, what waits for approval."""
    first = built(served(), with_less(5))
    second = built(first, {**with_less(5), "n000": None, "n001": None})
    assert held(second) == held(first)
    assert second.hold is first.hold
    third = built(second, {**with_less(4), "n004": FULL})
    assert held(third) == {"n000", "n001", "n002", "n003"}
    assert classes(third, ["n000", "n001"]) == {"n000": ["a", "b"], "n001": ["a", "b"]}


def test_a_held_node_whose_change_is_another_one_now_stays_held_under_another_number() -> None:
    first = built(served(), with_less(5))
    second = built(first, {**with_less(5), "n000": told("a", "b", "c")})
    assert first.hold is not None
    assert second.hold is not None
    assert second.hold.number > first.hold.number
    assert second.hold.changes["n000"] == told("a", "b", "c")
    assert classes(second, ["n000"]) == {"n000": ["a", "b"]}


def test_a_hold_keeps_its_number_and_its_time_while_its_content_is_the_same() -> None:
    first = built(served(), with_less(5), now=2.0)
    second = built(first, with_less(5), now=3.0)
    assert second is first
    third = built(first, {**with_less(5), "new": FULL}, now=4.0)
    assert third.hold is first.hold
    assert third.number > first.number


def test_an_approval_releases_what_was_reviewed() -> None:
    after = built(served(), {name: answer for name, answer in with_less(6).items() if name != "n000"})
    assert after.hold is not None
    released = approve(after, after.hold.number, now=9.0)
    assert released is not None
    assert released.hold is None
    assert "n000" not in released.answers
    assert classes(released, ["n001", "n006"]) == {"n001": ["a"], "n006": ["a", "b"]}
    assert released.number > max(after.number, after.hold.number)
    assert released.built_at == 9.0


def test_an_approval_of_another_number_releases_nothing() -> None:
    after = built(served(), with_less(5))
    assert after.hold is not None
    for number in (after.number, after.hold.number + 1, after.hold.number - 1, 0, -1):
        assert approve(after, number) is None
    assert approve(served(), 1) is None


def test_an_approval_of_what_was_held_before_the_content_changed_releases_nothing() -> None:
    first = built(served(), with_less(5))
    second = built(first, with_less(6))
    assert first.hold is not None
    assert approve(second, first.hold.number) is None


def test_after_an_approval_the_directorys_new_size_is_the_measure() -> None:
    after = built(served(), with_less(5), entries=50)
    assert after.hold is not None
    assert (after.entries, after.hold.entries) == (100, 50)
    released = approve(after, after.hold.number)
    assert released is not None
    assert built(released, with_less(5), entries=50) is released


def test_while_something_is_held_more_losses_join_it() -> None:
    first = built(served(), with_less(5))
    second = built(first, with_less(6))
    assert len(held(second)) == 6


def test_with_a_share_of_one_nothing_but_the_floor_is_asked() -> None:
    lenient = GuardSettings(changed=1.0, shrunk=1.0, at_least=1)
    after = built(served(), with_less(20), guard=lenient)
    assert after.hold is None
    strict = GuardSettings(changed=0.0, shrunk=0.0, at_least=1)
    assert held(built(served(), with_less(1), guard=strict)) == {"n000"}


def test_the_guard_itself_says_what_passes_and_what_is_held() -> None:
    start = served(10)
    looked = review(start, dict.fromkeys(start.answers, LESS), 100, GUARD)
    assert looked.answers == start.answers
    assert looked.held == dict.fromkeys(start.answers, LESS)
