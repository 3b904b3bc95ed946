"""Any sequence of observations and approvals: what the guard promises, at every step."""

from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enc.answer import Answer
from facts.shelf import Shelf
from generation import keep
from generation.build import approve
from generation.generation import NONE, Generation
from settings import GuardSettings
from tests.generation.answers import built, told

NAMES = [f"n{number}" for number in range(8)]
ANSWERS = st.sampled_from(
    [told("a", "b"), told("a", "b"), told("a"), told("b", environment="test"), told("a", "b", hypervisor="kvm2"), None]
)
GIVEN = st.dictionaries(st.sampled_from(NAMES), ANSWERS, max_size=8)
STEPS = st.lists(
    st.tuples(GIVEN, st.integers(0, 30), st.booleans(), st.sampled_from([0.0, 1.0, 100.0])), min_size=1, max_size=8
)
GUARD = GuardSettings(changed=0.2, shrunk=0.2, at_least=2, protected=("n0",))


def check(before: Generation, after: Generation, given: dict[str, Answer | None]) -> None:
    """What holds between one generation and the next, without an approval."""
    held = after.hold.changes if after.hold else {}
    assert (after.number > before.number) == (after.answers != before.answers or not before.number)
    assert after.counter >= max(before.counter, after.number, after.hold.number if after.hold else 0)
    if after.hold and before.hold and after.hold.changes != before.hold.changes:
        assert after.hold.number > before.hold.number
    for name in NAMES:
        old, new, wanted = before.answers.get(name), after.answers.get(name), given.get(name)
        if name in held:
            assert new == old
            assert held[name] != old
        elif wanted is not None:
            assert new == wanted
        else:
            assert new == (old if name in given else None)
        if name in GUARD.protected and old is not None:
            assert new == old
        if before.hold and name in before.hold.changes and name not in held:
            assert wanted == old or (name in given and wanted is None)


@given(STEPS)
def test_at_every_step_each_node_is_served_what_is_new_or_is_held_with_what_was(
    steps: list[tuple[dict[str, Answer | None], int, bool, float]],
) -> None:
    generation, now = NONE, 0.0
    for given_, entries, approves, seconds in steps:
        now += seconds
        after = built(generation, given_, entries=entries, guard=GUARD, now=now)
        check(generation, after, given_)
        assert built(after, given_, entries=entries, guard=GUARD, now=now).answers == after.answers
        if approves and after.hold is not None:
            released = approve(after, after.hold.number, now)
            assert released is not None
            for name in NAMES:
                expected = after.hold.changes[name] if name in after.hold.changes else after.answers.get(name)
                assert released.answers.get(name) == expected
            after = released
        generation = after


@hypothesis.settings(max_examples=30)
@given(STEPS)
def test_a_restart_between_any_two_steps_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[dict[str, Answer | None], int, bool, float]]
) -> None:
    folder: Path = tmp_path_factory.getbasetemp() / "restarts"
    generation = NONE
    for given_, entries, _, _ in steps:
        generation = built(generation, given_, entries=entries, guard=GUARD)
        keep.keep(Shelf(folder), generation)
        assert keep.restore(Shelf(folder)) == generation
