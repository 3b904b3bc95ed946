"""Backups: whether each one that a host must have is there, and young enough.

Daily speaks of the last success, weekly of the last full backup, monthly of the newest full one that is still kept; of
a container every copy is a full one. Of several sources the newest counts. What a source that should speak does not
say is unknown; it is never "never".
"""

from collections.abc import Mapping
from functools import lru_cache
from math import inf, isfinite

from audit.max_age import expected
from audit.picture import BackupSeen, Picture
from audit.verdict import NOTHING, Judged, Measure, Status, Verdict, lateness
from audit.voices import Voice, excuses
from audit.words import names, size, span, when
from facts.observations import BackupKind, Schedule
from facts.source import SourceKey
from settings.thresholds import Thresholds

_WHAT: Mapping[str, str] = {"daily": "backup", "weekly": "full backup", "monthly": "kept full backup"}
_ORDER: Mapping[str, int] = {"daily": 0, "weekly": 1, "monthly": 2}
_NOBODY: Mapping[str, str] = {
    "container": "no hypervisor holds its domain: see what placement says of it",
    "offsite": "no other site has a backup server: assign one there to a service that provides backup",
    "data": "its site has no backup server: assign one to a service that provides backup",
    "system": "its site has no backup server: assign one to a service that provides backup",
}
"""Why there is nobody who could know of a backup."""


def last_of(backup: BackupSeen, schedule: Schedule) -> float:
    """When what a schedule asks for was last done (seconds since the epoch, 0: never)."""
    if schedule == "daily":
        return backup.last_success
    return backup.last_full if schedule == "weekly" else backup.kept_full


def newest(backups: tuple[BackupSeen, ...], kind: BackupKind, schedule: Schedule) -> BackupSeen | None:
    """Of what all sources say of one kind of backup, the one that counts for a schedule; None where nobody knows it."""
    known = [one for one in backups if one.kind == kind]
    return max(known, key=lambda one: (last_of(one, schedule), one.last_attempt), default=None)


