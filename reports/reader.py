"""Reading the history: never in the writer's way, and never for longer than a page may take."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, QueuePool, create_engine, event

from reports.database import SQLITE, check, libpq, parsed, where
from reports.troubles import told
from reports.watch import ping_before_use, watched

_EVERY = 5000
"""Steps of SQLite's machine between two looks at the clock: some tenths of a millisecond."""
_TIMES = 2
"""A server has its own limit for each question; after so many times that limit nobody waits for it any longer."""


class Reader:
    """Connections that only read, several at a time, each question under a deadline. Safe between threads."""

    def __init__(self, url: str, seconds: float = 5.0, connections: int = 4) -> None:
        self.where, self._seconds = where(url), seconds
        given = parsed(url)
        pool = {"pool_size": connections, "max_overflow": 0, "pool_timeout": seconds}
        self._sqlite = given.drivername == SQLITE
        if self._sqlite:
            self._engine = create_engine(
                "sqlite://",
                creator=_opening(str(given.database), seconds),
                poolclass=QueuePool,
                hide_parameters=True,
                **pool,
            )
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        else:
            limits: dict[str, int | str] = {
                "statement_timeout": int(seconds * 1000),
                "idle_in_transaction_session_timeout": 60_000,
                "default_transaction_read_only": "on",
                "default_transaction_isolation": "repeatable\\ read",
            }
            self._engine = create_engine(given, hide_parameters=True, connect_args=libpq(limits, seconds), **pool)
            ping_before_use(self._engine, seconds)
        self._known = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose questions all see the same instant. Raises `HistoryError`."""
        # The transaction's end is waited for as well.
        with told(self.where), self._engine.connect() as connection, self._deadline(connection), connection.begin():
            if not self._known:
                check(connection, self.where)
                self._known = True
            yield connection

    @contextmanager
    def _deadline(self, connection: Connection) -> Iterator[None]:
        """End what is still being computed, or waited for, when the time is over."""
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            over = time.monotonic() + self._seconds
            driver.set_progress_handler(lambda: time.monotonic() > over, _EVERY)
            yield
            return
        with watched(driver, _TIMES * self._seconds):
            yield

    def close(self) -> None:
        """Close what nobody uses now."""
        self._engine.dispose()


def _opening(file: str, seconds: float) -> Callable[[], sqlite3.Connection]:
    """Opens a file for reading: one that is not there is not made."""

    def open_it() -> sqlite3.Connection:
        uri = f"file:{quote(str(Path(file).absolute()))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    return open_it
