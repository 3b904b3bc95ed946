"""What a database says when it cannot, as an `HistoryError` that says what to do.

Only the driver's own words are told: SQLAlchemy's would add the statement and its values.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from errors import HistoryError

_LOCKED = "another process holds it: end whatever has it open for long (a `sqlite3` shell, a copy)"
_SLOW = "ask for a shorter period, or for fewer runs"
_FULL = "make room on its disk: nothing that was acknowledged is lost, it waits in the spool"
_CORRUPT = "stop the service, move the file away or put a copy back, and start the service"
_UNREACHABLE = "start it and look at its log; then at `database` in the settings and at its password file"
_DENIED = "give the service's user the right to write the file and its folder"
_SETTINGS = "look at `database` in the settings: its user, its rights there, its name"
_DATA = "the content was refused"
_OTHER = "look at the database's log"

_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("locked", _LOCKED),
    sqlite3.SQLITE_LOCKED: ("locked", _LOCKED),
    sqlite3.SQLITE_INTERRUPT: ("slow", _SLOW),
    sqlite3.SQLITE_FULL: ("full", _FULL),
    sqlite3.SQLITE_IOERR: ("unreachable", "look at its disk and at the system's log"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", _CORRUPT),
    sqlite3.SQLITE_NOTADB: ("corrupt", _CORRUPT),
    sqlite3.SQLITE_CANTOPEN: ("unreachable", _DENIED),
    sqlite3.SQLITE_PERM: ("unreachable", _DENIED),
    sqlite3.SQLITE_READONLY: ("unreachable", _DENIED),
    sqlite3.SQLITE_CONSTRAINT: ("data", _DATA),
    sqlite3.SQLITE_MISMATCH: ("data", _DATA),
    sqlite3.SQLITE_TOOBIG: ("data", _DATA),
}
# SQLSTATE, whole or its class: https://www.postgresql.org/docs/15/errcodes-appendix.html
_POSTGRESQL: dict[str, tuple[str, str]] = {
    "40P01": ("locked", "others write at the same time: it is tried again"),
    "40001": ("locked", "others write at the same time: it is tried again"),
    "55P03": ("locked", "others hold its tables: look at pg_stat_activity"),
    "57014": ("slow", _SLOW),
    "53100": ("full", _FULL),
    "53300": ("unreachable", "it has no room for another connection: raise max_connections"),
    "53": ("unreachable", "it has too little memory, or files: look at its log"),
    "28": ("settings", _SETTINGS),
    "3D": ("settings", _SETTINGS),
    "42501": ("settings", _SETTINGS),
    "22": ("data", _DATA),
    "23": ("data", _DATA),
    "54": ("data", _DATA),
    "XX": ("corrupt", "look at its log, and put a backup back"),
    "58": ("unreachable", "look at its disk and at its log"),
    "57": ("unreachable", _UNREACHABLE),
    "08": ("unreachable", _UNREACHABLE),
}


@contextmanager
def told(where: str) -> Iterator[None]:
    """Raise `HistoryError` for what the database raises meanwhile."""
    try:
        yield
    except DBAPIError as error:
        raise _translated(where, error.orig or error) from None
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        # What SQLAlchemy lets through: errors of the first words on a connection, values that cannot be sent.
        raise _translated(where, error) from None
    except NoneFree:
        advice = "many questions are asked at once: ask again later"
        raise HistoryError(where, "slow", "no connection was free in time", advice) from None


def _translated(where: str, error: BaseException) -> HistoryError:
    kind, advice = _sort(error)
    return HistoryError(where, kind, _words(error), advice)


def _sort(error: BaseException) -> tuple[str, str]:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return _SQLITE.get((code or 0) & 0xFF, ("other", _OTHER))
    if isinstance(error, (OverflowError, UnicodeError, ValueError)):
        return "data", _DATA
    state = getattr(error, "sqlstate", None)
    if state is None:
        return "unreachable", _UNREACHABLE
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2]) or ("other", _OTHER)


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
