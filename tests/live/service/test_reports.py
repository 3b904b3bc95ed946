"""Reports on the real wire: a flood, garbage, slow senders, an intake that ends or hangs, a database that is held."""

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from tests.live.service.estate import NODES, SmallEstate
from tests.live.service.running import Service
from tests.live.service.senders import Senders, assert_all_stored_once, send, stored, until_drained, waiting
from tests.live.service.test_reports_killed import intakes
from tests.reports.spooling import body
from tests.waiting import until

BEGIN = b"--- !ruby/object:Puppet::Transaction::Report\n"


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    with Service({**estate.settings(), "limits": {"request_seconds": 2}}) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        yield running


def intake(service: Service) -> psutil.Process:
    return until(lambda: intakes(service), 20, "the intake child")[0]


def metric(service: Service, line: str) -> float:
    """A sample of /metrics by its name and labels, once there are verdicts; 0 while it is not told."""
    until(lambda: service.status("/metrics") == 200, 20, "the first verdicts")
    found = [one for one in service.get("/metrics").body.decode().splitlines() if one.startswith(f"{line} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_a_flood_is_taken_whole_and_answers_go_on(service: Service) -> None:
    received = metric(service, "enclume_reports_received_total")
    with Senders(service, count=8, first=10_000) as senders:
        for _ in range(20):
            assert service.bodies(*NODES)
        until(lambda: len(senders.acknowledged) >= 200, 30, "two hundred reports")
    assert senders.statuses.keys() == {202}
    until_drained(service.state)
    assert_all_stored_once(senders.acknowledged, service.state / "history.sqlite")
    assert metric(service, "enclume_reports_received_total") == received + len(senders.acknowledged)
    until(lambda: metric(service, "enclume_reports_spooled") == 0, 10, "the count of what waits")


def test_a_run_is_seen_at_once_by_metrics_and_verdicts(service: Service) -> None:
    certname = NODES[0]
    assert send(service, body(certname, 1)) == 202
    line = f'enclume_puppet_run_status{{site="larema",certname="{certname}",status="unchanged"}}'
    until(lambda: metric(service, line) == 1, 5, "the run in /metrics")
    with closing(sqlite3.connect(f"file:{service.state}/history.sqlite?mode=ro", uri=True)) as history:
        asked = "SELECT site, hypervisor FROM surroundings WHERE hypervisor != ''"
        assert history.execute(asked).fetchall() == [("larema", "coquille1.lab.test")]


def test_reloads_under_load_lose_nothing(service: Service) -> None:
    with Senders(service, pause=0.005, first=20_000) as senders:
        for _ in range(3):
            heard = len(senders.acknowledged)
            service.reload()
            until(lambda heard=heard: len(senders.acknowledged) > heard + 20, 20, "reports to the new worker")  # type: ignore[misc]
    assert senders.statuses.keys() == {202}
    until_drained(service.state)
    assert_all_stored_once(senders.acknowledged, service.state / "history.sqlite")
    until(lambda: len(intakes(service)) == 1, 10, "one intake child")
    assert service.ready["problems"] == []


def test_a_restart_shows_the_last_runs_before_any_report_comes(service: Service) -> None:
    assert send(service, body(NODES[1], 2)) == 202
    until_drained(service.state)
    service.stop()
    service.start().wait_ready()
    line = f'enclume_puppet_run_status{{site="larema",certname="{NODES[1]}",status="unchanged"}}'
    until(lambda: metric(service, line) == 1, 10, "the run in /metrics")


def test_an_intake_that_is_killed_again_and_again_loses_nothing_and_is_said(service: Service) -> None:
    killed: set[int] = set()
    with Senders(service, pause=0.01, first=30_000) as senders:

        def kill_the_next() -> bool:
            for child in intakes(service):
                if child.pid not in killed:
                    child.kill()
                    killed.add(child.pid)
            return any(
                "the intake child ended (status -9), 2 times in a row" in one for one in service.ready["problems"]
            )

        until(kill_the_next, 20, "the problem")
        until(lambda: not service.ready["problems"], 20, "another child")
    assert senders.statuses.keys() == {202}
    until_drained(service.state)
    assert_all_stored_once(senders.acknowledged, service.state / "history.sqlite")


def test_an_intake_that_is_frozen_is_replaced_and_meanwhile_reports_are_taken(service: Service) -> None:
    frozen = intake(service)
    frozen.send_signal(signal.SIGSTOP)
    assert [send(service, body(NODES[0], number)) for number in range(40_000, 40_020)] == [202] * 20
    assert len(waiting(service.state)) == 20
    until(lambda: not frozen.is_running() or frozen.status() == psutil.STATUS_ZOMBIE, 20, "its end")
    until_drained(service.state)
    assert_all_stored_once(range(40_000, 40_020), service.state / "history.sqlite")


def test_a_database_that_somebody_holds_keeps_reports_waiting_and_is_said(service: Service) -> None:
    database = service.state / "history.sqlite"
    intake(service)
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        numbers = range(50_000, 50_020)
        assert [send(service, body(NODES[0], number)) for number in numbers] == [202] * 20
        said = until(lambda: [one for one in service.ready["problems"] if "locked" in one], 60, "the problem")
        assert "reports of Puppet runs wait in the spool" in said[0]
        assert "end whatever has it open for long" in said[0]
        assert len(waiting(service.state)) == 20
        until(lambda: metric(service, "enclume_reports_spooled") == 20, 5, "the count of what waits")
        assert service.bodies(*NODES)
        holder.execute("ROLLBACK")
    until_drained(service.state)
    assert_all_stored_once(numbers, database)
    until(lambda: not service.ready["problems"], 10, "the problem to go")


def test_garbage_is_refused_or_kept_aside_and_stops_nothing(service: Service) -> None:
    rejected = service.state / "spool" / "rejected"
    bombs = (
        BEGIN + b"host: [\n",
        BEGIN + b"a: &a [x, x]\nb: &b [*a, *a]\nhost: *b\n",
        BEGIN + b"\x00\xff" * 1000,
        BEGIN + b"[" * 50_000,
        BEGIN + os.urandom(100_000),
    )
    assert [send(service, bomb) for bomb in (b"", b"x", b"\x1f\x8b\x08junk", os.urandom(1000))] == [400] * 4
    assert [send(service, bomb) for bomb in bombs] == [202] * len(bombs)
    assert send(service, body(NODES[0], 3)) == 202
    until(lambda: 3 in stored(service.state / "history.sqlite"), 20, "the good report")
    assert len(list(rejected.glob("*.report"))) == len(list(rejected.glob("*.reason"))) == len(bombs)
    until(
        lambda: metric(service, 'enclume_reports_rejected_total{reason="cannot be read"}') == len(bombs), 5, "the count"
    )


def test_who_sends_half_a_report_is_ended_and_nothing_of_it_is_kept(service: Service) -> None:
    report = body(NODES[0], 60_000)
    head = f"POST /reports HTTP/1.1\r\nHost: x\r\nContent-Length: {len(report)}\r\n\r\n".encode()
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as slow:
        slow.sendall(head + report[: len(report) // 2])
        assert slow.recv(1000) == b""
    assert 1 < time.monotonic() - begin < 8
    assert send(service, body(NODES[0], 60_001)) == 202
    until(lambda: 60_001 in stored(service.state / "history.sqlite"), 20, "the whole report")
    assert 60_000 not in stored(service.state / "history.sqlite")
