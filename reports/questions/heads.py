"""The columns that tell of a run in a list, and which runs are asked for."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, false, select

from reports.summaries import RunSummary
from reports.tables import nodes, runs, surroundings
from reports.wanted import Wanted

Found = Select[*tuple[Any, ...]]
"""A question to the database, with whatever columns."""

LOUD = frozenset({"failed", "changed"})
"""The statuses that no quiet run has."""

TOLD = (
    runs.c.uuid,
    nodes.c.certname,
    runs.c.status,
    runs.c.started,
    runs.c.ended,
    runs.c.received,
    surroundings.c.site,
    surroundings.c.hypervisor,
    surroundings.c.environment,
    runs.c.noop,
    runs.c.corrective,
    runs.c.cached_catalog,
    runs.c.resources,
    runs.c.changed,
    runs.c.failed,
)

WITH_PLACE = runs.join(nodes, nodes.c.id == runs.c.node_id).join(
    surroundings, surroundings.c.id == runs.c.surroundings_id
)


def heads() -> Found:
    """Runs, each as `summary` reads it."""
    return select(*TOLD).select_from(WITH_PLACE)


def summary(row: Sequence[Any]) -> RunSummary:
    """A run of a row that begins with `TOLD`."""
    (uuid, certname, status, started, ended, received, site, hypervisor, environment, *rest) = row[: len(TOLD)]
    noop, corrective, cached_catalog, total, changed, failed = rest
    return RunSummary(
        uuid=uuid,
        certname=certname,
        status=status,
        started=started,
        ended=ended,
        received=received,
        seconds=round(max(0.0, ended - started), 3),
        site=site,
        hypervisor=hypervisor,
        environment=environment,
        noop=noop,
        corrective=corrective,
        cached_catalog=cached_catalog,
        total=total,
        changed=changed,
        failed=failed,
    )


def asked(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """What holds for the runs that are asked for, whatever else is joined to `runs`."""
    yield runs.c.ended >= wanted.since
    yield runs.c.ended < wanted.until
    yield from placed(wanted)
    if wanted.statuses:
        yield runs.c.status.in_(wanted.statuses)
    if wanted.statuses and LOUD.issuperset(wanted.statuses):
        yield runs.c.quiet == false()


def placed(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """What holds for the runs of the hosts, sites and hypervisors that are asked for."""
    # Of one host they lie in the index in the order in which they are told: of several they are sorted.
    if len(wanted.hosts) == 1:
        yield runs.c.node_id == of_hosts(wanted).scalar_subquery()
    elif wanted.hosts:
        yield runs.c.node_id.in_(of_hosts(wanted))
    if wanted.sites or wanted.hypervisors:
        there = select(surroundings.c.id)
        if wanted.sites:
            there = there.where(surroundings.c.site.in_(wanted.sites))
        if wanted.hypervisors:
            there = there.where(surroundings.c.hypervisor.in_(wanted.hypervisors))
        yield runs.c.surroundings_id.in_(there)


def of_hosts(wanted: Wanted) -> Found:
    """The rows of the hosts that are asked for."""
    return select(nodes.c.id).where(nodes.c.certname.in_(wanted.hosts))
