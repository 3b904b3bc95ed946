"""Differences as people read them, and the guard's view of them."""

import click
from msgspec import to_builtins

from commands.differences import guard_line, lines_of
from enc.answer import Answer
from enc.preview import compare
from enc.render import render


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


def test_the_guards_view_is_one_line() -> None:
    assert guard_line({"holds": False, "reasons": []}) == "The guard would let it pass."
    held = click.unstyle(guard_line({"holds": True, "reasons": ["9 of 10 nodes would lose classes"]}))
    assert held == "The guard would hold it until you approve: 9 of 10 nodes would lose classes."
