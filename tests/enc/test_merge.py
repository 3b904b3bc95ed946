"""The merge: specific beats general, `+=` unites, and contradictions of one level are conflicts."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enc.merge import Merged, merge
from facts.estate import Aspect, Origin, Statement
from facts.exact import exactly_equal

HOST, SERVICE, SITE = 0, 1, 2


def say(
    value: Any, *, by: str = "x", unites: bool = False, name: str = "a::b", aspect: Aspect = "parameter"
) -> Statement:
    return Statement(aspect, name, value, Origin(by, "enclumeParameter"), unites)


def plus(value: Any, *, by: str = "x") -> Statement:
    return say(value, by=by, unites=True)


def value_of(*levels: Sequence[Statement]) -> Any:
    """The merged value, of which there must be no conflict."""
    merged = merge(levels)
    assert merged.conflicts == ()
    return merged.outcomes["parameter", "a::b"].value


def conflict(*levels: Sequence[Statement]) -> list[str]:
    """Who contradict each other; there must be no value then."""
    merged = merge(levels)
    assert merged.outcomes == {}
    (statements,) = merged.conflicts
    return sorted(one.origin.where for one in statements)


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        ([[say(1)]], 1),
        ([[say(1)], [say(2)]], 1),
        ([[], [say(2)], [say(3)]], 2),
        ([[say(None)], [say(2)]], None),
        ([[say(False)], [say(True)]], False),
        ([[say([1])], [say([2])]], [1]),
        ([[say(1), say(1)]], 1),
        ([[say({"a": 1, "b": 2}), say({"b": 2, "a": 1})]], {"a": 1, "b": 2}),
        ([[say(1)], [say(2), say(3)]], 1),
    ],
)
def test_the_most_specific_setting_wins(levels: list[list[Statement]], value: object) -> None:
    assert exactly_equal(value_of(*levels), value)


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        ([[plus(["a"])], [plus(["b"])]], ["a", "b"]),
        ([[plus(["a"])], [say(["b"])], [plus(["c"])]], ["a", "b"]),
        ([[plus(["a"])], [], [plus(["c"])]], ["a", "c"]),
        ([[say(["a"])], [plus(["b"])]], ["a"]),
        ([[plus(["a", "b"])], [plus(["b", "c"])]], ["a", "b", "c"]),
        ([[plus(["b", "b"])], [plus(["a"])]], ["b", "a"]),
        ([[plus([1, True])], [plus([1.0, "1"])]], [1, True, 1.0, "1"]),
        ([[plus([{"k": 1}])], [plus([{"k": 1}, {"k": 2}])]], [{"k": 1}, {"k": 2}]),
        ([[plus(["b"], by="z"), plus(["a"], by="y")]], ["a", "b"]),
        ([[plus(["b"]), say(["a"])], [plus(["c"])]], ["b", "a"]),
        ([[plus([])]], []),
    ],
)
def test_arrays_gain_what_more_general_levels_have_behind_their_own(
    levels: list[list[Statement]], value: object
) -> None:
    assert exactly_equal(value_of(*levels), value)


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        ([[plus({"a": 1})], [plus({"b": 2})]], {"a": 1, "b": 2}),
        ([[plus({"a": 1})], [plus({"a": 9, "b": 2})]], {"a": 1, "b": 2}),
        ([[plus({"a": 1})], [say({"b": 2})], [plus({"c": 3})]], {"a": 1, "b": 2}),
        ([[plus({"a": {"x": 1}})], [plus({"a": {"y": 2}})]], {"a": {"x": 1}}),
        ([[plus({"a": 1}, by="y"), plus({"a": 1, "b": 2}, by="z")]], {"a": 1, "b": 2}),
        ([[plus({"a": 1})], [plus({"a": 2}, by="y"), plus({"a": 3}, by="z")]], {"a": 1}),
    ],
)
def test_hashes_gain_the_keys_that_they_lack(levels: list[list[Statement]], value: object) -> None:
    assert exactly_equal(value_of(*levels), value)


@pytest.mark.parametrize(
    ("levels", "who"),
    [
        ([[say(1, by="y"), say(2, by="z")]], ["y", "z"]),
        ([[say(1, by="y"), say(True, by="z")]], ["y", "z"]),
        ([[say(1, by="y"), say(1.0, by="z")]], ["y", "z"]),
        ([[say([1, 2], by="y"), say([2, 1], by="z")]], ["y", "z"]),
        ([[], [say(1, by="y"), say(2, by="z")], [say(3)]], ["y", "z"]),
        ([[plus({"a": 1}, by="y"), plus({"a": 2}, by="z")]], ["y", "z"]),
        ([[plus({"c": 0})], [plus({"a": 1}, by="y"), plus({"a": 2}, by="z")]], ["y", "z"]),
        ([[plus(["a"], by="y")], [plus({"a": 1}, by="z")]], ["y", "z"]),
        ([[plus(["a"], by="y")], [say("a", by="z")]], ["y", "z"]),
        ([[plus(["a"], by="y"), say("a", by="z")]], ["y", "z"]),
        ([[plus(["a"], by="x")], [say(["b"], by="y"), say(["c"], by="z")]], ["y", "z"]),
    ],
)
def test_what_contradicts_is_a_conflict_of_those_who_say_it(levels: list[list[Statement]], who: list[str]) -> None:
    assert conflict(*levels) == who


def test_a_conflict_below_a_setting_that_beats_both_is_none() -> None:
    assert value_of([say(0)], [say(1), say(2)]) == 0


def test_classes_are_the_union_and_know_everybody_who_states_them() -> None:
    levels = [
        [say(True, by="host", name="apache", aspect="class")],
        [say(True, by="service", name="apache", aspect="class"), say(True, by="service", name="php", aspect="class")],
    ]
    merged = merge(levels)
    assert merged.of("class") == {"apache": True, "php": True}
    assert [one.origin.where for one in merged.outcomes["class", "apache"].chosen] == ["host", "service"]


def test_environments_of_one_level_conflict_and_those_of_two_do_not() -> None:
    def environment(value: str, by: str) -> Statement:
        return say(value, by=by, name="", aspect="environment")

    assert conflict([environment("a", "y"), environment("b", "z")]) == ["y", "z"]
    assert merge([[environment("a", "y")], [environment("b", "z")]]).of("environment") == {"": "a"}
    assert merge([[environment("a", "y"), environment("a", "z")]]).of("environment") == {"": "a"}


def test_one_conflict_leaves_everything_else() -> None:
    merged = merge([[say(1, by="y"), say(2, by="z"), say(3, name="c::d")]])
    assert merged.of("parameter") == {"c::d": 3}
    assert len(merged.conflicts) == 1


def test_an_outcome_knows_what_was_chosen_and_what_it_beats() -> None:
    outcome = merge([[plus(["a"], by="host")], [say(["b"], by="service")], [plus(["c"], by="site")]]).outcomes[
        "parameter", "a::b"
    ]
    assert [one.origin.where for one in outcome.chosen] == ["host", "service"]
    assert [one.origin.where for one in outcome.beaten] == ["site"]


def test_nothing_stated_is_nothing_merged() -> None:
    assert merge([]) == merge([[], []]) == Merged({}, ())


def test_no_value_that_was_stated_is_changed() -> None:
    stated = [plus(["a"]), plus(["b"])]
    before = msgspec.json.encode(stated)
    merge([[stated[0]], [stated[1]]])
    assert msgspec.json.encode(stated) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, "", "a", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
STATEMENTS = st.one_of(
    st.builds(say, JSON, by=st.sampled_from("xyz"), name=st.sampled_from(["a::b", "c::d"])),
    st.builds(
        plus,
        st.lists(JSON, max_size=3) | st.dictionaries(st.sampled_from("abc"), JSON, max_size=3),
        by=st.sampled_from("xyz"),
    ),
    st.builds(
        say,
        st.sampled_from(["prod", "test"]),
        name=st.just(""),
        aspect=st.just("environment"),
        by=st.sampled_from("xyz"),
    ),
    st.builds(say, st.just(True), name=st.sampled_from(["a", "c"]), aspect=st.just("class"), by=st.sampled_from("xyz")),
)


@given(st.lists(st.lists(STATEMENTS, max_size=4), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_a_levels_statements_changes_nothing(levels: list[list[Statement]], chance: random.Random) -> None:
    merged = merge(levels)
    shuffled = [chance.sample(level, len(level)) for level in levels]
    other = merge(shuffled)

    def told(found: Merged) -> bytes:
        values = [(*thing, outcome.value) for thing, outcome in found.outcomes.items()]
        return msgspec.json.encode(values, order="deterministic")

    assert told(other) == told(merged)
    assert {one[0].name for one in other.conflicts} == {one[0].name for one in merged.conflicts}


@given(st.lists(st.lists(STATEMENTS, max_size=4), max_size=4))
def test_everything_stated_has_one_value_or_one_conflict(levels: list[list[Statement]]) -> None:
    merged = merge(levels)
    stated = {(one.aspect, one.name) for level in levels for one in level}
    conflicts = [(one[0].aspect, one[0].name) for one in merged.conflicts]
    assert sorted([*merged.outcomes, *conflicts]) == sorted(stated)
