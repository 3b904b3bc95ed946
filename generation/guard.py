"""The guard: holds back what would take too much away from too many nodes at once.

It counts nodes that would lose classes, their answer or their environment, never placement alone, and the entries that
the directory lost; what is lost within a minute counts together, since LDAP loses entry by entry. What it holds stays
held, over restarts too, until the nodes would get their old answer again, or until somebody approves it by its number.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from enc.answer import Answer
from generation.generation import Answers, Generation, Recent
from settings import GuardSettings

TOGETHER = 60.0
"""Seconds within which losses count together."""


class Review(Struct, frozen=True):
    """What the guard lets through, and what it holds: for each held node its new answer, None for none; and why."""

    answers: Answers
    held: Mapping[str, Answer | None]
    reasons: tuple[str, ...]
    recent: Recent


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
    changed = {name for name in served.answers.keys() | candidate.keys() if _differs(served, candidate, name)}
    losing = {name for name in changed if _loses(served.answers.get(name), candidate.get(name))}
    lost = losing | {name for name, old in recent.lost.items() if _loses(old, candidate.get(name))}
    nodes, before = max(len(served.answers), recent.nodes), max(served.entries, recent.entries)
    held: set[str] = set(served.hold.changes) & changed if served.hold else set()
    reasons = list(served.hold.reasons) if held and served.hold else []
    protected = changed & set(settings.protected) & served.answers.keys()
    if protected:
        held |= protected
        reasons.append(f"{', '.join(sorted(protected))}: guard.protected never changes without approval")
    if losing and _too_many(len(lost), nodes, settings.changed, settings.at_least):
        held |= losing
        reasons.append(f"{len(lost)} of {nodes} nodes would lose classes, environment or answer")
    if served.answers and not candidate:
        held |= losing
        reasons.append("the directory has no host any more")
    if _too_many(before - entries, before, settings.shrunk, settings.at_least):
        held |= changed & served.answers.keys()
        reasons.append(f"the directory shrank from {before} to {entries} entries")
    answers = {name: answer for name, answer in candidate.items() if name not in held}
    answers.update({name: served.answers[name] for name in held if name in served.answers})
    passed = {name: served.answers[name] for name in losing - held}
    passed |= {name: old for name, old in recent.lost.items() if name in lost}
    recent = Recent(recent.since, max(before, entries), max(nodes, len(answers)), passed)
    changes = {name: candidate.get(name) for name in sorted(held)}
    return Review(answers, changes, _latest(reasons) if held else (), recent)


def _differs(served: Generation, candidate: Answers, name: str) -> bool:
    old, new = served.answers.get(name), candidate.get(name)
    return old is not new and (old is None or new is None or old.digest != new.digest)


def _too_many(lost: int, of: int, share: float, at_least: int) -> bool:
    return lost >= at_least and lost > share * of


def _loses(old: Answer | None, new: Answer | None) -> bool:
    if old is None:
        return False
    if new is None:
        return True
    before, after = _content(old), _content(new)
    lost_environment = "environment" in before and before["environment"] != after.get("environment")
    return lost_environment or not before["classes"].keys() <= after["classes"].keys()


def _content(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(answer.body)
    return content


def _latest(reasons: list[str]) -> tuple[str, ...]:
    """Each reason once; of those that count the same thing, the last."""
    return tuple(
        {reason.split(" ", 3)[-1] if reason[0].isdigit() else reason[:20]: reason for reason in reasons}.values()
    )
