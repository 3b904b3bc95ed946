"""Removing what is old, a little at a time: the reports that come meanwhile wait for one small batch at most."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

from errors import HistoryError
from reports.history import History
from reports.tables import events, logs, nodes, resources, runs

BATCH = 100
"""Runs that are removed at once."""
ROWS = 500
"""Rows of what they say that are removed at once: a first run may have a hundred thousand, and goes by and by. So many
of the longest texts take SQLite 90 ms, of usual ones 8 ms.
"""
_INCREMENTAL = 2
_FREE = 10
"""One page in so many may be free on SQLite: new runs will need them."""


def prune(history: History, older_than: float, batch: int = BATCH, rows: int = ROWS) -> bool:
    """Remove a batch of the runs that ended before that time, but no node's last one. Whether more may be left: call it
    again then, with whatever else there is to do in between. Raises `HistoryError`.
    """
    lasting = select(nodes.c.last_id).where(nodes.c.last_id.is_not(None))
    with history.writing() as connection:
        more = _remove(connection, (runs.c.ended < older_than) & runs.c.id.not_in(lasting), batch, rows)
    return give_back(history, batch) or more


def forget(history: History, certname: str, batch: int = BATCH, rows: int = ROWS) -> bool:
    """Remove a batch of one node's runs, the last one too, and in the end the node. Whether there is more to remove."""
    node = select(nodes.c.id).where(nodes.c.certname == certname).scalar_subquery()
    try:
        with history.writing() as connection:
            if _remove(connection, runs.c.node_id == node, batch, rows):
                return True
            connection.execute(delete(nodes).where(nodes.c.certname == certname))
    except HistoryError as error:
        # A report of it came at this very moment.
        if error.kind == "data":
            return True
        raise
    history.forget_numbers()
    return False


def _remove(connection: Connection, which: ColumnElement[bool], batch: int, rows: int) -> bool:
    """Remove some runs with all that they say, the oldest first; whether more may be left. Where they say more than so
    many rows, these go and the runs stay for the next time.
    """
    # Another instance that removes at the same time takes others.
    asked = select(runs.c.id).where(which).order_by(runs.c.ended).limit(batch).with_for_update(skip_locked=True)
    found: Sequence[int] = connection.execute(asked).scalars().all()
    if not found:
        return False
    for table in (events, resources, logs):
        rows -= _remove_rows(connection, table, found, rows)
        if rows <= 0:
            return True
    connection.execute(delete(runs).where(runs.c.id.in_(found)))
    return len(found) == batch


def _remove_rows(connection: Connection, table: Table, of: Sequence[int], most: int) -> int:
    """Remove what these runs say in a table, the first rows of it; how many."""
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(table.c.run_id.in_(of)).order_by(*table.primary_key.columns)
    return connection.execute(delete(table).where(key.in_(some.limit(most)))).rowcount


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
