"""Removing what is old, a little at a time: the reports that come meanwhile wait for one small batch at most."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, select

from errors import HistoryError
from reports.history import History
from reports.tables import events, logs, nodes, resources, runs

BATCH = 200
"""Runs that are removed at once."""
_INCREMENTAL = 2
_FREE = 10
"""One page in so many may be free on SQLite: new runs will need them."""


def prune(history: History, older_than: float, batch: int = BATCH) -> bool:
    """Remove a batch of the runs that ended before that time, but no node's last one. Whether more may be left: call it
    again then, with whatever else there is to do in between. Raises `HistoryError`.
    """
    lasting = select(nodes.c.last_id).where(nodes.c.last_id.is_not(None))
    with history.writing() as connection:
        removed = _remove(connection, (runs.c.ended < older_than) & runs.c.id.not_in(lasting), batch)
    return give_back(history, batch) or removed == batch


def forget(history: History, certname: str, batch: int = BATCH) -> bool:
    """Remove a batch of one node's runs, the last one too, and in the end the node. Whether there is more to remove."""
    node = select(nodes.c.id).where(nodes.c.certname == certname).scalar_subquery()
    try:
        with history.writing() as connection:
            if _remove(connection, runs.c.node_id == node, batch) == batch:
                return True
            connection.execute(delete(nodes).where(nodes.c.certname == certname))
    except HistoryError as error:
        # A report of it came at this very moment.
        if error.kind == "data":
            return True
        raise
    history.forget_numbers()
    return False


def _remove(connection: Connection, which: ColumnElement[bool], batch: int) -> int:
    """Remove some runs with all that they say, the oldest first; how many."""
    # Another instance that removes at the same time takes others.
    asked = select(runs.c.id).where(which).order_by(runs.c.ended).limit(batch).with_for_update(skip_locked=True)
    found: Sequence[int] = connection.execute(asked).scalars().all()
    if found:
        for table in (events, resources, logs):
            connection.execute(delete(table).where(table.c.run_id.in_(found)))
        connection.execute(delete(runs).where(runs.c.id.in_(found)))
    return len(found)


def give_back(history: History, pages: int) -> bool:
    """Give some free pages of an SQLite file back to the disk, where there are many. Whether there are still too many.

    PostgreSQL's autovacuum keeps the room for new rows.
    """
    with history.writing() as connection:
        if connection.dialect.name != "sqlite":
            return False
        free = _pragma(connection, "freelist_count") - _pragma(connection, "page_count") // _FREE
        # A file that others made may have no incremental vacuum: then there is nothing to wait for.
        if free <= 0 or _pragma(connection, "auto_vacuum") != _INCREMENTAL:
            return False
        # The driver takes one step of a statement without columns, and a step is a page.
        cursor = connection.connection.cursor()
        for _ in range(min(free, pages)):
            cursor.execute("PRAGMA incremental_vacuum(1)")
        cursor.close()
        return free > pages


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
