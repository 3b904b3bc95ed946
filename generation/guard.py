"""The guard: holds back what would take too much away from too many nodes at once.

It counts nodes that would lose classes, services, their answer or their environment, never placement alone, and the
entries that the directory lost; what is lost within a minute counts together, since LDAP loses entry by entry. What it
holds stays held, over restarts too, until the nodes would get their old answer again, or until somebody approves it by
its number.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from enc.answer import Answer
from generation.generation import Answers, Generation, Recent
from settings import GuardSettings

TOGETHER = 60.0
"""Seconds within which losses count together."""


class Review(Struct, frozen=True):
    """What the guard lets through, and what it holds: for each held node its new answer, None for none; and why.

    `reasons` gives a sentence for each rule that holds something.
    """

    answers: Answers
    held: Mapping[str, Answer | None]
    reasons: Mapping[str, str]
    recent: Recent


class _Case(Struct, frozen=True):
    """What the rules look at: nodes whose answers differ, those of them that lose something, all that was lost lately;
    and the most nodes and entries that there were lately.
    """

    served: Generation
    candidate: Answers
    entries: int
    settings: GuardSettings
    changed: frozenset[str]
    losing: frozenset[str]
    lost: frozenset[str]
    most_nodes: int
    most_entries: int


Caught = tuple[frozenset[str], str] | None


def recently(served: Generation, now: float) -> Recent:
    """What passed lately; from the beginning when that is over."""
    if 0 <= now - served.recent.since < TOGETHER:
        return served.recent
    return Recent(now, served.entries, len(served.answers))


def review(
    served: Generation, candidate: Answers, entries: int, settings: GuardSettings, recent: Recent | None = None
) -> Review:
    """Compare the answers that are served, and those that were lost lately, with the candidates, which come from a
    directory of so many entries. Pure.
    """
    recent = recent or served.recent
    case = _case(served, candidate, entries, settings, recent)
    held = frozenset(served.hold.changes) & case.changed if served.hold else frozenset()
    reasons = dict(served.hold.reasons) if served.hold and held else {}
    for name, rule in _RULES.items():
        if (caught := rule(case)) is not None:
            held |= caught[0]
            reasons[name] = caught[1]
    answers = {name: answer for name, answer in candidate.items() if name not in held}
    answers.update({name: served.answers[name] for name in held if name in served.answers})
    changes = {name: candidate.get(name) for name in sorted(held)}
    return Review(answers, changes, reasons if held else {}, _passed(case, recent, held, len(answers)))


def _case(served: Generation, candidate: Answers, entries: int, settings: GuardSettings, recent: Recent) -> _Case:
    names = served.answers.keys() | candidate.keys()
    changed = frozenset(name for name in names if _differs(served, candidate, name))
    losing = frozenset(name for name in changed if _loses(served.answers.get(name), candidate.get(name)))
    lost = losing | {name for name, old in recent.lost.items() if _loses(old, candidate.get(name))}
    most_nodes, most_entries = max(len(served.answers), recent.nodes), max(served.entries, recent.entries)
    return _Case(served, candidate, entries, settings, changed, losing, lost, most_nodes, most_entries)


def _passed(case: _Case, recent: Recent, held: frozenset[str], nodes: int) -> Recent:
    """What was lost lately, with what passes now."""
    lost = {name: case.served.answers[name] for name in case.losing - held}
    lost |= {name: old for name, old in recent.lost.items() if name in case.lost}
    return Recent(recent.since, max(case.most_entries, case.entries), max(case.most_nodes, nodes), lost)


def _protected(case: _Case) -> Caught:
    names = case.changed & set(case.settings.protected) & case.served.answers.keys()
    return (names, f"{', '.join(sorted(names))}: guard.protected never changes without approval") if names else None


def _losing(case: _Case) -> Caught:
    if not case.losing or not _too_many(len(case.lost), case.most_nodes, case.settings.changed, case.settings):
        return None
    what = "would lose classes, services, environment or answer"
    return case.losing, f"{len(case.lost)} of {case.most_nodes} nodes {what}"


def _empty(case: _Case) -> Caught:
    if not case.served.answers or case.candidate:
        return None
    return case.losing, "the directory has no host any more"


def _shrunk(case: _Case) -> Caught:
    lost = case.most_entries - case.entries
    if not _too_many(lost, case.most_entries, case.settings.shrunk, case.settings):
        return None
    sentence = f"the directory shrank from {case.most_entries} to {case.entries} entries"
    return case.changed & case.served.answers.keys(), sentence


_RULES: Mapping[str, Callable[[_Case], Caught]] = {
    "protected": _protected,
    "losing": _losing,
    "empty": _empty,
    "shrunk": _shrunk,
}


def _differs(served: Generation, candidate: Answers, name: str) -> bool:
    old, new = served.answers.get(name), candidate.get(name)
    return old is not new and (old is None or new is None or old.digest != new.digest)


def _too_many(lost: int, of: int, share: float, settings: GuardSettings) -> bool:
    return lost >= settings.at_least and lost > share * of


def _loses(old: Answer | None, new: Answer | None) -> bool:
    if old is None:
        return False
    if new is None:
        return True
    before, after = _content(old), _content(new)
    lost_environment = "environment" in before and before["environment"] != after.get("environment")
    lost_classes = not before["classes"].keys() <= after["classes"].keys()
    return lost_environment or lost_classes or not _services(before) <= _services(after)


def _services(content: Mapping[str, Any]) -> set[str]:
    """What the node is a member of: with it, others lose a backend or a client from their configuration."""
    return set(content["parameters"].get("enclume", {}).get("services", ()))


def _content(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(answer.body)
    return content
