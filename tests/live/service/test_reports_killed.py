"""Sudden ends under a load of reports: nothing that was acknowledged is lost, and nothing is kept twice.

Each of both databases has its own hundred, which takes half a minute to a whole one.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.live.postgresql import PostgreSQL
from tests.live.service.running import Service
from tests.live.service.senders import Senders, assert_all_stored_once, send, stored, until_drained
from tests.reports.spooling import body
from tests.waiting import until

ENDS = 100
NOBODY = {"directory": {"uri": "ldap://127.0.0.1:1", "base": "dc=lab,dc=test"}}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[PostgreSQL | None]:
    """The server that keeps the history; None for a file in the state folder."""
    with ExitStack() as stack:
        yield stack.enter_context(PostgreSQL()) if request.param == "postgresql" else None


@pytest.fixture
def service(database: PostgreSQL | None) -> Iterator[Service]:
    """Without a directory, so that it starts quickly: reports are taken all the same."""
    service = Service(NOBODY if database is None else {**NOBODY, "database": database.database()})
    try:
        yield service.start()
    finally:
        service.close()


def everything(service: Service) -> None:
    service.kill(wait=False)
    service.start()


def the_worker(service: Service) -> None:
    for worker in service.process.children():
        worker.kill()


def the_intake(service: Service) -> None:
    for child in intakes(service):
        child.kill()


def intakes(service: Service) -> list[psutil.Process]:
    """The intake children that there are just now."""
    found = []
    for process in service.family:
        try:
            found += [process] if "reports.child" in process.cmdline() else []
        except psutil.Error:
            continue
    return found


KILLS: Mapping[Callable[[Service], None], int] = {everything: 2, the_worker: 7, the_intake: 1}
"""What is killed, and how often it is among ten times."""


def test_a_hundred_sudden_ends_lose_and_double_nothing(service: Service, database: PostgreSQL | None) -> None:
    until(lambda: service.status("/health/live") == 200, 20, "the service")
    history: Path | PostgreSQL = database or service.state / "history.sqlite"
    with Senders(service, pause=0.04) as senders:
        for turn in range(ENDS):
            heard = len(senders.acknowledged)
            until(lambda heard=heard: len(senders.acknowledged) > heard, 20, "a report to be taken")  # type: ignore[misc]
            instant = time.monotonic() + random.uniform(0, random.choice((0.05, 0.2, 1.0)))
            until(lambda instant=instant: time.monotonic() > instant, what="a random instant")  # type: ignore[misc]
            if turn % 10 == 9:
                known = len(stored(history))
                until(lambda known=known: len(stored(history)) > known, 20, "something to be stored")  # type: ignore[misc]
            (kill,) = random.choices(list(KILLS), list(KILLS.values()))
            kill(service)
    until(lambda: service.status("/health/live") == 200, 20, "the service")
    until_drained(service.state)
    assert len(senders.acknowledged) > ENDS
    assert [path.read_text() for path in (service.state / "spool/rejected").glob("*.reason")] == []
    assert_all_stored_once(senders.acknowledged, history)
    assert set(stored(history)) <= set(range(sum(senders.statuses.values())))
    assert send(service, body()) == 202
