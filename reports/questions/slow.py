"""The slowest resources: how long they take in the median and at most, over all nodes or node by node."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, case, func, select

from reports.questions.heads import Found, placed
from reports.summaries import Slow
from reports.tables import nodes, resources, runs
from reports.wanted import MOST, Wanted

LEAST = 1.0
"""Seconds that a resource must have taken once to be looked at."""


class Slowest(Struct, frozen=True):
    """Slow resources, and whether there are more."""

    slow: tuple[Slow, ...]
    more: bool


def slow(connection: Connection, wanted: Wanted) -> Slowest:
    """The resources that took `LEAST` once, the longest median first. A run tells the times of its slowest resources
    only, so the median is over those runs.

    Of the `MOST` that took longest at one time; another one's median is less than what these took.
    """
    found = [_told(connection, row, wanted) for row in connection.execute(_medians(wanted))]
    return Slowest(tuple(found[: wanted.limit]), len(found) > wanted.limit)


def _within(wanted: Wanted) -> list[Any]:
    of = resources.c
    conditions = [of.ended >= wanted.since, of.ended < wanted.until]
    if wanted.resource:
        conditions.append(of.name == wanted.resource)
    return conditions


def _times(wanted: Wanted, *columns: Any) -> Found:
    """Times of resources in the runs that are asked for."""
    found, conditions = select(*columns).where(*_within(wanted)), list(placed(wanted))
    return found.join(runs, runs.c.id == resources.c.run_id).where(*conditions) if conditions else found


def _medians(wanted: Wanted) -> Found:
    of = resources.c
    slowest = (
        _times(wanted, of.name, func.max(of.seconds).label("worst"))
        .where(of.seconds >= LEAST)
        .group_by(of.name)
        .order_by(func.max(of.seconds).desc(), of.name)
        .limit(MOST)
        .cte("slowest")
    )
    ranked = _ranked(wanted, select(slowest.c.name))
    count, number, seconds = ranked.c.count, ranked.c.number, ranked.c.seconds
    # Of an odd number of times the middle one, of an even number the two that share the middle.
    middle = number.in_(((count + 1) // 2, (count + 2) // 2))
    median, worst = func.avg(case((middle, seconds))).label("median"), func.max(seconds).label("worst")
    key = (ranked.c.name, ranked.c.node_id) if wanted.by else (ranked.c.name,)
    return (
        select(ranked.c.name, func.count().label("runs"), _nodes(ranked), median, worst, func.min(ranked.c.node_id))
        .group_by(*key)
        .order_by(median.desc(), worst.desc(), *key)
        .limit(wanted.limit + 1)
    )


def _nodes(ranked: Any) -> Any:
    return func.count(ranked.c.node_id.distinct()).label("nodes")


def _ranked(wanted: Wanted, names: Found) -> Any:
    """The times of these resources, each with its number in order, and how many there are."""
    of = resources.c
    key = (of.name, of.node_id) if wanted.by else (of.name,)
    number = func.row_number().over(partition_by=key, order_by=of.seconds).label("number")
    count = func.count().over(partition_by=key).label("count")
    times = _times(wanted, of.name, of.node_id, of.seconds, number, count)
    return times.where(of.name.in_(names), of.seconds > 0).subquery()


def _told(connection: Connection, row: Sequence[Any], wanted: Wanted) -> Slow:
    name, number, on, median, worst, node_id = row
    of = resources.c
    found = (
        select(runs.c.uuid, nodes.c.certname)
        .select_from(resources.join(runs, runs.c.id == of.run_id).join(nodes, nodes.c.id == of.node_id))
        .where(*_within(wanted), *placed(wanted), of.name == name, of.seconds == worst)
        .limit(1)
    )
    uuid, certname = connection.execute(found.where(of.node_id == node_id) if wanted.by else found).one()
    return Slow(
        resource=name,
        certname=certname if wanted.by else "",
        runs=number,
        nodes=on,
        median=round(median, 3),
        worst=round(worst, 3),
        worst_certname=certname,
        worst_uuid=uuid,
    )
