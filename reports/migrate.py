"""Bringing the tables to this program's revision, by alembic: whoever opens the history to write does it first.

Two that start at once do not collide: on SQLite the transaction holds the file's write lock from its beginning, on
PostgreSQL an advisory lock. Tables of a revision that this program does not know are not touched.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from errors import HistoryError
from reports import tables
from reports.database import revision
from reports.troubles import told

SCRIPTS = Path(__file__).parent / "migrations"
LOCK = 0x656E636C756D65
"""The key of PostgreSQL's advisory lock: `enclume` in ASCII."""


def prepare(engine: Engine, place: str, target: str = tables.REVISION, scripts: Path = SCRIPTS) -> None:
    """Make or renew the tables. Raises `HistoryError`, with nothing changed."""
    with told(place), engine.connect() as connection, _unbound(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        if revision(connection) != target:
            _upgrade(connection, place, target, scripts)


@contextmanager
def _unbound(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew, and dropping the old one would take along all that refers to it."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _upgrade(connection: Connection, place: str, target: str, scripts: Path) -> None:
    # Loading alembic takes a tenth of a second, and most starts have nothing to renew.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    found, known = revision(connection), ScriptDirectory.from_config(config)
    if found is not None and found not in {script.revision for script in known.walk_revisions()}:
        reason = f"its tables are of revision {found}, which this program ({tables.REVISION}) does not know"
        raise HistoryError(place, "newer", reason, "run the newer program; nothing was changed")
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
