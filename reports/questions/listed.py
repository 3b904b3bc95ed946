"""Runs, newest first, a page at a time."""

from msgspec import Struct
from sqlalchemy import Connection, select, tuple_

from reports.questions.heads import asked, heads, placed, summary
from reports.summaries import RunSummary
from reports.tables import runs
from reports.wanted import Wanted


class Page(Struct, frozen=True):
    """Some runs, and the uuid after which the next page begins, None at the end."""

    runs: tuple[RunSummary, ...]
    next: str | None


def listed(connection: Connection, wanted: Wanted) -> Page | None:
    """The newest runs of a period, or those that were before the run `after`; None where there is no such run."""
    found = heads().where(*asked(wanted)).order_by(runs.c.ended.desc(), runs.c.id.desc()).limit(wanted.limit + 1)
    if wanted.after:
        mark = connection.execute(
            select(runs.c.ended, runs.c.id).where(runs.c.uuid == wanted.after, *placed(wanted))
        ).first()
        if mark is None:
            return None
        found = found.where(tuple_(runs.c.ended, runs.c.id) < tuple_(*mark))
    rows = [summary(row) for row in connection.execute(found)]
    told = tuple(rows[: wanted.limit])
    return Page(told, told[-1].uuid if len(rows) > len(told) else None)
