"""Runs by where the nodes were at the time: by site, or by hypervisor."""

from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, case, func, select

from reports.questions.heads import asked
from reports.summaries import AtPlace
from reports.tables import runs, surroundings
from reports.wanted import Wanted

Place = Literal["site", "hypervisor"]


class AtPlaces(Struct, frozen=True):
    """What ran at each place, and whether there are more places."""

    places: tuple[AtPlace, ...]
    more: bool


def at_places(connection: Connection, wanted: Wanted, place: Place) -> AtPlaces:
    """The runs of a period at each site or hypervisor, by its name; "" for those whose place was not known."""
    name, seconds = surroundings.c[place], runs.c.ended - runs.c.started
    found = (
        select(
            name,
            func.count(),
            func.count(runs.c.node_id.distinct()),
            *(_number(runs.c.status == status) for status in ("failed", "changed", "unchanged")),
            _number(runs.c.corrective),
            func.avg(seconds),
            func.max(seconds),
        )
        .select_from(runs.join(surroundings, surroundings.c.id == runs.c.surroundings_id))
        .where(*asked(wanted))
        .group_by(name)
        .order_by(name)
        .limit(wanted.limit + 1)
    )
    rows = [_told(*row) for row in connection.execute(found)]
    return AtPlaces(tuple(rows[: wanted.limit]), len(rows) > wanted.limit)


def _number(condition: Any) -> Any:
    return func.count(case((condition, 1)))


def _told(name: str, *numbers: Any) -> AtPlace:
    number, nodes, failed, changed, unchanged, corrective, mean, worst = numbers
    return AtPlace(
        name=name,
        runs=number,
        nodes=nodes,
        failed=failed,
        changed=changed,
        unchanged=unchanged,
        corrective=corrective,
        mean=round(max(0.0, mean), 3),
        worst=round(max(0.0, worst), 3),
    )
