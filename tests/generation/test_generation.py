"""Generations: their numbers, and what nodes keep that have no new answer."""

from generation.build import approve, build, classify_all
from generation.changes import held_differences
from generation.generation import NONE
from settings import AnswerSettings, GuardSettings
from tests.factories import NO_RULES, World, host
from tests.generation.answers import built, classification, nodes, told

A, B = told("a"), told("b")


def test_the_first_generation_has_number_one() -> None:
    first = built(NONE, {"web": A}, now=5.0)
    assert (first.number, first.counter, first.built_at, first.answers) == (1, 1, 5.0, {"web": A})


def test_the_first_generation_of_an_empty_directory_has_number_one_too() -> None:
    assert built(NONE, {}, entries=0).number == 1


def test_the_number_grows_only_when_the_bytes_of_an_answer_change() -> None:
    first = built(NONE, {"web": A}, now=1.0)
    assert built(first, {"web": told("a")}, now=2.0) is first
    second = built(first, {"web": A, "db": B}, now=3.0)
    assert (second.number, second.built_at) == (2, 3.0)
    third = built(second, {"web": A}, now=4.0)
    assert (third.number, third.answers) == (3, {"web": A})


def test_another_size_of_the_directory_alone_is_no_new_number() -> None:
    first = built(NONE, {"web": A}, entries=100, now=1.0)
    second = built(first, {"web": A}, entries=101, now=2.0)
    assert (second.number, second.built_at, second.entries) == (1, 1.0, 101)


def test_answers_of_the_same_bytes_stay_the_same_objects() -> None:
    first = built(NONE, {"web": A, "db": B})
    second = built(first, {"web": told("a"), "db": told("c")})
    assert second.answers["web"] is first.answers["web"]
    assert second.answers["db"] is not first.answers["db"]


def test_a_node_without_a_new_answer_keeps_its_last_good_one() -> None:
    first = built(NONE, {"web": A, "db": B})
    second = built(first, {"web": None, "db": told("c"), "new": None})
    assert second.answers == {"web": A, "db": told("c")}


def test_a_node_that_left_the_directory_has_no_answer() -> None:
    first = built(NONE, {"web": A, "db": B})
    assert built(first, {"web": A}).answers == {"web": A}


def test_no_number_is_given_away_twice() -> None:
    """Generations, holds and approvals count together."""
    guard = GuardSettings(protected=("web",))
    numbers = []
    generation = built(NONE, {"web": A}, guard=guard)
    numbers.append(generation.number)
    generation = built(generation, {"web": B, "db": A}, guard=guard)
    assert generation.hold is not None
    numbers += [generation.number, generation.hold.number]
    generation = built(generation, {"web": told("c"), "db": A}, guard=guard)
    assert generation.hold is not None
    numbers.append(generation.hold.number)
    released = approve(generation, generation.hold.number)
    assert released is not None
    numbers.append(released.number)
    numbers.append(built(released, {"web": told("c"), "db": B}, guard=guard).number)
    assert numbers == sorted(set(numbers))


def test_what_is_held_can_be_reviewed_node_by_node() -> None:
    held = built(built(NONE, nodes(10, told("a", "b"))), nodes(10, told("a")))
    differences = held_differences(held)
    assert [one.certname for one in differences] == sorted(held.answers)
    assert all([change.path for change in one.loses] == ["class b"] for one in differences)
    assert held_differences(built(NONE, {"web": A})) == ()


def test_a_node_that_would_lose_its_answer_is_reviewed_as_losing_everything() -> None:
    (difference,) = held_differences(built(built(NONE, {"web": A}), {}, entries=0))
    assert not difference.answered
    assert "class a" in [change.path for change in difference.loses]


def test_nodes_that_are_the_same_objects_keep_their_results() -> None:
    at = World(host("web", puppetClass="a"), host("db", puppetClass="b"))
    first = classify_all(at.estate(), NO_RULES, AnswerSettings())
    at.put(host("db", puppetClass="c"))
    second = classify_all(at.estate(), NO_RULES, AnswerSettings(), first)
    assert second.results["web"] is first.results["web"]
    assert second.results["db"] is not first.results["db"]


def test_a_long_classification_breathes() -> None:
    at = World(*(host(f"n{number}") for number in range(120)))
    breaths: list[int] = []
    first = classify_all(at.estate(), NO_RULES, AnswerSettings(), breathe=lambda: breaths.append(1))
    assert len(breaths) == 12
    classify_all(at.estate(), NO_RULES, AnswerSettings(), first, lambda: breaths.append(1))
    assert len(breaths) == 12


def test_findings_of_all_nodes_are_gathered() -> None:
    at = World(host("web", puppetClass="Bad"), host("db"))
    found = classify_all(at.estate(), NO_RULES, AnswerSettings())
    assert [one.certname for one in found.findings] == ["web"]
    assert build(NONE, found, 2, GuardSettings(), 1.0).answers.keys() == {"db"}
    assert classification({"web": None}).findings == ()
