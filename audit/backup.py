"""Backups: whether each one that a host must have is there, and young enough.

Daily speaks of the last success, weekly of the last full backup, monthly of the newest full one that is still kept; of
a container every copy is a full one. Of several sources the newest counts; one that is young enough is enough, whoever
else is silent. What a source that should speak does not say is unknown; it is never "never".
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from math import inf, isfinite
from operator import attrgetter

from audit.picture import BackupSeen, Picture
from audit.verdict import NOTHING, Judged, Measure, Status, Verdict, lateness
from audit.voices import Voice, excuses
from audit.words import names, size, span, when
from facts.observations import BackupKind, Schedule
from facts.source import SourceKey
from settings.thresholds import Thresholds

_WHAT: Mapping[str, str] = {"daily": "backup", "weekly": "full backup", "monthly": "kept full backup"}
_FIELDS: Mapping[Schedule, str] = {"daily": "last_success", "weekly": "last_full", "monthly": "kept_full"}
_LAST: Mapping[Schedule, Callable[[BackupSeen], float]] = {
    schedule: attrgetter(field) for schedule, field in _FIELDS.items()
}
_NEWEST = {schedule: attrgetter(field, "last_attempt") for schedule, field in _FIELDS.items()}
_NOBODY: Mapping[str, str] = {
    "container": "no hypervisor holds its domain: see what placement says of it",
    "offsite": "no other site has a backup server: assign one there to a service that provides backup",
    "data": "its site has no backup server: assign one to a service that provides backup",
    "system": "its site has no backup server: assign one to a service that provides backup",
}
"""Why there is nobody who could know of a backup."""


def last_of(backup: BackupSeen, schedule: Schedule) -> float:
    """When what a schedule asks for was last done (seconds since the epoch, 0: never)."""
    return _LAST[schedule](backup)


def newest(backups: Iterable[BackupSeen], schedule: Schedule) -> BackupSeen | None:
    """Of what several sources say of one kind of backup, the one that counts for a schedule; None of none."""
    return max(backups, key=_NEWEST[schedule], default=None)


def judge(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    """Every backup that a host must have."""
    if not picture.ages:
        return NOTHING
    verdicts: list[Verdict] = []
    until, known = inf, None
    for (kind, schedule), age in picture.ages.items():
        first = known is None or known.kind != kind
        if known is None or first:
            known = _OfKind(picture, kind, thresholds)
        verdict, ends = known.judge(schedule, age, at)
        verdicts.append(verdict)
        until = min(until, ends)
        if first:
            verdicts += known.blemishes(schedule)
    return Judged(tuple(verdicts), until)


@lru_cache(maxsize=1024)
def _source(name: str) -> tuple[SourceKey, ...]:
    """What was read of a host that says something."""
    return (Voice(name).source,)


class _OfKind:
    """One kind of a host's backups: what is known of it, and who should know."""

    def __init__(self, picture: Picture, kind: BackupKind, thresholds: Thresholds) -> None:
        self._picture, self.kind, self._thresholds = picture, kind, thresholds
        self._name, self._site = picture.name, picture.site
        self._voices = picture.keepers.of(kind)
        self._known = [one for one in picture.backups if one.kind == kind]
        speaking = {one.name for one in self._voices if not one.silent}
        self._heard = [one for one in self._known if one.by in speaking]
        self._figures: tuple[BackupSeen | None, tuple[Measure, ...]] = (None, ())
        self._running = "; one is running" if any(one.running for one in self._known) else ""

    def judge(self, schedule: Schedule, age: float, at: float) -> tuple[Verdict, float]:
        """How one schedule stands, and until when (seconds since the epoch)."""
        best = newest(self._heard, schedule)
        if best is not None and (last := last_of(best, schedule)):
            status, ends = lateness(last, age, age * self._thresholds.backup_critical, at)
            if status == "ok":
                done = self._done(best, schedule, last, age)
                return self._say(schedule, "ok", done, best, self._measures(best, last, age), code="backup"), ends
        best = newest(self._known, schedule)
        return (self._nobody_knows(schedule), inf) if best is None else self._wrong(best, schedule, age, at)

    def _wrong(self, best: BackupSeen, schedule: Schedule, age: float, at: float) -> tuple[Verdict, float]:
        """What is wrong with a schedule of which no source that speaks knows a backup that is young enough."""
        last = last_of(best, schedule)
        status, ends = lateness(last, age, age * self._thresholds.backup_critical, at)
        measures = self._measures(best, last, age)
        if doubt := self._doubt(best):
            done = f"the last {_WHAT[schedule]} that is known is of {when(last)} on {best.by}"
            sentence = f"{self._excuses(doubt)}; {done}"
            return self._say(schedule, "unknown", sentence, best, measures, code="backup_unknown"), inf
        if not last and best.to_come:
            sentence = f"{best.by} says that it was made {when(best.to_come)}, which is to come: mend the clock there"
            return self._say(schedule, "critical", sentence, best, measures, code="backup_future"), inf
        if not last:
            sentence = f"{best.by} has never made one{self._running}: start it there"
            return self._say(schedule, "critical", sentence, best, measures, code="backup_never"), inf
        sentence = f"{self._done(best, schedule, last, age)}: look there why no newer one was made"
        return self._say(schedule, status, sentence, best, measures, code="backup_late"), ends

    def _done(self, best: BackupSeen, schedule: Schedule, last: float, age: float) -> str:
        allowed = f"{span(age)} old" if isfinite(age) else "of any age"
        return f"last {_WHAT[schedule]} {when(last)} on {best.by}, allowed: {allowed}{self._running}"

    def blemishes(self, schedule: Schedule) -> list[Verdict]:
        """What is wrong with the last one, however old it is; said with one schedule only."""
        found: list[Verdict] = []
        if not self._heard:
            return found
        tried = max(self._heard, key=attrgetter("last_attempt"))
        if tried.last_attempt_failed:
            why = f" ({tried.message})" if tried.message else ""
            sentence = f"the last attempt on {tried.by}, {when(tried.last_attempt)}, failed{why}: mend that there"
            found.append(self._say(schedule, "warning", sentence, tried, code="backup_failed"))
        made = max(self._heard, key=attrgetter("last_success"))
        if made.last_size_bytes < self._thresholds.backup_shrunk * made.previous_size_bytes:
            sizes = f"{size(made.last_size_bytes)}, the one before {size(made.previous_size_bytes)}"
            sentence = f"the last one on {made.by} has {sizes}: look whether something is missing in it"
            found.append(self._say(schedule, "warning", sentence, made, code="backup_shrunk"))
        return found

    def _silent(self) -> tuple[Voice, ...]:
        return tuple(one for one in self._voices if one.silent)

    def _doubt(self, best: BackupSeen) -> tuple[Voice, ...]:
        """Who is silent that might know better; another site's server only where it once knew it."""
        silent = self._silent()
        if best not in self._heard:
            return tuple(one for one in silent if one.name == best.by) or (Voice(best.by, silent=True),)
        knowing = {one.by for one in self._known}
        return tuple(one for one in silent if self.kind != "offsite" or one.name in knowing)

    def _nobody_knows(self, schedule: Schedule) -> Verdict:
        kind, blind = self.kind, self._picture.blind if self.kind == "container" else ()
        silent = self._silent()
        if silent or blind:
            unread = f"{names(blind)} cannot be read, so nobody knows which copies there are its: see the sources"
            sentence = self._excuses(silent) if silent else unread
            return self._say(schedule, "unknown", sentence, code="backup_unknown")
        if not self._voices:
            sentence = f"enclumeMaxAge asks for it, and {_NOBODY[kind]}"
            return self._say(schedule, "critical", sentence, code="backup_nobody")
        where = names(one.name for one in self._voices)
        way_out = f"add it there, name it in `backups.hosts`, or state enclumeMaxAge {kind}/{schedule}=0"
        sentence = f"enclumeMaxAge asks for it, and no backup knows it on {where}: {way_out}"
        return self._say(schedule, "critical", sentence, code="backup_missing")

    def _excuses(self, silent: tuple[Voice, ...]) -> str:
        return excuses(silent, "containers" if self.kind == "container" else "backups")

    def _measures(self, seen: BackupSeen, last: float, age: float) -> tuple[Measure, ...]:
        warning, critical = (age, age * self._thresholds.backup_critical) if isfinite(age) else (None, None)
        of, figures = self._figures
        if of is not seen:
            figures = (
                Measure("size", seen.last_size_bytes, "B"),
                Measure("duration", seen.last_duration_seconds, "s"),
                Measure("errors", seen.last_errors),
            )
            self._figures = seen, figures
        return (Measure("age", last, "s", warning, critical, is_time=True), *figures)

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
        return Verdict(
            check="backup",
            code=code,
            subject=f"{self._name} {self.kind}/{schedule}",
            site=self._site,
            status=status,
            sentence=f"{self._name}: {self.kind} backup, {schedule}: {sentence}",
            host=self._name,
            kind=self.kind,
            schedule=schedule,
            measures=measures,
            sources=_source(seen.by) if seen else tuple(one.source for one in self._voices),
        )
