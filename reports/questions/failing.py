"""What fails again and again: a resource on a node, or its runs by themselves, such as those that get no catalog."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, and_, exists, false, func, literal, select, union_all

from reports.questions.heads import Found, placed
from reports.summaries import Failing
from reports.tables import events, logs, nodes, resources, runs, surroundings
from reports.wanted import Wanted

_WORSE = ("err", "alert", "emerg", "crit")
_FAILED = exists().where(resources.c.run_id == runs.c.id, resources.c.failed != false())
_BY_ITSELF = and_(runs.c.status == "failed", runs.c.quiet == false(), ~_FAILED)
"""Runs that failed without any resource that did: most got no catalog."""


class Failures(Struct, frozen=True):
    """What fails, and whether there is more."""

    failing: tuple[Failing, ...]
    more: bool


def failing(connection: Connection, wanted: Wanted) -> Failures:
    """What fails still first, then the most often, then the latest."""
    found = [_told(connection, row, wanted) for row in connection.execute(_counted(wanted))]
    return Failures(tuple(found[: wanted.limit]), len(found) > wanted.limit)


def _counted(wanted: Wanted) -> Found:
    """Of each resource of a node that failed: how often, when first and last, and whether its last run did."""
    kinds = [_resources(wanted)] if wanted.resource else [_resources(wanted), _runs(wanted)]
    each = union_all(*kinds).subquery()
    times, last = func.count().label("times"), func.max(each.c.ended).label("last")
    groups = (
        select(each.c.node_id, each.c.name, times, func.min(each.c.ended).label("first"), last)
        .group_by(each.c.node_id, each.c.name)
        .subquery()
    )
    of = groups.c
    still = (of.last >= nodes.c.last_ended).label("still")
    return (
        select(of.node_id, nodes.c.certname, of.name, of.times, of.first, of.last, still)
        .select_from(groups.join(nodes, nodes.c.id == of.node_id))
        .order_by(still.desc(), of.times.desc(), of.last.desc(), nodes.c.certname, of.name)
        .limit(wanted.limit + 1)
    )


def _resources(wanted: Wanted) -> Found:
    of = resources.c
    found = select(of.node_id, of.name, of.ended).where(of.failed != false(), *_period(of.ended, wanted))
    if wanted.resource:
        found = found.where(of.name == wanted.resource)
    conditions = list(placed(wanted))
    return found.join(runs, runs.c.id == of.run_id).where(*conditions) if conditions else found


def _runs(wanted: Wanted) -> Found:
    found = select(runs.c.node_id, literal("").label("name"), runs.c.ended)
    return found.where(_BY_ITSELF, *_period(runs.c.ended, wanted), *placed(wanted))


def _period(ended: Any, wanted: Wanted) -> tuple[Any, ...]:
    return ended >= wanted.since, ended < wanted.until


def _told(connection: Connection, row: Sequence[Any], wanted: Wanted) -> Failing:
    node_id, certname, name, times, first, last, still = row
    asked = _last_resource(node_id, name, last) if name else _last_run(node_id, last)
    uuid, site, hypervisor, file, line, message = connection.execute(asked).one()
    return Failing(
        certname=certname,
        resource=name,
        site=site,
        hypervisor=hypervisor,
        times=times,
        first=first,
        last=last,
        since=connection.execute(_since(node_id, name, last, wanted)).scalar() or first,
        still=bool(still),
        message=message or "",
        uuid=uuid,
        file=file,
        line=line,
    )


def _last_resource(node_id: int, name: str, last: float) -> Found:
    of = resources.c
    said = (
        select(events.c.message)
        .where(events.c.run_id == of.run_id, events.c.resource == of.position, events.c.status == "failure")
        .order_by(events.c.position)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(runs.c.uuid, surroundings.c.site, surroundings.c.hypervisor, of.file, of.line, said)
        .select_from(resources.join(runs, runs.c.id == of.run_id).join(surroundings, _IN))
        .where(of.node_id == node_id, of.ended == last, of.name == name, of.failed != false())
        .limit(1)
    )


_IN = surroundings.c.id == runs.c.surroundings_id


def _last_run(node_id: int, last: float) -> Found:
    said = (
        select(logs.c.message)
        .where(logs.c.run_id == runs.c.id, logs.c.level.in_(_WORSE))
        .order_by(logs.c.position)
        .limit(1)
        .scalar_subquery()
    )
    place = (surroundings.c.site, surroundings.c.hypervisor)
    return (
        select(runs.c.uuid, *place, literal("").label("file"), literal(0).label("line"), said)
        .select_from(runs.join(surroundings, _IN))
        .where(runs.c.node_id == node_id, runs.c.ended == last, _BY_ITSELF)
        .limit(1)
    )


def _since(node_id: int, name: str, last: float, wanted: Wanted) -> Found:
    """When the failures in a row began that `last` ends: the first one after the last run in which it did not fail."""
    failed = _FAILED.where(resources.c.name == name) if name else _BY_ITSELF
    of_node = and_(runs.c.node_id == node_id, runs.c.ended >= wanted.since, runs.c.ended <= last)
    good = select(func.max(runs.c.ended)).where(of_node, ~failed).scalar_subquery()
    return select(func.min(runs.c.ended)).where(of_node, failed, runs.c.ended > func.coalesce(good, -1.0))
