"""The history in PostgreSQL, through the whole service: kept, asked, and waited for while the database is away."""

from collections.abc import Iterator

import pytest

from tests.live.postgresql import PostgreSQL
from tests.live.service.estate import NODES, SmallEstate
from tests.live.service.running import Service
from tests.live.service.senders import Senders, send, until_drained, waiting
from tests.reports.papers import capture
from tests.reports.spooling import body, fresh
from tests.waiting import until

ALLOWED = 40
"""Seconds that a run may be old here."""


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with PostgreSQL() as running:
        yield running


@pytest.fixture(scope="module")
def service(estate: SmallEstate, database: PostgreSQL) -> Iterator[Service]:
    own = {"database": database.database(), "thresholds": {"run_seconds": ALLOWED}}
    with Service({**estate.settings(), **own}) as running:
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


def ran(service: Service, certname: str, report: str = "unchanged") -> None:
    """The node runs Puppet at this moment."""
    assert send(service, fresh(body(certname, report=capture(report)))) == 202


def said(service: Service, certname: str = "-") -> dict[str, str]:
    """The verdicts on a node's runs, or on the reports as a whole: codes with their status."""
    verdicts = service.get(f"/verdicts?check=puppet&host={certname}").json["verdicts"]
    return {one["code"]: one["status"] for one in verdicts}


def test_while_the_database_is_away_a_node_is_not_called_late_for_what_waits(
    service: Service, database: PostgreSQL
) -> None:
    late, failed, lazy = NODES[:3]
    ran(service, late)
    ran(service, lazy)
    ran(service, failed, "failed")
    until(lambda: said(service, late) == {"run": "ok"}, 20, "the run")
    until(lambda: said(service, failed) == {"run_failed": "critical"}, 20, "the failed run")
    until(lambda: said(service, lazy) == {"run": "ok"}, 20, "the other run")
    until(lambda: said(service).get("runs_read") == "ok", 20, "the reports to be read")
    database.stop()
    seen = set[str]()

    def is_unknown() -> bool:
        seen.update(now := said(service, late))
        return now == {"run_unknown": "unknown"}

    ran(service, late)
    until(is_unknown, 2 * ALLOWED, "the run to be unknown")
    assert seen == {"run", "run_unknown"}
    assert said(service, failed)["run_failed"] == "critical"
    (unread,) = service.get("/verdicts?check=puppet&host=-&status=unknown").json["verdicts"]
    assert (unread["code"], "database" in unread["sentence"]) == ("runs_unread", True)
    assert unread["sources"][0]["age"] > 10
    ran(service, late)
    database.start()
    until(lambda: said(service, late) == {"run": "ok"}, 30, "what waited")
    until(lambda: said(service).get("runs_read") == "ok", 20, "the reports to be read")
    until(lambda: said(service, lazy).get("run_late") in ("warning", "critical"), 20, "who did not run meanwhile")
    ran(service, lazy)
    until(lambda: said(service, lazy) == {"run": "ok"}, 20, "its next run")


def test_a_restart_while_the_database_is_away_takes_no_check_from_icinga(
    service: Service, database: PostgreSQL
) -> None:
    ran(service, NODES[1], "failed")
    until(lambda: "run_failed" in said(service, NODES[1]), 20, "the failed run")
    until(lambda: said(service).get("runs_read") == "ok", 20, "the reports to be read")
    kept = service.state / "runs"
    until(lambda: kept.exists() and NODES[1] in kept.read_text(), 5, "the run to be kept")
    before = service.get("/icinga").body
    database.stop()
    service.kill()
    service.start().wait_ready()
    until(lambda: service.get("/icinga").body == before, 20, "the configuration")
    assert said(service, NODES[1])["run_failed"] == "critical"
    assert b'enclume_puppet_run_status{site="larema",certname="' in service.get("/metrics").body
    database.start()
    until(lambda: said(service).get("runs_read") == "ok", 60, "the history")
    assert service.get("/icinga").body == before
