"""Drift: what something besides Puppet changes, and Puppet changes back."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, false, func, select

from reports.questions.changed import TOLD, WITH_RUN, change
from reports.questions.heads import Found, placed
from reports.summaries import Drift
from reports.tables import events, nodes, resources, runs
from reports.wanted import Wanted

_CORRECTED = (events.c.corrective, events.c.status != "failure")
"""Puppet calls what fails twice in a row corrective, too, though nobody changed anything: that is told as failing."""


class Drifted(Struct, frozen=True):
    """What drifts, and whether there is more."""

    drift: tuple[Drift, ...]
    more: bool


def drifted(connection: Connection, wanted: Wanted) -> Drifted:
    """Each property that was corrected, the most often and then the latest first."""
    found = [_told(connection, row) for row in connection.execute(_counted(wanted))]
    return Drifted(tuple(found[: wanted.limit]), len(found) > wanted.limit)


def _counted(wanted: Wanted) -> Found:
    of = resources.c
    each = (
        select(of.node_id, of.name, events.c.property, of.ended)
        .join(events, (events.c.run_id == of.run_id) & (events.c.resource == of.position))
        .where(of.corrective != false(), *_CORRECTED, of.ended >= wanted.since, of.ended < wanted.until)
    )
    if wanted.resource:
        each = each.where(of.name == wanted.resource)
    conditions = list(placed(wanted))
    if conditions:
        each = each.join(runs, runs.c.id == of.run_id).where(*conditions)
    found = each.subquery()
    key = (found.c.node_id, found.c.name, found.c.property)
    times, last = func.count().label("times"), func.max(found.c.ended).label("last")
    groups = select(*key, times, func.min(found.c.ended).label("first"), last).group_by(*key).subquery()
    return (
        select(groups)
        .join(nodes, nodes.c.id == groups.c.node_id)
        .order_by(groups.c.times.desc(), groups.c.last.desc(), nodes.c.certname, groups.c.name, groups.c.property)
        .limit(wanted.limit + 1)
    )


def _told(connection: Connection, row: Sequence[Any]) -> Drift:
    node_id, name, changed, times, first, last = row
    of = resources.c
    found = (
        select(*TOLD)
        .select_from(WITH_RUN)
        .where(of.node_id == node_id, of.ended == last, of.name == name, events.c.property == changed)
        .where(*_CORRECTED)
        .limit(1)
    )
    seen = change(connection.execute(found).one())
    return Drift(
        certname=seen.certname,
        resource=name,
        property=changed,
        site=seen.site,
        hypervisor=seen.hypervisor,
        times=times,
        first=first,
        last=last,
        previous=seen.previous,
        desired=seen.desired,
        message=seen.message,
        redacted=seen.redacted,
        uuid=seen.uuid,
        file=seen.file,
        line=seen.line,
    )
