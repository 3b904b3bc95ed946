"""The last run of each node."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, select

from reports.questions.heads import heads, placed, summary
from reports.report import RunState
from reports.summaries import LastRun
from reports.tables import nodes, runs
from reports.wanted import Wanted

_ORDER: Mapping[RunState, int] = {"failed": 0, "changed": 1, "unchanged": 2}


class LastState(Struct, frozen=True):
    """How the last run of a node ended, and which row it is."""

    certname: str
    status: RunState
    row: int


class Lasts(Struct, frozen=True):
    """Last runs, how many there are of each status, the nodes that are there no more, and the certname after which the
    next page begins, None at the end.
    """

    runs: tuple[LastRun, ...]
    counts: Mapping[RunState, int]
    gone: tuple[str, ...]
    next: str | None


def last(connection: Connection, wanted: Wanted, present: Container[str] | None) -> Lasts | None:
    """The last runs, the failed ones first, then those that changed something, then by certname; those behind the
    node `after`. With `present`, only of nodes in it; the others are told by name. None for an `after` that is none.

    A run that is kept no more is no last run: `unseen` tells of its node.
    """
    states = list(_states(connection, wanted))
    here = [one for one in states if present is None or one.certname in present]
    gone = () if present is None else tuple(sorted(one.certname for one in states if one.certname not in present))
    matching = sorted((one for one in here if not wanted.statuses or one.status in wanted.statuses), key=_order)
    if wanted.after:
        names = [one.certname for one in matching]
        if wanted.after not in names:
            return None
        matching = matching[names.index(wanted.after) + 1 :]
    page = matching[: wanted.limit]
    told = _told(connection, page)
    more = page[-1].certname if len(matching) > len(page) else None
    return Lasts(told, Counter(one.status for one in here), gone, more)


def _order(state: LastState) -> tuple[int, str]:
    return _ORDER[state.status], state.certname


def _states(connection: Connection, wanted: Wanted) -> Iterable[LastState]:
    # Joined by this alone, nobody can think of reading the whole history to find the last of each.
    found = select(nodes.c.certname, runs.c.status, runs.c.id).join(runs, runs.c.id == nodes.c.last_id)
    return (LastState(*row) for row in connection.execute(found.where(*placed(wanted))))


def _told(connection: Connection, page: list[LastState]) -> tuple[LastRun, ...]:
    found = heads().add_columns(nodes.c.last_success).where(runs.c.id.in_([one.row for one in page]))
    by_name: dict[str, LastRun] = {}
    for row in connection.execute(found):
        one: Any = summary(row)
        by_name[one.certname] = LastRun(**structs.asdict(one), last_success=row.last_success or None)
    return tuple(by_name[one.certname] for one in page)
