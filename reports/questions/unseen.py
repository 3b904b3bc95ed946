"""Nodes without a recent run, those that never had one among them."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Connection, select

from reports.report import Place, RunState
from reports.summaries import Unseen
from reports.tables import nodes, runs


class Silent(Struct, frozen=True):
    """Nodes, and whether there are more."""

    unseen: tuple[Unseen, ...]
    more: bool


def unseen(connection: Connection, expected: Mapping[str, Place], since: float, limit: int) -> Silent:
    """Of the nodes that should run, by certname with where they are, those that had no run since: first those that
    never had one, then the longest silent.
    """
    found = select(nodes.c.certname, nodes.c.last_ended, runs.c.status).outerjoin(runs, runs.c.id == nodes.c.last_id)
    seen: dict[str, tuple[float, RunState | None]] = {
        name: (ended, status) for name, ended, status in connection.execute(found)
    }
    silent = sorted(
        (seen.get(name, (0.0, None))[0], name) for name in expected if seen.get(name, (0.0, None))[0] < since
    )
    told = [_told(name, expected[name], ended, seen) for ended, name in silent[:limit]]
    return Silent(tuple(told), len(silent) > limit)


def _told(name: str, place: Place, ended: float, seen: Mapping[str, tuple[float, RunState | None]]) -> Unseen:
    status = seen[name][1] if name in seen else None
    return Unseen(certname=name, site=place.site, hypervisor=place.hypervisor, last=ended or None, status=status)
