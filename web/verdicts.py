"""`/verdicts`: what is wrong, as JSON; what `enclume audit` and `enclume check` read."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from heapq import nsmallest
from typing import Protocol, get_args

from flask import Blueprint, Response, request
from msgspec import Struct
from werkzeug.datastructures import MultiDict

from audit.all import Audited
from audit.verdict import CHECKS, CODES, Measure, Verdict, severity
from audit.words import span, when
from errors import EnclumeError
from facts.observations import BackupKind, Schedule
from facts.source import SourceKey
from facts.upkeep import Freshness, age
from web.access import Access
from web.bodies import Counts, Judgement, Measured, ReadSource, Verdicts
from web.replies import refuse, reply

OLD = 60.0
"""Seconds after which verdicts are too old to be relied on: they are made anew every ten."""

_MOST_DIGITS = 6

NONE = "-"
"""The value that asks for verdicts which concern no host, site, kind or schedule in particular."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "check": CHECKS,
    "kind": (*get_args(BackupKind), NONE),
    "schedule": (*get_args(Schedule), NONE),
    "status": tuple(CODES),
}
"""The values that there are, of the parameters whose values are known."""
PARAMETERS = ("check", "host", "site", "kind", "schedule", "status", "limit")


class Judging(Protocol):
    """Who makes the verdicts, and knows each target's freshness."""

    @property
    def audited(self) -> Audited: ...

    @property
    def audit_problem(self) -> str: ...

    def fresh(self, key: SourceKey) -> Freshness:
        """One target's freshness."""


def unreliable(judging: Judging) -> str | None:
    """Why the verdicts cannot be relied on; None when they can."""
    view = judging.audited.view
    if judging.audit_problem:
        return judging.audit_problem
    if view is None:
        return "no verdicts have been made yet: ask again"
    old = time.time() - view.at
    if old > OLD:
        return f"the verdicts were made {old:.0f} s ago, expected less than {OLD:.0f} s: see the service's log"
    complete = view.situation.now.estate is not None
    return None if complete else "the directory and the hypervisors have not been read completely yet: ask again"


def outdated(judging: Judging, now: float) -> str | None:
    """Why the verdicts say nothing of now though they are made: the directory that they rest on was read too long ago.

    The verdicts of `sources` and `enc` tell of that themselves; None when all is well, and before there are any.
    """
    if judging.audited.view is None:
        return None
    settings = judging.audited.view.situation.settings
    base, limit = settings.directory.base, settings.thresholds.source_critical
    read_at = judging.fresh(SourceKey("directory", base)).read_at
    if now - read_at <= limit:
        return None
    last = f"last read {when(read_at)}" if read_at else "never read"
    return f"the directory {base} was {last}, should at least every {span(limit)}: enclume check sources says why"


class Wrong(EnclumeError):
    """A query that cannot be understood: what is wrong with it, and what there is."""


