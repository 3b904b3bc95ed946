"""Differences as people read them, and the guard's view of them."""

import click
import pytest
from msgspec import to_builtins

from commands.differences import guard_reasons, lines_of
from enc.answer import Answer
from enc.preview import compare
from enc.render import render
from generation.generation import Generation
from generation.guard import review
from settings import GuardSettings


def answer(*classes: str, environment: str | None = None, **parameters: object) -> Answer:
    document = {"classes": {name: {} for name in classes}, "parameters": {"enclume": {"kind": "guest"}}}
    if environment is not None:
        document["environment"] = environment
    body = render(document)
    return Answer(body, render(parameters), body.hex() + str(parameters))


def lines(*differences: dict[str, object]) -> list[str]:
    return [click.unstyle(line) for line in lines_of(differences)]


def difference(name: str, old: Answer | None, new: Answer | None, *findings: str) -> dict[str, object]:
    found: dict[str, object] = to_builtins(compare(name, old, new, findings))
    return found


def test_gains_losses_and_changes_are_told_node_by_node_with_a_summary() -> None:
    old = answer("apache", "base", environment="production", port=80, **{"base::ntp": ["a"]})
    new = answer("base", "nginx", environment="testing", port=80, **{"base::ntp": ["a", "é"]})
    assert lines(difference("web01.lab.test", old, new, "something is wrong: do this")) == [
        "web01.lab.test",
        "  - class apache",
        "  + class nginx",
        '  ~ environment: "production" → "testing"',
        '  ~ parameter base::ntp: ["a"] → ["a", "é"]',
        "  ! something is wrong: do this",
        "1 node would change, +1 -1 classes, 1 new finding.",
    ]


def test_nodes_that_come_and_go_are_named_so() -> None:
    assert lines(difference("new", None, answer("base")), difference("old", answer("base"), None)) == [
        "new  a new node",
        '  + $enclume.kind = "guest"',
        "  + class base",
        "old  loses its answer",
        '  - $enclume.kind = "guest"',
        "  - class base",
        "2 nodes would change, +1 -1 classes.",
    ]


def test_a_node_that_keeps_its_answer_is_not_counted_as_changed() -> None:
    told = lines(difference("web01", answer("base"), answer("base"), "a conflict"))
    assert told == ["web01", "  ! a conflict", "0 nodes would change, +0 -0 classes, 1 new finding."]


def test_no_difference_is_said() -> None:
    assert lines() == ["No node's answer would change."]


CASES = {
    "one class of one node": (answer("base", "web"), answer("base"), 1),
    "one class of every node": (answer("base", "web"), answer("base"), 20),
    "every answer": (answer("base"), None, 20),
    "the environment": (answer("base", environment="testing"), answer("base"), 20),
    "another environment": (answer("base", environment="a"), answer("base", environment="b"), 20),
    "a new environment": (answer("base"), answer("base", environment="b"), 20),
    "a gain": (answer("base"), answer("base", "web"), 20),
    "new nodes": (None, answer("base"), 20),
    "just enough": (answer("base", "web"), answer("base"), 3),
    "too few": (answer("base", "web"), answer("base"), 2),
    "a parameter": (answer("base", a=1), answer("base"), 20),
}


@pytest.mark.parametrize("protected", [(), ("node00",), ("node19",)])
@pytest.mark.parametrize(("old", "new", "affected"), CASES.values(), ids=CASES.keys())
def test_the_guards_view_is_the_guards(
    old: Answer | None, new: Answer | None, affected: int, protected: tuple[str, ...]
) -> None:
    """What a preview says of the guard is what the guard does when the change comes."""
    names = [f"node{number:02}" for number in range(20)]
    same = answer("base")
    before = {name: old if number < affected else same for number, name in enumerate(names)}
    after = {name: new if number < affected else same for number, name in enumerate(names)}
    settings = GuardSettings(changed=0.1, at_least=3, protected=protected)
    served = Generation(1, 1, 0.0, 100, {name: one for name, one in before.items() if one is not None})
    candidate = {name: one for name, one in after.items() if one is not None}
    held = review(served, candidate, 100, settings).held
    differences = [difference(name, before[name], after[name]) for name in names if before[name] is not after[name]]
    reasons = guard_reasons(differences, len(served.answers), settings)
    assert bool(reasons) is bool(held)


def test_the_last_host_is_guarded_too() -> None:
    settings = GuardSettings()
    served = Generation(1, 1, 0.0, 9, {"alone": answer("base")})
    assert review(served, {}, 8, settings).held
    gone = difference("alone", answer("base"), None)
    assert guard_reasons([gone], 1, settings) == ["the directory would have no host any more"]
    assert guard_reasons([gone], 2, settings) == []
