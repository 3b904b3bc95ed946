"""The verdict: one thing that was checked, how it stands, and what to do about it."""

from collections.abc import Iterable
from math import inf
from typing import Any, Literal, get_args

from msgspec import Struct

from facts.source import SourceKey

Status = Literal["ok", "warning", "critical", "unknown"]
Check = Literal["layers", "placement", "capacity", "data", "backup", "storage", "mirror", "puppet", "enc", "sources"]
Unit = Literal["", "s", "B", "%"]

CHECKS: tuple[Check, ...] = get_args(Check)
CODES: dict[Status, int] = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""The numbers that Nagios, Icinga and the metrics give a status."""

# Verdicts and measures hold no cycles, and there are many: with `gc=False` the garbage collector passes them over.

_SEVERITY: dict[Status, int] = {"ok": 0, "warning": 1, "unknown": 2, "critical": 3}


class Measure(Struct, frozen=True, gc=False):
    """A measured value with its limits, as perfdata has them; a limit is None where there is none.

    With `is_time` the value is a time (seconds since the epoch, 0 for never) whose age is what the limits speak of, so
    that a verdict stays the same while time passes.
    """

    label: str
    value: float
    unit: Unit = ""
    warning: float | None = None
    critical: float | None = None
    is_time: bool = False


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """One verdict. `sentence` says what, where and what to do.

    `code` is the rule that it comes from (`audit.codes.CODES`); `subject` what it is about, one of its kind within a
    check and a site; `host` the certname that it concerns, "" for none in particular; `kind` and `schedule` are a
    backup's; `sources` the targets that were read for it, whose ages belong to it.
    """

    check: Check
    code: str
    subject: str
    site: str
    status: Status
    sentence: str
    host: str = ""
    kind: str = ""
    schedule: str = ""
    measures: tuple[Measure, ...] = ()
    sources: tuple[SourceKey, ...] = ()


class Judged(Struct, frozen=True, gc=False):
    """Verdicts, and until when they hold if nothing but the time changes (seconds since the epoch).

    `details` is what a group's check computed on the way, of its own type, for whoever tells more than verdicts.
    """

    verdicts: tuple[Verdict, ...] = ()
    until: float = inf
    details: Any = None


NOTHING = Judged()


def worst(statuses: Iterable[Status]) -> Status:
    """The worst status, ok for none. What is unknown may be critical, so it is worse than a warning."""
    return max(statuses, key=_SEVERITY.__getitem__, default="ok")


def severity(verdict: Verdict) -> int:
    """For sorting: what is worse has the greater number."""
    return _SEVERITY[verdict.status]


def lateness(last: float, warning: float, critical: float, now: float) -> tuple[Status, float]:
    """How late something is that last happened at `last` and may be so many seconds ago, and when that changes."""
    for status, limit in (("critical", critical), ("warning", warning)):
        if now - last > limit:
            return status, inf if status == "critical" else last + critical  # type: ignore[return-value]
    return "ok", last + warning