def judge(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    """Every backup that a host must have."""
    ages = expected(picture.node)
    if not ages:
        return NOTHING
    schedules: dict[BackupKind, list[Schedule]] = {}
    for kind, schedule in ages:
        schedules.setdefault(kind, []).append(schedule)
    verdicts: list[Verdict] = []
    until = inf
    for kind, asked in schedules.items():
        asked.sort(key=_ORDER.__getitem__)
        of_kind = _OfKind(picture, kind, thresholds)
        for schedule in asked:
            verdict, ends = of_kind.judge(schedule, ages[kind, schedule], at)
            verdicts.append(verdict)
            until = min(until, ends)
        verdicts += of_kind.blemishes(asked[0])
    return Judged(tuple(verdicts), until)


@lru_cache(maxsize=1024)
def _source(name: str) -> tuple[SourceKey, ...]:
    """What was read of a host that says something."""
    return (Voice(name).source,)


class _OfKind:
    """One kind of a host's backups: what is known of it, and who should know."""

    def __init__(self, picture: Picture, kind: BackupKind, thresholds: Thresholds) -> None:
        self._picture, self._kind, self._thresholds = picture, kind, thresholds
        self._voices = picture.keepers.of(kind)
        self._known = tuple(one for one in picture.backups if one.kind == kind)
        self._silent = tuple(one for one in self._voices if one.silent)
        self._heard = {one.name for one in self._voices if not one.silent}
        self._running = "; one is running" if any(one.running for one in self._known) else ""

    def judge(self, schedule: Schedule, age: float, at: float) -> tuple[Verdict, float]:
        """How one schedule stands, and until when (seconds since the epoch)."""
        best = newest(self._known, self._kind, schedule)
        if best is None:
            return self._nobody_knows(schedule), inf
        last = last_of(best, schedule)
        status, ends = lateness(last, age, age * self._thresholds.backup_critical, at)
        doubt = self._doubt(best, good=bool(last) and status == "ok")
        measures = self._measures(best, last, age)
        if doubt:
            done = f"the last {_WHAT[schedule]} that is known is of {when(last)} on {best.by}"
            sentence = f"{self._excuses(doubt)}; {done}"
            return self._say(schedule, "unknown", sentence, best, measures, code="backup_unknown"), inf
        if not last:
            sentence = f"{best.by} has never made one{self._running}: start it there"
            return self._say(schedule, "critical", sentence, best, measures, code="backup_never"), inf
        allowed = f"{span(age)} old" if isfinite(age) else "of any age"
        done = f"last {_WHAT[schedule]} {when(last)} on {best.by}, may be {allowed}{self._running}"
        if status == "ok":
            return self._say(schedule, "ok", done, best, measures, code="backup"), ends
        sentence = f"{done}: look there why no newer one was made"
        return self._say(schedule, status, sentence, best, measures, code="backup_late"), ends

    def blemishes(self, schedule: Schedule) -> list[Verdict]:
        """What is wrong with the last one, however old it is; said with one schedule only."""
        heard = [one for one in self._known if one.by in self._heard]
        if not heard:
            return []
        found = []
        tried = max(heard, key=lambda one: one.last_attempt)
        if tried.last_attempt_failed:
            why = f" ({tried.message})" if tried.message else ""
            sentence = f"the last attempt on {tried.by}, {when(tried.last_attempt)}, failed{why}: mend that there"
            found.append(self._say(schedule, "warning", sentence, tried, code="backup_failed"))
        made = max(heard, key=lambda one: one.last_success)
        if made.last_size_bytes < self._thresholds.backup_shrunk * made.previous_size_bytes:
            sizes = f"{size(made.last_size_bytes)}, the one before {size(made.previous_size_bytes)}"
            sentence = f"the last one on {made.by} has {sizes}: look whether something is missing in it"
            found.append(self._say(schedule, "warning", sentence, made, code="backup_shrunk"))
        return found

    def _doubt(self, best: BackupSeen, *, good: bool) -> tuple[Voice, ...]:
        """Who is silent that might know better; another site's server only where it once knew it."""
        if best.by not in self._heard:
            return tuple(one for one in self._silent if one.name == best.by) or (Voice(best.by, silent=True),)
        if good or not self._silent:
            return ()
        knowing = {one.by for one in self._known}
        return tuple(one for one in self._silent if self._kind != "offsite" or one.name in knowing)

    def _nobody_knows(self, schedule: Schedule) -> Verdict:
        kind, blind = self._kind, self._picture.blind if self._kind == "container" else ()
        if self._silent or blind:
            unread = f"{names(blind)} cannot be read, so nobody knows which copies there are its: see the sources"
            sentence = self._excuses(self._silent) if self._silent else unread
            return self._say(schedule, "unknown", sentence, code="backup_unknown")
        if not self._voices:
            sentence = f"enclumeMaxAge asks for it, and {_NOBODY[kind]}"
            return self._say(schedule, "critical", sentence, code="backup_nobody")
        where = names(one.name for one in self._voices)
        way_out = f"add it there, name it in `backups.hosts`, or state enclumeMaxAge {kind}/{schedule}=0"
        sentence = f"enclumeMaxAge asks for it, and no backup knows it on {where}: {way_out}"
        return self._say(schedule, "critical", sentence, code="backup_missing")

    def _excuses(self, silent: tuple[Voice, ...]) -> str:
        return excuses(silent, "containers" if self._kind == "container" else "backups")

    def _measures(self, seen: BackupSeen, last: float, age: float) -> tuple[Measure, ...]:
        warning, critical = (age, age * self._thresholds.backup_critical) if isfinite(age) else (None, None)
        return (
            Measure("age", last, "s", warning, critical, is_time=True),
            Measure("size", seen.last_size_bytes, "B"),
            Measure("duration", seen.last_duration_seconds, "s"),
            Measure("errors", seen.last_errors),
        )

    def _say(
        self,
        schedule: Schedule,
        status: Status,
        sentence: str,
        seen: BackupSeen | None = None,
        measures: tuple[Measure, ...] = (),
        *,
        code: str,
    ) -> Verdict:
        name = self._picture.name
        return Verdict(
            check="backup",
            code=code,
            subject=f"{name} {self._kind}/{schedule}",
            site=self._picture.site,
            status=status,
            sentence=f"{name}: {self._kind} backup, {schedule}: {sentence}",
            host=name,
            kind=self._kind,
            schedule=schedule,
            measures=measures,
            sources=_source(seen.by) if seen else tuple(one.source for one in self._voices),
        )
