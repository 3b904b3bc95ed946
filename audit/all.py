"""All verdicts: every check over every host, site, server and source; what did not change is not judged again."""

import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from math import inf
from typing import Any

from msgspec import Struct

from audit import (
    backup,
    backup_servers,
    capacity,
    data,
    enc,
    layers,
    mirrors,
    placement,
    runs,
    sources,
    storage,
    strays,
)
from audit.picture import Picture
from audit.pictures import NONE, develop
from audit.situation import Situation
from audit.verdict import Check, Judged, Status, Verdict, worst
from audit.view import GroupAudit, HostAudit, View
from settings.thresholds import Thresholds

HOST_AUDITS: Mapping[Check, HostAudit] = {
    "placement": placement.judge,
    "data": data.judge,
    "backup": backup.judge,
    "puppet": runs.judge,
    "enc": enc.judge,
    "sources": sources.judge,
}
GROUP_AUDITS: Mapping[Check, GroupAudit] = {
    "layers": layers.groups,
    "placement": strays.groups,
    "capacity": capacity.groups,
    "backup": backup_servers.groups,
    "storage": storage.groups,
    "mirror": mirrors.groups,
    "puppet": runs.groups,
    "enc": enc.groups,
    "sources": sources.groups,
}

_LOG = logging.getLogger("enclume.audit")
_BREATH = 10
_AGAIN = 60.0
"""Seconds after which a check that failed is tried again."""


class JudgedHost(Struct, frozen=True, gc=False):
    """A host's verdicts, with the very picture that they were made from."""

    picture: Picture
    judged: Judged


class JudgedGroup(Struct, frozen=True):
    """A group's verdicts, with what they were made from."""

    inputs: tuple[Any, ...]
    judged: Judged


class Audited(Struct, frozen=True):
    """Every verdict of one instant, and the view that they were made from."""

    view: View | None = None
    hosts: Mapping[str, JudgedHost] = {}
    groups: Mapping[tuple[Check, str], JudgedGroup] = {}

    def verdicts(self) -> Iterator[Verdict]:
        """All of them: the groups', then the hosts'."""
        judged = chain((one.judged for one in self.groups.values()), (one.judged for one in self.hosts.values()))
        return chain.from_iterable(one.verdicts for one in judged)

    def worst(self) -> dict[tuple[str, Check], Status]:
        """The worst status of each check at each site ("" for no site)."""
        found: dict[tuple[str, Check], set[Status]] = {}
        for verdict in self.verdicts():
            found.setdefault((verdict.site, verdict.check), set()).add(verdict.status)
        return {key: worst(statuses) for key, statuses in found.items()}


def audit(
    situation: Situation,
    before: Audited = Audited(),  # noqa: B008 - frozen
    breathe: Callable[[], None] = lambda: None,
) -> Audited:
    """Every verdict on a situation. Pure; a host or group that is as it was in `before` keeps its verdicts.

    `breathe` is called every few new judgements and between the groups' checks, so that a caller can let other threads
    work.
    """
    pictures = develop(situation, before.view.pictures if before.view else NONE, breathe)
    view = View(situation, pictures)
    return Audited(view, _hosts(view, before, breathe), _groups(view, before, breathe))


def _hosts(view: View, before: Audited, breathe: Callable[[], None]) -> dict[str, JudgedHost]:
    thresholds, at = view.situation.settings.thresholds, view.at
    hosts, judged = {}, 0
    for certname, picture in view.pictures.by_host.items():
        known = before.hosts.get(certname)
        if known is not None and known.picture is picture and at <= known.judged.until:
            hosts[certname] = known
            continue
        hosts[certname] = JudgedHost(picture, _judge(picture, thresholds.of(picture.site, certname), at))
        judged += 1
        if judged % _BREATH == 0:
            breathe()
    return hosts


def _judge(picture: Picture, thresholds: Thresholds, at: float) -> Judged:
    verdicts: list[Verdict] = []
    until = inf
    for check, judge in HOST_AUDITS.items():
        try:
            found = judge(picture, thresholds, at)
        except Exception as error:  # noqa: BLE001 - a fault in one check must not hide what the others say
            found = _failed(error, check, picture.name, picture.site, at, picture.name)
        verdicts += found.verdicts
        until = min(until, found.until)
    return Judged(tuple(verdicts), until)


def _groups(view: View, before: Audited, breathe: Callable[[], None]) -> dict[tuple[Check, str], JudgedGroup]:
    groups: dict[tuple[Check, str], JudgedGroup] = {}
    for check, group_audit in GROUP_AUDITS.items():
        breathe()
        try:
            found = list(group_audit(view))
        except Exception as error:  # noqa: BLE001 - as in _tried
            # What the check said last stays, beside the word that it is not known any more.
            groups |= {key: known for key, known in before.groups.items() if key[0] == check and key[1]}
            groups[check, ""] = JudgedGroup((), _failed(error, check, check, "", view.at))
            continue
        for group in found:
            known = before.groups.get((check, group.key))
            if known is not None and known.inputs == group.inputs and view.at <= known.judged.until:
                groups[check, group.key] = known
            else:
                judged = _tried(group.judge, check, group.key, "", view.at)
                groups[check, group.key] = JudgedGroup(group.inputs, judged)
    return groups


def _tried(judge: Callable[[], Judged], check: Check, subject: str, site: str, at: float) -> Judged:
    """What a check says; one that fails is unknown, and spoils no other."""
    try:
        return judge()
    except Exception as error:  # noqa: BLE001 - a fault in one check must not hide what the others say
        return _failed(error, check, subject, site, at)


def _failed(  # noqa: PLR0917 - all are needed, none is more so
    error: Exception, check: Check, subject: str, site: str, at: float, host: str = ""
) -> Judged:
    """A check that failed is tried again after a while, also where nothing changes."""
    _LOG.error("the check %s of %s failed", check, subject, exc_info=error)
    sentence = f"{subject}: this check failed ({type(error).__name__}: {error}); report it with the service's log"
    verdict = Verdict(
        check=check, code="check_failed", subject=subject, site=site, status="unknown", sentence=sentence, host=host
    )
    return Judged((verdict,), at + _AGAIN)
