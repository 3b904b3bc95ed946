"""Sources: whether LDAP, the hypervisors and the facts folders are read, whether hosts go on observing themselves, and
whether their facts contradict the estate.

While a source is read regularly nothing here changes, so that its verdict is not made again for every reading: the age
of its last reading is told beside the verdict, by its `sources`.
"""

from collections.abc import Iterator
from functools import partial
from math import inf
from typing import NamedTuple

from audit import contradictions
from audit.picture import Picture
from audit.verdict import NOTHING, Judged, Measure, Status, Verdict, lateness
from audit.view import Group, View
from audit.words import span, when
from facts.source import SourceKey
from facts.upkeep import Freshness
from settings.thresholds import Thresholds

_TOLD = 5
"""How many of an observer's problems one sentence tells."""
AHEAD = 30.0
"""Seconds by which the clock of a host that observes itself may be ahead of ours."""

_WHAT = {"directory": "the directory", "inventory": "the hypervisor", "facts": "the facts folder", "code": "the folder"}
_WAY_OUT = {
    "directory": "look at the LDAP server and the way to it",
    "inventory": "look at its libvirt and the way to it",
    "facts": "look at the folder and its permissions",
    "code": "look at the folder, its permissions, and what writes it",
}


class Reading(NamedTuple):
    """How the reading of one target stands. `read_at`, when it was last read (seconds since the epoch, 0: never), is
    told only while it is not read as it should be; `error` is why, "" while it can be. `unmeasured`: since when and why
    a hypervisor's statistics are not read, "" while they are.
    """

    key: SourceKey
    site: str
    status: Status
    error: str
    read_at: float = 0.0
    tried: bool = True
    unmeasured: str = ""


def groups(view: View) -> Iterator[Group]:
    """A group for each target that should be read."""
    for reading in readings(view):
        key, thresholds = reading.key, _thresholds(view, reading.key, reading.site)
        yield Group(f"{key.kind} {key.target}", (reading, thresholds), partial(_judge, reading, thresholds))


def readings(view: View) -> Iterator[Reading]:
    """How the reading of each target stands that should be read."""
    for key, site in _targets(view):
        fresh = view.situation.freshness.get(key)
        reading = _reading(key, site, fresh, _thresholds(view, key, site), view.at)
        unmeasured = _unmeasured(view, key.target) if key.kind == "inventory" and reading.status == "ok" else ""
        yield reading._replace(unmeasured=unmeasured) if unmeasured else reading


def _unmeasured(view: View, hypervisor: str) -> str:
    """Why nothing is known of the monitors of its guests, though it is read itself; "" while that is known, or nobody
    asks.
    """
    seen = view.situation.statistics.get(hypervisor)
    if seen is None or seen.read_at >= view.situation.measured_since:
        return ""
    last = f"last read {when(seen.read_at)}" if seen.read_at else "never read"
    return f"{last}: {seen.error or 'nothing was heard of them'}"


def _thresholds(view: View, key: SourceKey, site: str) -> Thresholds:
    return view.situation.settings.thresholds.of(site or None, key.target if site else None)


def _targets(view: View) -> Iterator[tuple[SourceKey, str]]:
    """All that should be read, each with the name of its site ("" for none)."""
    settings, estate = view.situation.settings, view.situation.now.estate
    yield SourceKey("directory", settings.directory.base), ""
    yield from ((SourceKey("facts", folder), "") for folder in settings.fact_folders)
    if settings.code:
        yield SourceKey("code", settings.code), ""
    if estate is not None:
        yield from ((SourceKey("inventory", target.name), estate.site_of(target.name)) for target in estate.targets)


def _reading(key: SourceKey, site: str, fresh: Freshness | None, thresholds: Thresholds, at: float) -> Reading:
    if fresh is None or not (fresh.read_at or fresh.error):
        return Reading(key, site, "unknown", "", tried=False)
    status, _ = lateness(fresh.read_at, thresholds.source_warning, thresholds.source_critical, at)
    well = status == "ok" and not fresh.error
    return Reading(key, site, status, fresh.error, 0.0 if well else fresh.read_at)