class Wanted(Struct, frozen=True):
    """Which verdicts are asked for: of each parameter the values that are accepted, none for any; and how many."""

    values: Mapping[str, frozenset[str]]
    limit: int | None = None

    @property
    def host(self) -> str | None:
        """The one host that is asked for, None for several, any, or none in particular."""
        hosts = self.values.get("host", frozenset())
        return next(iter(hosts)) or None if len(hosts) == 1 else None

    def of(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        """Those of them that match in everything but the status."""
        tests = [(key, accepted) for key, accepted in self.values.items() if key != "status"]
        return [one for one in verdicts if all(getattr(one, key) in accepted for key, accepted in tests)]

    def first(self, matching: list[Verdict]) -> list[Verdict]:
        """Those that also have a status that is asked for, worst first, as many as are asked for."""
        accepted = self.values.get("status")
        found = [one for one in matching if accepted is None or one.status in accepted]
        return sorted(found, key=_order) if self.limit is None else nsmallest(self.limit, found, key=_order)


def wanted(query: "MultiDict[str, str]") -> Wanted:
    """What a query asks for. Raises `Wrong`."""
    values = {}
    for name, given in query.lists():
        if name not in PARAMETERS:
            raise Wrong(f"unknown parameter {name!r}: expected {', '.join(PARAMETERS)}")
        for value in given:
            _check(name, value)
        values[name] = frozenset("" if value == NONE else value for value in given)
    limits = values.pop("limit", None)
    return Wanted(values, min(map(int, limits)) if limits else None)


def _check(name: str, value: str) -> None:
    if name == "limit":
        if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
            raise Wrong(f"`limit` {value!r}: expected a number from 0 to 999999")
    elif name in WORDS:
        if value not in WORDS[name]:
            raise Wrong(f"`{name}` {value!r} is not known: expected one of {', '.join(WORDS[name])}")
    elif not value:
        raise Wrong(f"`{name}` has no value: give it one, or leave it out")


def blueprint(judging: Judging, access: Access) -> Blueprint:
    """The route of the verdicts; a host may ask for its own."""
    routes, asked = Blueprint("verdicts", __name__), _Asked(judging)

    @routes.get("/verdicts")
    def verdicts() -> Response:
        try:
            what = wanted(request.args)
        except Wrong as error:
            return refuse(400, str(error))
        refusal = access.monitor(what.host)
        return refusal or asked.verdicts(what)

    return routes


class _Asked:
    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._of_groups: tuple[Audited, Mapping[str, list[Verdict]]] = (Audited(), {})

    def verdicts(self, what: Wanted) -> Response:
        audited = self._judging.audited
        if audited.view is None:
            return refuse(503, unreliable(self._judging) or "")
        matching = what.of(audited.verdicts() if what.host is None else self._of_host(audited, what.host))
        counts = Counter(one.status for one in matching)
        now, served = time.time(), audited.view.situation.now
        return reply(
            Verdicts(
                at=round(audited.view.at, 3),
                age=round(max(0.0, now - audited.view.at), 1),
                generation=served.generation.number,
                problem=unreliable(self._judging),
                outdated=outdated(self._judging, now),
                counts=Counts(**{status: counts[status] for status in CODES}),
                verdicts=tuple(judgement(one, now, self._judging.fresh) for one in what.first(matching)),
            )
        )

    def _of_host(self, audited: Audited, host: str) -> list[Verdict]:
        """What concerns one host, found without a look at every other: a thousand hosts may ask each second."""
        known, of_groups = self._of_groups
        if known is not audited:
            of_groups = _by_host(audited)
            self._of_groups = (audited, of_groups)
        own = audited.hosts.get(host)
        return [*(own.judged.verdicts if own else ()), *of_groups.get(host, ())]


def _by_host(audited: Audited) -> Mapping[str, list[Verdict]]:
    """The groups' verdicts by the host that they concern."""
    found: dict[str, list[Verdict]] = {}
    for group in audited.groups.values():
        for one in group.judged.verdicts:
            found.setdefault(one.host, []).append(one)
    return found


def judgement(verdict: Verdict, now: float, fresh: Callable[[SourceKey], Freshness]) -> Judgement:
    """A verdict as it is told, with ages as they are now."""
    return Judgement(
        check=verdict.check,
        code=verdict.code,
        subject=verdict.subject,
        site=verdict.site,
        host=verdict.host,
        kind=verdict.kind,
        schedule=verdict.schedule,
        status=verdict.status,
        sentence=verdict.sentence,
        measures=tuple(_measured(one, now) for one in verdict.measures),
        sources=tuple(ReadSource(key.kind, key.target, _rounded(age(fresh(key), now))) for key in verdict.sources),
    )


def _measured(measure: Measure, now: float) -> Measured:
    value: float | None = measure.value
    if measure.is_time:
        value = round(max(0.0, now - measure.value), 1) if measure.value else None
    return Measured(measure.label, value, measure.unit, measure.warning, measure.critical)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _order(verdict: Verdict) -> tuple[int, str, str, str, str]:
    return -severity(verdict), verdict.site, verdict.subject, verdict.check, verdict.code
