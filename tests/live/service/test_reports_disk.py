"""A disk that is full while reports come: they are refused with a sentence, and what was acknowledged is safe."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.freezing import freeze
from tests.live.service.disk import fill, inside, service_on_disk
from tests.live.service.senders import assert_all_stored_once, send, until_drained, waiting
from tests.live.service.test_reports_killed import intakes
from tests.reports.spooling import body
from tests.waiting import until


def test_a_full_disk_refuses_reports_keeps_what_was_acknowledged_and_recovers_by_itself(tmp_path: Path) -> None:
    with service_on_disk(tmp_path, 3000) as service:
        state = inside(service, tmp_path)
        assert [send(service, body(run=run)) for run in range(20)] == [202] * 20
        until_drained(state)
        filler = state / "filler"
        fill(filler)
        reply = service.ask("POST", "/reports", body(run=20))
        assert reply.status == 507
        assert "make room on this disk" in json.loads(reply.body)["error"]
        assert any("make room on this disk" in problem for problem in service.ready["problems"])
        assert list((state / "spool").glob(".*")) == []
        filler.unlink()
        assert [send(service, body(run=run)) for run in range(21, 30)] == [202] * 9
        until_drained(state)
        until(lambda: not service.ready["problems"], 20, "the problem to go")
        # SQLite opens no file below another process's root.
        for path in state.glob("history.sqlite*"):
            shutil.copy(path, tmp_path)
        assert_all_stored_once([*range(20), *range(21, 30)], tmp_path / "history.sqlite")


def test_reports_that_fill_the_disk_of_their_history_are_drained_without_anybody_making_room(tmp_path: Path) -> None:
    with service_on_disk(tmp_path, 8192) as service:
        state = inside(service, tmp_path)
        assert send(service, body(run=0)) == 202
        until_drained(state)
        (intake,) = intakes(service)
        freeze(intake.pid)
        statuses = [send(service, body(run=run)) for run in range(1, 1000)]
        assert set(statuses) == {202, 507}
        acknowledged = statuses.count(202)
        assert statuses[:acknowledged] == [202] * acknowledged
        assert len(waiting(state)) == acknowledged
        assert 512 << 10 <= shutil.disk_usage(state).free < 544 << 10
        intake.resume()
        until_drained(state)
        assert send(service, body(run=1000)) == 202
        until_drained(state)
        until(lambda: not service.ready["problems"], 20, "the problem to go")
        for path in state.glob("history.sqlite*"):
            shutil.copy(path, tmp_path)
        assert_all_stored_once([*range(acknowledged + 1), 1000], tmp_path / "history.sqlite")


def test_a_spool_that_fills_while_the_database_is_held_keeps_every_acknowledged_report(tmp_path: Path) -> None:
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    disk.mkdir()
    elsewhere.mkdir()
    database = elsewhere / "history.sqlite"
    with service_on_disk(disk, 1000, database=f"sqlite:///{database}") as service:
        assert send(service, body(run=0)) == 202
        state = inside(service, disk)
        until_drained(state)
        with closing(sqlite3.connect(database, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            statuses = [send(service, body(run=run)) for run in range(1, 200)]
            assert set(statuses) == {202, 507}
            taken = statuses.index(507)
            assert statuses[:taken] == [202] * taken
            assert len(waiting(state)) == statuses.count(202)
            service.kill()
            holder.execute("ROLLBACK")
        service.start()
        until(lambda: service.status("/health/live") == 200, 20, "the service")
        state = inside(service, disk)
        until_drained(state)
        assert_all_stored_once([0, *(run for run, one in enumerate(statuses, 1) if one == 202)], database)
        assert send(service, body(run=300)) == 202
