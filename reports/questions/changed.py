"""What happened to resources: the events of a period, newest run first."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, case, false, select

from reports.questions.heads import WITH_PLACE, asked
from reports.summaries import Change
from reports.tables import events, nodes, resources, runs, surroundings
from reports.wanted import Wanted

TOLD = (
    runs.c.uuid,
    nodes.c.certname,
    surroundings.c.site,
    surroundings.c.hypervisor,
    case((events.c.time > 0, events.c.time), else_=runs.c.ended),
    resources.c.name,
    events.c.property,
    events.c.status,
    events.c.previous,
    events.c.desired,
    events.c.message,
    resources.c.file,
    resources.c.line,
    events.c.corrective,
    events.c.redacted,
)

WITH_RUN = WITH_PLACE.join(resources, resources.c.run_id == runs.c.id).join(
    events, (events.c.run_id == resources.c.run_id) & (events.c.resource == resources.c.position)
)


class Changed(Struct, frozen=True):
    """Changes, and whether there are more."""

    changes: tuple[Change, ...]
    more: bool


def change(row: Sequence[Any]) -> Change:
    """The event of a row of `TOLD`."""
    names = ("uuid", "certname", "site", "hypervisor", "time", "resource", "property", "status", "previous", "desired")
    more = ("message", "file", "line", "corrective", "redacted")
    return Change(**dict(zip((*names, *more), row, strict=True)))


def changed(connection: Connection, wanted: Wanted) -> Changed:
    """The events of the statuses that are asked for, of the newest runs first."""
    found = select(*TOLD).select_from(WITH_RUN).where(*asked(wanted), runs.c.quiet == false())
    if wanted.events:
        found = found.where(events.c.status.in_(wanted.events))
    if wanted.resource:
        found = found.where(resources.c.name == wanted.resource)
    order = (runs.c.ended.desc(), runs.c.id.desc(), events.c.resource, events.c.position)
    rows = [change(row) for row in connection.execute(found.order_by(*order).limit(wanted.limit + 1))]
    return Changed(tuple(rows[: wanted.limit]), len(rows) > wanted.limit)
