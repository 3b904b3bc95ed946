"""Waiting for PostgreSQL, but not for ever.

The server ends what takes too long itself. One that was stopped, or whose machine hangs while its network lives, ends
nothing: then the line to it is cut, and whoever waits is told that it is closed.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry


@contextmanager
def watched(driver: Any, seconds: float) -> Iterator[None]:
    """Cut the line of a psycopg connection if this takes longer."""
    with socket.socket(fileno=os.dup(driver.fileno())) as line:
        watch = threading.Timer(seconds, line.shutdown, (socket.SHUT_RDWR,))
        watch.name = "history watch"
        watch.start()
        try:
            yield
        finally:
            watch.cancel()
            watch.join()


def ping_before_use(engine: Engine, seconds: float) -> None:
    """Replace a connection that was used before and does not answer: SQLAlchemy's own ping would wait for ever."""

    def ping(driver: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if not entry.info.setdefault("used", False):
            entry.info["used"] = True
            return
        try:
            with watched(driver, seconds):
                driver.execute("SELECT 1")
                driver.rollback()
        except (OSError, engine.dialect.loaded_dbapi.Error):
            raise DisconnectionError from None

    event.listen(engine, "checkout", ping)
