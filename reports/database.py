"""The database of the history: how it is reached by its one writer and by its readers.

SQLite: one file, in WAL mode, so that readers never wait for the writer nor it for them. `synchronous=FULL`: what was
stored is removed from the spool, so it must outlive a power cut; with NORMAL the last transactions would not. It is one
fsync a batch. PostgreSQL: `postgresql+psycopg://USER@HOST/NAME?passfile=FILE`.
"""

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError
from sqlalchemy.sql import column, table
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from errors import HistoryError
from reports import tables
from reports.watch import ping_before_use

SQLITE, POSTGRESQL = "sqlite", "postgresql+psycopg"
BUSY_SECONDS = 10.0
"""How long a writer waits for another one."""
_PATIENCE = 10.0
_SECRETS = {"password", "sslpassword"}


def where(url: str) -> str:
    """How the database of a URL is called in messages and logs: without anything secret."""
    try:
        given = make_url(url)
    except ArgumentError:
        return "database"
    if given.drivername == SQLITE:
        return given.database or "database"
    return given.set(query={}, password=None).render_as_string()


def parsed(url: str) -> URL:
    """The URL of a history. Raises `HistoryError` for one that nothing is kept in, or that holds a password."""
    try:
        given = make_url(url)
    except ArgumentError:
        given = URL.create("")
    if given.drivername == SQLITE and given.database and given.database != ":memory:" and not given.query:
        return given
    if given.drivername != POSTGRESQL:
        advice = "`database` is sqlite:////FOLDER/FILE or postgresql+psycopg://USER@HOST/NAME?passfile=FILE"
        raise HistoryError("database", "settings", "its URL is not understood", advice)
    if given.password is not None or _SECRETS & given.query.keys():
        advice = "write it into a file (HOST:PORT:NAME:USER:PASSWORD, mode 0600) and name that: ?passfile=FILE"
        raise HistoryError(where(url), "settings", "its URL holds a password, which others may read", advice)
    return given


def writer(url: str) -> Engine:
    """An engine of one connection that writes; an SQLite file is there then. Raises `HistoryError`."""
    given = parsed(url)
    if given.drivername == SQLITE:
        _make(Path(str(given.database)))
        # Transactions are begun here, and by IMMEDIATE: one that reads first and then finds another writer would fail.
        arguments: dict[str, Any] = {"isolation_level": None, "timeout": BUSY_SECONDS}
        engine = create_engine(given, hide_parameters=True, pool_size=1, max_overflow=0, connect_args=arguments)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    # As with SQLite, whatever the server, the database or the role say: a commit is told once the disk has it.
    options: dict[str, int | str] = {"synchronous_commit": "on"}
    options |= {"statement_timeout": 60_000, "lock_timeout": 10_000, "idle_in_transaction_session_timeout": 60_000}
    engine = create_engine(
        given, hide_parameters=True, pool_size=1, max_overflow=0, connect_args=libpq(options, _PATIENCE)
    )
    ping_before_use(engine, _PATIENCE)
    return engine


def _make(file: Path) -> None:
    """Make the file if there is none: what changed on a machine is not for every user's eyes."""
    try:
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o640))
    except OSError as error:
        advice = "give the service's user the right to write the file and its folder"
        raise HistoryError(str(file), "unreachable", error.strerror or str(error), advice) from None


def _prepare(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    # Before the first table is made: room that retention frees can be given back to the disk.
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _turn_to_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    cursor.close()


def _turn_to_wal(cursor: DBAPICursor) -> None:
    """Several that start at once on a new file are refused here without any wait, whatever their timeout."""
    again = Retrying(
        retry=retry_if_exception(_is_busy), stop=stop_after_delay(BUSY_SECONDS), wait=wait_random(0, 0.05), reraise=True
    )
    again(cursor.execute, "PRAGMA journal_mode = WAL")


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def libpq(limits: Mapping[str, int | str], seconds: float) -> dict[str, Any]:
    """Connection options under which nothing waits for ever, whatever the network does; so long for connecting."""
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    waits = {"connect_timeout": max(2, int(seconds)), "tcp_user_timeout": 10_000, "keepalives_idle": 10}
    return {"options": options, "application_name": "enclume", **waits}


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None where there are none yet."""
    version = table("alembic_version", column("version_num"))
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found: str | None = connection.execute(select(version.c.version_num)).scalar()
    return found


def check(connection: Connection, place: str) -> None:
    """Raises `HistoryError` for tables of another revision than this program's."""
    found = revision(connection)
    if found is None:
        raise HistoryError(place, "older", "nothing is kept there yet", "start the service, which prepares it")
    if found != tables.REVISION:
        reason = f"its tables are of revision {found}, this program knows {tables.REVISION}"
        raise HistoryError(place, "newer" if found > tables.REVISION else "older", reason, "run one version everywhere")
