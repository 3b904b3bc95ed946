"""Sudden ends under a load of reports: nothing that was acknowledged is lost, and nothing is kept twice."""

import random
import time
from collections.abc import Callable, Iterator, Mapping

import psutil
import pytest

from tests.live.service.running import Service
from tests.live.service.senders import Senders, assert_all_stored_once, send, stored, until_drained
from tests.reports.spooling import body
from tests.waiting import until

ENDS = 100
NOBODY = {"directory": {"uri": "ldap://127.0.0.1:1", "base": "dc=lab,dc=test"}}


@pytest.fixture
def service() -> Iterator[Service]:
    """Without a directory, so that it starts quickly: reports are taken all the same."""
    service = Service(NOBODY)
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


def test_a_hundred_sudden_ends_lose_and_double_nothing(service: Service) -> None:
    until(lambda: service.status("/health/live") == 200, 20, "the service")
    database = service.state / "history.sqlite"
    with Senders(service, pause=0.04) as senders:
        for turn in range(ENDS):
            heard = len(senders.acknowledged)
            until(lambda heard=heard: len(senders.acknowledged) > heard, 20, "a report to be taken")  # type: ignore[misc]
            instant = time.monotonic() + random.uniform(0, random.choice((0.05, 0.2, 1.0)))
            until(lambda instant=instant: time.monotonic() > instant, what="a random instant")  # type: ignore[misc]
            if turn % 10 == 9:
                known = len(stored(database))
                until(lambda known=known: len(stored(database)) > known, 20, "something to be stored")  # type: ignore[misc]
            (kill,) = random.choices(list(KILLS), list(KILLS.values()))
            kill(service)
    until(lambda: service.status("/health/live") == 200, 20, "the service")
    until_drained(service.state)
    assert len(senders.acknowledged) > ENDS
    assert [path.read_text() for path in (service.state / "spool/rejected").glob("*.reason")] == []
    assert_all_stored_once(senders.acknowledged, database)
    assert set(stored(database)) <= set(range(sum(senders.statuses.values())))
    assert send(service, body()) == 202
