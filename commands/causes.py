"""Verdicts that have one cause, so that it is told once and not for every host."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from audit.words import counted, names

Judgement = Mapping[str, Any]
"""A verdict as `web.bodies.Judgement` tells it."""

ANYONE = "\u2026"
"""What stands for the name in a sentence that several hosts share."""


class Cause(Struct, frozen=True):
    """Verdicts of one check and status whose sentences differ in no more than whom they are about."""

    sentence: str
    verdicts: tuple[Judgement, ...]

    @property
    def status(self) -> str:
        """The status that all have."""
        return str(self.verdicts[0]["status"])

    @property
    def about(self) -> str:
        """Whom it concerns, in a few words: a subject, or how many of how many hosts."""
        places = list(dict.fromkeys(one["site"] for one in self.verdicts))
        where = places[0] if len(places) == 1 else counted(len(places), "site")
        subject = self._subject()
        return f"{subject} at {where}" if where not in ("", subject) else subject

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it concerns, each once; of none in particular, the subjects."""
        return tuple(dict.fromkeys(one["host"] or one["subject"] for one in self.verdicts))

    def _subject(self) -> str:
        if len(self.verdicts) == 1:
            return str(self.verdicts[0]["subject"])
        backups = sum(bool(one["schedule"]) for one in self.verdicts)
        if len(self.hosts) > 1:
            hosts = counted(len(self.hosts), "host")
            return f"{counted(backups, 'backup')} of {hosts}" if backups else hosts
        kinds = [f"{one['kind']}/{one['schedule']}" for one in self.verdicts if one["schedule"]]
        return f"{self.hosts[0]} {names(kinds)}".rstrip()


def causes(verdicts: Iterable[Judgement]) -> list[Cause]:
    """The verdicts by cause, in the order in which the first of each comes."""
    found: dict[tuple[str, str, str], list[Judgement]] = {}
    for one in verdicts:
        found.setdefault((one["check"], one["status"], _general(one)), []).append(one)
    return [_cause(sentence, known) for (_, _, sentence), known in found.items()]


def each(verdicts: Iterable[Judgement]) -> list[Cause]:
    """Every verdict by itself."""
    return [Cause(one["sentence"], (one,)) for one in verdicts]


def _cause(sentence: str, verdicts: Sequence[Judgement]) -> Cause:
    return Cause(sentence if len(verdicts) > 1 else verdicts[0]["sentence"], tuple(verdicts))


def _general(one: Judgement) -> str:
    """The sentence without whom it is about: of a backup without the backup's name, else without the host's."""
    sentence, host = str(one["sentence"]), one["host"]
    backup = f"{host}: {one['kind']} backup, {one['schedule']}: "
    if one["schedule"] and sentence.startswith(backup):
        return sentence.removeprefix(backup).replace(f"{one['kind']}/{one['schedule']}", ANYONE)
    # A backup server that is silent is told together with the backups that it says nothing of.
    if not host or one["check"] == "backup":
        return sentence
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", ANYONE, sentence)
