"""The history in PostgreSQL, through the whole service: kept, asked, and waited for while the database is away."""

from collections.abc import Iterator

import pytest

from tests.live.postgresql import PostgreSQL
from tests.live.service.estate import NODES, SmallEstate
from tests.live.service.running import Service
from tests.live.service.senders import Senders, send, until_drained, waiting
from tests.reports.spooling import body
from tests.waiting import until


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with PostgreSQL() as running:
        yield running


@pytest.fixture(scope="module")
def service(estate: SmallEstate, database: PostgreSQL) -> Iterator[Service]:
    with Service({**estate.settings(), "database": database.database()}) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        until(lambda: running.status("/runs") == 200, 20, "the tables")
        yield running


def count(database: PostgreSQL) -> int:
    return int(database.sql("SELECT count(*) FROM runs", "history1"))


def test_a_flood_is_kept_and_can_be_asked(service: Service, database: PostgreSQL) -> None:
    before = count(database)
    with Senders(service, count=4, first=1_000) as senders:
        until(lambda: len(senders.acknowledged) >= 100, 30, "a hundred reports")
    assert senders.statuses.keys() == {202}
    until_drained(service.state)
    until(lambda: count(database) == before + len(senders.acknowledged), 10, "every report in PostgreSQL")
    assert not (service.state / "history.sqlite").exists()
    assert service.get("/runs?limit=5").status == 200


def test_reports_wait_while_the_database_is_away_and_answers_go_on(service: Service, database: PostgreSQL) -> None:
    before = count(database)
    database.stop()
    assert [send(service, body(NODES[0], number)) for number in range(5_000, 5_010)] == [202] * 10
    until(lambda: any("database" in one or "history" in one for one in service.ready["problems"]), 30, "the problem")
    assert len(waiting(service.state)) == 10
    assert service.bodies(*NODES)
    database.start()
    until_drained(service.state)
    until(lambda: count(database) == before + 10, 10, "what waited")
    until(lambda: service.ready["problems"] == [], 30, "no problem any more")
