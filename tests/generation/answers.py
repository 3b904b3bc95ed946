"""Answers and classifications made by hand, for tests of what is done with them."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from enc.answer import Answer, Result
from generation.build import Classification, build
from generation.generation import Generation
from settings import GuardSettings

GUARD = GuardSettings(changed=0.1, shrunk=0.1, at_least=5)
Nodes = Mapping[str, Answer | None]


def told(*classes: str, environment: str = "", hypervisor: str = "", parameter: int = 0) -> Answer:
    """An answer."""
    content: dict[str, object] = {
        "classes": {name: {} for name in classes},
        "parameters": {"enclume": {"hypervisor": hypervisor}},
    }
    if environment:
        content["environment"] = environment
    body, parameters = msgspec.json.encode(content, order="sorted"), msgspec.json.encode({"a::b": parameter})
    return Answer(body, parameters, hashlib.sha256(body + b"\n" + parameters).hexdigest()[:32])


def nodes(count: int, answer: Answer | None, prefix: str = "n") -> dict[str, Answer | None]:
    """So many nodes with one answer."""
    return {f"{prefix}{number:03d}": answer for number in range(count)}


def classification(given: Nodes) -> Classification:
    """What the nodes are told; None for one that something keeps from an answer."""
    return Classification({}, {name: Result(answer, ()) for name, answer in given.items()})


def built(
    served: Generation, given: Nodes, *, entries: int = 100, guard: GuardSettings = GUARD, now: float = 1.0
) -> Generation:
    """The next generation."""
    return build(served, classification(given), entries, guard, now)


def classes(generation: Generation, names: Iterable[str] | None = None) -> dict[str, list[str]]:
    """The classes that are served."""
    return {
        name: list(msgspec.json.decode(answer.body)["classes"])
        for name, answer in generation.answers.items()
        if names is None or name in names
    }