def _judge(reading: Reading, thresholds: Thresholds) -> Judged:
    what = f"{_WHAT[reading.key.kind]} {reading.key.target}"
    limits = (thresholds.source_warning, thresholds.source_critical)
    measures = (Measure("age", reading.read_at, "s", *limits, is_time=True),) if reading.read_at else ()
    last = f"last read {when(reading.read_at)}" if reading.read_at else "never read"
    if not reading.tried:
        verdict = _of(reading, "unknown", f"{what} was not read yet: wait for the first reading", code="source_unread")
    elif reading.status != "ok":
        why = reading.error or "nothing was heard of it"
        sentence = f"{what} cannot be read, {last}, should every {span(limits[0])}: {why}"
        verdict = _of(
            reading, reading.status, f"{sentence}; {_WAY_OUT[reading.key.kind]}", measures, code="source_late"
        )
    elif reading.error:
        sentence = f"{what} cannot be read just now, {last}: {reading.error}"
        verdict = _of(reading, "ok", sentence, measures, code="source")
    else:
        verdict = _of(reading, "ok", f"{what} is read", code="source")
    return Judged((verdict, _silent_meter(reading)) if reading.unmeasured else (verdict,))


def _silent_meter(reading: Reading) -> Verdict:
    sentence = (
        f"{reading.key.target} is read, but not the statistics of its guests, {reading.unmeasured}; whether one of "
        "them hangs is not known"
    )
    return _of(reading, "warning", sentence, code="statistics_late")


def _of(reading: Reading, status: Status, sentence: str, measures: tuple[Measure, ...] = (), *, code: str) -> Verdict:
    key = reading.key
    return Verdict(
        check="sources",
        code=code,
        subject=f"{key.kind} {key.target}",
        site=reading.site,
        status=status,
        sentence=sentence,
        host=key.target if key.kind == "inventory" else "",
        measures=measures,
        sources=(key,),
    )


def judge(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    """How a host observes itself, and what its facts claim."""
    observed, claimed = _judge_own(picture, thresholds, at), contradictions.verdicts(picture)
    return Judged((*observed.verdicts, *claimed), observed.until) if claimed else observed


def _judge_own(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    """Whether a host that once observed itself still does, what its observer could not read, and its clock.

    What is off on purpose, a template or retired need not go on. Who never did is missed by those checks that need it.
    """
    seen = picture.own
    if seen is None or picture.node.host.intent != "running":
        return NOTHING
    name, found, until = picture.name, [], inf
    last = max(seen.observed_at, *seen.seen_at.values(), 0.0)
    if last:
        late, until = lateness(last, thresholds.observation_seconds, inf, at)
        if late != "ok":
            sentence = f"{name} last observed itself {when(last)}: look at enclume-observe and its timer there"
            found.append(_observed(picture, "warning", sentence, code="observation_late"))
    if seen.problems:
        left = len(seen.problems) - _TOLD
        told = (*seen.problems[:_TOLD], *((f"and {left} more, in its log",) if left > 0 else ()))
        sentence = f"the observer of {name} cannot read all: {'; '.join(told)}"
        found.append(_observed(picture, "warning", sentence, code="observer_problem"))
    if seen.ahead > AHEAD:
        sentence = f"the clock of {name} is about {span(round(seen.ahead, -1))} ahead: look at its time service"
        found.append(_observed(picture, "warning", sentence, code="observer_clock"))
    if not found:
        found.append(_observed(picture, "ok", f"{name} observes itself", code="observation"))
    return Judged(tuple(found), until)


def _observed(picture: Picture, status: Status, sentence: str, *, code: str) -> Verdict:
    return Verdict(
        check="sources",
        code=code,
        subject=f"observations {picture.name}",
        site=picture.site,
        status=status,
        sentence=sentence,
        host=picture.name,
        sources=(SourceKey("observations", picture.name),),
    )
