"""Puppet servers that send reports all the time, each of another run, and note which were acknowledged."""

import http.client
import itertools
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.live.postgresql import PostgreSQL
from tests.live.service.running import Service
from tests.reports.spooling import body
from tests.waiting import until


class Working:
    """Threads that do their work while the `with` lasts; each of them until it `ended`."""

    def __init__(self, works: Iterable[Callable[[], None]]) -> None:
        self._works, self.ended = tuple(works), threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.ended.clear()
        self._threads = [threading.Thread(target=work) for work in self._works]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join()


class Senders(Working):
    """Threads that send reports to a service, with pauses of so many seconds."""

    def __init__(self, service: Service, count: int = 4, pause: float = 0.0, first: int = 0) -> None:
        super().__init__([self._send] * count)
        self._service, self._pause = service, pause
        self._numbers = itertools.count(first)
        self.acknowledged: list[int] = []
        self.statuses: Counter[int] = Counter()
        """How often each status was answered; 0: nothing was."""

    def _send(self) -> None:
        while not self.ended.wait(self._pause):
            number = next(self._numbers)
            status = send(self._service, body(f"node{number % 50}.lab.test", number))
            self.statuses[status] += 1
            if status == 202:
                self.acknowledged.append(number)


def send(service: Service, report: bytes, timeout: float = 10) -> int:
    """The status of one report, sent as Puppet sends it; 0 when nothing was answered."""
    connection = service.connect(timeout)
    try:
        headers = {"Content-Type": "application/x-yaml; charset=UTF-8", "Connection": "close"}
        connection.request("POST", "/reports", report, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def stored(database: Path | PostgreSQL) -> list[int]:
    """The numbers of the runs in a history, as often as they are in it; none where there is no history yet. A server's
    history is the first database that was made there.
    """
    if isinstance(database, PostgreSQL):
        return _stored_there(database)
    if not database.exists():
        return []
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        return sorted(int(uuid[-12:], 16) for (uuid,) in connection.execute("SELECT hex(uuid) FROM runs"))
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error), error  # noqa: PT017
        return []
    finally:
        connection.close()


def _stored_there(server: PostgreSQL) -> list[int]:
    if server.sql("SELECT to_regclass('runs') IS NULL", "history1") == "t":
        return []
    found = server.sql("SELECT right(replace(uuid::text, '-', ''), 12) FROM runs", "history1")
    return sorted(int(end, 16) for end in found.splitlines())


def waiting(state: Path) -> list[Path]:
    """The reports in the spool of a state folder."""
    return sorted((state / "spool").glob("*.report"))


def until_drained(state: Path, timeout: float = 60) -> None:
    """Wait until nothing waits in the spool."""
    until(lambda: not waiting(state), timeout, "an empty spool")


def assert_all_stored_once(acknowledged: Iterable[int], database: Path | PostgreSQL) -> None:
    """Nothing that was acknowledged is missing, and nothing is there twice."""
    found = stored(database)
    assert len(found) == len(set(found))
    missing = set(acknowledged) - set(found)
    assert not missing, f"{len(missing)} of {len(found)} acknowledged reports are lost: {sorted(missing)[:10]}"
