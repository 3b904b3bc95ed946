"""How fresh the backups of a host are; series only for what enclumeMaxAge expects of it.

enclume_backup_expected{site="angers",host="web.lab.test",kind="container",schedule="monthly"} 1
enclume_backup_max_age_seconds{site="angers",host="web.lab.test",kind="container",schedule="monthly"} 2764800
enclume_backup_last_success_timestamp_seconds{site="angers",host="web.lab.test",kind="container",schedule="monthly"} 1763726400
enclume_backup_last_attempt_timestamp_seconds{site="angers",host="web.lab.test",kind="container",schedule="monthly"} 1763726400
enclume_backup_last_duration_seconds{site="angers",host="web.lab.test",kind="container",schedule="monthly"} 120
enclume_backup_last_size_bytes{site="angers",host="web.lab.test",kind="container",schedule="monthly"} 8589934592
enclume_backup_last_errors{site="angers",host="mail.lab.test",kind="system",schedule="daily"} 4
enclume_backup_running{site="angers",host="mail.lab.test",kind="system"} 1
enclume_backup_failed{site="angers",host="mail.lab.test",kind="system"} 1
"""  # noqa: E501

from collections.abc import Iterable

from audit.backup import last_of, newest
from audit.picture import BackupSeen, Picture
from exporters.around import Around
from exporters.family import escape, gauge, number
from facts.observations import BackupKind, Schedule

_SCHEDULES: tuple[Schedule, ...] = ("daily", "weekly", "monthly")
_BY = ("site", "host", "kind", "schedule")

FAMILIES = (
    gauge("backup_expected", *_BY, tells="Whether the directory expects this backup of the host."),
    gauge("backup_max_age_seconds", *_BY, tells="How old this backup may be."),
    gauge("backup_last_success_timestamp_seconds", *_BY, tells="When this backup last succeeded; 0: never."),
    gauge("backup_last_attempt_timestamp_seconds", *_BY, tells="When a backup of this kind was last tried; 0: never."),
    gauge("backup_last_duration_seconds", *_BY, tells="How long the last backup of this kind took."),
    gauge("backup_last_size_bytes", *_BY, tells="The size of the last backup of this kind."),
    gauge("backup_last_errors", *_BY, tells="The errors in the last backup of this kind, where there were any."),
    gauge("backup_running", "site", "host", "kind", tells="1 while a backup of this kind is being made."),
    gauge("backup_failed", "site", "host", "kind", tells="1 while the last attempt at a backup of this kind failed."),
)  # fmt: skip

NOTHING = ("",) * len(FAMILIES)


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a host, by family.

    What is a kind's and not a schedule's (its last attempt, duration, size, errors) stands once, under the most
    frequent schedule that is expected. Only what those say counts who should know it and are not silent: of what is
    known from others nobody can tell how it stands now. When one was made that is said to be of a time to come, nobody
    knows: that is not never.
    """
    ages = picture.ages
    if not ages and not picture.backups:
        return NOTHING
    of = f'{{site="{escape(picture.site)}",host="{escape(picture.name)}"'
    lines: tuple[list[str], ...] = tuple([] for _ in FAMILIES)
    for kind in sorted({kind for kind, _ in ages}):
        schedules = [schedule for schedule in _SCHEDULES if (kind, schedule) in ages]
        seen = _heard(picture, kind)
        known = bool(seen) or _would_be_known(picture, kind)
        for schedule in schedules:
            labels = f'{of},kind="{kind}",schedule="{schedule}"}}'
            lines[0].append(f"enclume_backup_expected{labels} 1\n")
            lines[1].append(f"enclume_backup_max_age_seconds{labels} {number(ages[kind, schedule])}\n")
            best = newest(seen, schedule)
            if known and not (best and best.to_come):
                last = last_of(best, schedule) if best else 0.0
                lines[2].append(f"enclume_backup_last_success_timestamp_seconds{labels} {number(last)}\n")
        if known:
            first = f'{of},kind="{kind}",schedule="{schedules[0]}"}}'
            tried = max(seen, key=lambda one: one.last_attempt, default=None)
            for family, line in zip(lines[3:7], _attempt(tried, first), strict=False):
                family.append(line)
            if tried is not None and tried.last_attempt_failed:
                lines[8].append(f'enclume_backup_failed{of},kind="{kind}"}} 1\n')
    for kind in sorted({one.kind for one in picture.backups}):
        if any(one.running for one in _heard(picture, kind)):
            lines[7].append(f'enclume_backup_running{of},kind="{kind}"}} 1\n')
    return tuple(map("".join, lines))


def _attempt(newest: BackupSeen | None, labels: str) -> Iterable[str]:
    tried = newest.last_attempt if newest else 0.0
    yield f"enclume_backup_last_attempt_timestamp_seconds{labels} {number(tried)}\n"
    if newest is not None and tried:
        yield f"enclume_backup_last_duration_seconds{labels} {number(newest.last_duration_seconds)}\n"
        yield f"enclume_backup_last_size_bytes{labels} {newest.last_size_bytes}\n"
        yield f"enclume_backup_last_errors{labels} {newest.last_errors}\n" if newest.last_errors else ""


def _heard(picture: Picture, kind: BackupKind) -> list[BackupSeen]:
    """What is known of one kind of backup from those who should know it and speak."""
    speaking = {voice.name for voice in picture.keepers.of(kind) if not voice.silent}
    return [one for one in picture.backups if one.kind == kind and one.by in speaking]


def _would_be_known(picture: Picture, kind: BackupKind) -> bool:
    """Whether nobody who should know of such a backup is unheard: else one that is not seen is no proof of none."""
    if any(one.kind == kind for one in picture.backups):
        return False
    unseen = picture.blind if kind == "container" else ()
    return not unseen and not any(voice.silent for voice in picture.keepers.of(kind))
