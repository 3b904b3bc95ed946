"""Building a generation: answers for all nodes, reused where their inputs are the same objects, reviewed by the
guard.
"""

import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from enc.answer import Answer, Result, answer
from enc.rules import Rules
from enc.topology import UNDEFINED, Definitions
from facts.estate import Estate, Node
from facts.findings import Finding
from generation.generation import Generation, Hold
from generation.guard import Review, recently, review
from settings import AnswerSettings, GuardSettings

_BREATH = 10


class Classification(Struct, frozen=True):
    """Each node's result, with the very node that it was computed from, and the class parameters that are secrets."""

    nodes: Mapping[str, Node]
    results: Mapping[str, Result]
    sensitive: frozenset[str] = frozenset()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all nodes, sorted."""
        return tuple(sorted({finding for result in self.results.values() for finding in result.findings}))


NOTHING = Classification({}, {})


def classify_all(  # noqa: PLR0917 - all are needed, none is more so
    estate: Estate,
    rules: Rules,
    settings: AnswerSettings,
    before: Classification = NOTHING,
    breathe: Callable[[], None] = lambda: None,
    sensitive: frozenset[str] = frozenset(),
) -> Classification:
    """Answer every node of the estate, keeping what `before` says of nodes that are the same objects.

    `breathe` is called every few new answers, so that a caller can report that it lives and let other threads work.
    """
    results: dict[str, Result] = {}
    before = before if before.sensitive == sensitive else NOTHING
    answered = 0
    for certname, node in estate.nodes.items():
        if before.nodes.get(certname) is node:
            results[certname] = before.results[certname]
            continue
        results[certname] = answer(node, rules, settings, sensitive)
        answered += 1
        if answered % _BREATH == 0:
            breathe()
    return Classification(estate.nodes, results, sensitive)


def build(  # noqa: PLR0917 - all are needed, none is more so
    served: Generation,
    classification: Classification,
    entries: int,
    guard: GuardSettings,
    now: float | None = None,
    definitions: Definitions = UNDEFINED,
) -> Generation:
    """The generation after `served`: its new answers, and the old ones of nodes that have none or are held.

    A held node that has no new answer any more stays held with the one that waits for approval. While anything is held,
    services and sites stay what they were. Returns `served` itself when nothing changed; the first generation has
    number 1, were it empty.
    """
    candidate: dict[str, Answer] = {}
    waiting = served.hold.changes if served.hold else {}
    for certname, result in classification.results.items():
        given = result.answer or waiting.get(certname) or served.answers.get(certname)
        if given is not None:
            candidate[certname] = _kept_object(given, served.answers.get(certname))
    at = time.time() if now is None else now
    reviewed = review(served, candidate, entries, guard, recently(served, at))
    return _numbered(served, reviewed, entries, at, definitions)


def _kept_object(new: Answer, old: Answer | None) -> Answer:
    return old if old is not None and old.digest == new.digest else new


def _numbered(served: Generation, reviewed: Review, entries: int, now: float, definitions: Definitions) -> Generation:
    counter, number, built_at = served.counter, served.number, served.built_at
    defined = served.definitions if reviewed.held and served.number else definitions
    same = defined is served.definitions and _digests(reviewed.answers) == _digests(served.answers)
    if not served.number or not same:
        counter += 1
        number, built_at = counter, now
    hold = None
    if reviewed.held:
        hold = Hold(counter + 1, now, reviewed.reasons, entries, reviewed.held, definitions)
        if served.hold is not None and _digests(served.hold.changes) == _digests(hold.changes):
            hold = served.hold
        else:
            counter += 1
    passed = served.entries if hold is not None and hold.entries < served.entries else entries
    if number == served.number and hold is served.hold and passed == served.entries:
        return served
    return Generation(number, counter, built_at, passed, reviewed.answers, hold, reviewed.recent, defined)


def _digests(answers: Mapping[str, Answer | None]) -> dict[str, str | None]:
    return {certname: given.digest if given else None for certname, given in answers.items()}


def approve(served: Generation, number: int, now: float | None = None) -> Generation | None:
    """The generation after releasing the hold of this number; None when no hold has it (any more)."""
    hold = served.hold
    if hold is None or hold.number != number:
        return None
    answers = dict(served.answers)
    for certname, given in hold.changes.items():
        if given is None:
            answers.pop(certname, None)
        else:
            answers[certname] = given
    counter = served.counter + 1
    at = time.time() if now is None else now
    return Generation(counter, counter, at, hold.entries, answers, definitions=hold.definitions)
