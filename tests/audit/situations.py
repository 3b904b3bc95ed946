"""Situations and their verdicts, made of a `World` of real entries and domains."""

from collections.abc import Mapping
from typing import Any

from audit.all import Audited, audit
from audit.situation import Situation
from audit.verdict import Verdict
from facts.directory.entries import Entry
from facts.facter.node_facts import NodeFacts
from facts.inventory.statistics import HypervisorStatistics
from facts.observations import FORMAT, KINDS, Kinds, Observed
from facts.observatory import HostSeen, merge
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from generation.build import NOTHING, build, classify_all
from generation.generation import NONE, Generation
from generation.now import now
from settings import Settings
from tests.factories import NO_RULES, World

NOON = 1_764_244_800.0
"""2025-11-27 12:00 UTC."""
EVERYTHING = frozenset(Kinds.__struct_fields__)


class Scene(World):
    """A world under way, judged at `at`; what hosts observe, facts, libvirt's statistics and runs are added to it."""

    def __init__(self, *entries: Entry, settings: Settings | None = None) -> None:
        super().__init__(*entries, settings=settings)
        self.at = NOON
        self.observations: dict[str, HostSeen] = {}
        self.statistics: dict[str, HypervisorStatistics] = {}
        self.facts_of: dict[str, NodeFacts] = {}
        self.runs: dict[str, Run] = {}
        self.runs_unread = ""
        self.freshness: dict[SourceKey, Freshness] = {}
        self.problems: tuple[str, ...] = ()
        self.failing = False
        self.own = ""
        self.generation: Generation = NONE
        self.classification = NOTHING
        self.audited = Audited()

    def observe(self, certname: str, *, at: float | None = None, problems: tuple[str, ...] = (), **kinds: Any) -> None:
        """The host says this of itself, now unless another time is given; as enclume-observe does, always what it uses
        if it has no problem.
        """
        if not problems:
            kinds = {"uses": (), **kinds}
        looked_at = tuple(kinds) if problems else KINDS
        self.hear(Observed(FORMAT, certname, self.at if at is None else at, Kinds(**kinds), problems, looked_at))

    def hear(self, said: Observed) -> None:
        """A host says this."""
        self.observations[said.certname] = merge(self.observations.get(said.certname), said, EVERYTHING, self.at)

    def situation(self) -> Situation:
        """All of it now."""
        estate = self.estate()
        self.classification = classify_all(estate, NO_RULES, self.settings.answer, self.classification)
        self.generation = build(self.generation, self.classification, len(self.entries), self.settings.guard, self.at)
        return Situation(
            now=now(self.generation, self.seen(), estate, self.classification),
            at=self.at,
            settings=self.settings,
            freshness=dict(self.freshness),
            observations=dict(self.observations),
            facts=dict(self.facts_of),
            statistics=dict(self.statistics),
            runs=dict(self.runs),
            runs_unread=self.runs_unread,
            problems=self.problems,
            failing=self.failing,
            own=self.own,
        )

    def audit(self) -> Audited:
        """Every verdict now, made onto the ones before."""
        self.audited = audit(self.situation(), self.audited)
        return self.audited

    def verdicts(self, check: str = "", subject: str = "") -> list[Verdict]:
        """The verdicts now, of one check and about one subject if these are given."""
        return [
            one
            for one in self.audit().verdicts()
            if check in ("", one.check) and (not subject or subject in (one.subject, one.host))
        ]

    def wrong(self, check: str = "", subject: str = "") -> dict[str, str]:
        """What is not ok, as codes with their status."""
        return {one.code: one.status for one in self.verdicts(check, subject) if one.status != "ok"}


def sentences(verdicts: list[Verdict]) -> Mapping[str, str]:
    """Each verdict's sentence, by its code."""
    return {one.code: one.sentence for one in verdicts}
