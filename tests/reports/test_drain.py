"""The drain: into the history and only then out of the spool, whatever fails; what makes no sense is kept aside."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import HistoryError
from generation.lock import Lock
from reports.backlog import Backlog
from reports.child_drain import may_be_deadly
from reports.child_outbox import Outbox
from reports.child_state import State, tell
from reports.entry import Form
from reports.messages import Forgotten, Known, Lives, Message, Ran, Spooled
from reports.parse import parse
from reports.rejected import kept
from reports.report import Report
from reports.spool import Spool
from tests.reports.draining import Draining, draining
from tests.reports.spooling import PLACE, MemoryHistory, body, names, put, spool, uuid_of
from tests.waiting import until

AWAY = HistoryError("db", "unreachable", "connection refused", "start it")
JUNK = b"--- !ruby/object:Puppet::Transaction::Report\nhost: [\n"


@pytest.fixture
def of(tmp_path: Path) -> Spool:
    return spool(tmp_path)


def test_what_waits_is_stored_with_its_place_and_leaves_the_spool(of: Spool) -> None:
    put(of, body("a.lab.test", 1), body("b.lab.test", 2), body("a.lab.test", 1))
    with draining(of, MemoryHistory()) as running:
        running.until_empty()
    kept_ones = running.history.kept
    assert {key: one.report.certname for key, one in kept_ones.items()} == {
        uuid_of(1): "a.lab.test",
        uuid_of(2): "b.lab.test",
    }
    assert (kept_ones[uuid_of(1)].received, kept_ones[uuid_of(1)].place) == (1000.0, PLACE)
    (drained,) = running.drained
    assert (drained.count, drained.bytes, drained.stored, drained.rejected) == (3, 3 * 12288, 2, {})


def test_the_last_runs_are_said_at_the_start_and_then_those_that_are_newer(of: Spool) -> None:
    history = MemoryHistory()
    put(of, body("a.lab.test", 1))
    with draining(of, history) as first:
        first.until_empty()
        until(lambda: any(isinstance(one, Ran) for one in first.said), what="the run")
    assert [one for one in first.said if isinstance(one, Known)] == [Known((), is_whole=True)]
    put(of, body("a.lab.test", 1), body("b.lab.test", 2))
    with draining(of, history) as again:
        again.until_empty()
        until(lambda: any(isinstance(one, Ran) for one in again.said), what="the run")
    known = [one for one in again.said if isinstance(one, Known)]
    assert [(one.is_whole, [run.certname for run in one.runs]) for one in known] == [
        (False, ["a.lab.test"]),
        (True, []),
    ]
    assert [run.certname for one in again.said if isinstance(one, Ran) for run in one.runs] == ["b.lab.test"]


def test_a_history_that_is_away_keeps_all_waiting_and_is_said(of: Spool) -> None:
    history = MemoryHistory()
    with draining(of, history) as running:
        until(lambda: history.asked, what="the start")
        history.error = AWAY
        put(of, body("a.lab.test", 1))
        running.drain.wake.set()
        until(lambda: running.state.problem, what="the problem")
        assert running.state.problem == "reports of Puppet runs wait in the spool: db: connection refused; start it"
        assert len(names(of)) == 1
        history.error = None
        running.until_empty()
        assert running.state.problem == ""
    assert history.runs == {1}


def test_a_history_that_is_away_at_the_start_is_waited_for_and_an_end_is_not(of: Spool) -> None:
    history = MemoryHistory()
    history.error = AWAY
    put(of, body())
    with draining(of, history) as running:
        until(lambda: running.state.problem, what="the problem")
    assert len(names(of)) == 1
    assert running.said == [Spooled(1, 12288)]


def test_what_makes_no_sense_is_kept_aside_with_its_reason_and_the_others_are_stored(of: Spool) -> None:
    put(of, body("a.lab.test", 1), JUNK, body("b.lab.test", 2))
    damaged = of.folder / names(of)[0]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with draining(of, MemoryHistory()) as running:
        running.until_empty()
    assert running.history.runs == {2}
    (drained,) = running.drained
    assert drained.rejected == {"damaged in the spool": 1, "cannot be read": 1}
    assert len(drained.sentences) == 2
    first, second = kept(of.folder)
    assert first.reason == "damaged in the spool: is cut short: it does not end with its checksum"
    assert second.reason.startswith("cannot be read: ")
    assert JUNK in second.path.read_bytes()


def test_what_fails_its_reader_in_any_way_is_kept_aside(of: Spool) -> None:
    put(of, body("a.lab.test", 1), body("b.lab.test", 2))

    def spoilt(text: bytes, form: Form) -> Report:
        if b"a.lab.test" in text:
            raise MemoryError("too large")
        return parse(text, form)

    with draining(of, MemoryHistory(), reader=spoilt) as running:
        running.until_empty()
    assert running.history.runs == {2}
    (rejected,) = kept(of.folder)
    assert rejected.reason == "cannot be read: reading it failed: MemoryError: too large"


def test_what_the_history_refuses_for_its_content_stops_no_other(of: Spool) -> None:
    history = MemoryHistory()
    history.refuses = {"b.lab.test"}
    put(of, body("a.lab.test", 1), body("b.lab.test", 2), body("c.lab.test", 3))
    with draining(of, history) as running:
        running.until_empty()
    assert history.runs == {1, 3}
    (rejected,) = kept(of.folder)
    assert rejected.reason == "cannot be stored: value out of range"
    assert running.drained[0].rejected == {"cannot be stored": 1}


def test_one_of_two_drains_waits_for_the_other_and_knows_the_runs_meanwhile(of: Spool) -> None:
    history, lock = MemoryHistory(), Lock(str(of.folder))
    assert lock.try_acquire()
    put(of, body())
    with draining(of, history) as running:
        until(lambda: any(isinstance(one, Known) for one in running.said), what="the last runs")
        assert len(names(of)) == 1
        assert not running.state.is_reading
        lock.release()
        running.until_empty()
        assert running.state.is_reading


def test_a_report_that_ends_every_reader_is_kept_aside_at_last(of: Spool) -> None:
    put(of, body("a.lab.test", 1), body("b.lab.test", 2))
    deadly = names(of)[0]

    class Ended(BaseException):
        """Stands for the end of the process."""

    def fatal(text: bytes, form: Form) -> Report:
        if b"a.lab.test" in text:
            raise Ended
        return parse(text, form)

    history = MemoryHistory()
    for ends in range(3):
        with pytest.raises(Ended):
            Draining(of, history, ends, fatal).drain.run()
    assert (len(names(of)), history.runs) == (2, set())
    with draining(of, history, ends=3) as running:
        running.until_empty()
    assert history.runs == {2}
    (rejected,) = kept(of.folder)
    assert rejected.path.name == deadly
    assert rejected.reason == "ends the intake: 2 intake children in a row ended while they read or stored it alone"
    assert not (of.folder / "reading").exists()


def test_readers_that_somebody_kills_cost_no_report(of: Spool) -> None:
    """Three in a row, each while it reads another one: none of them is why."""
    put(of, *(body("a.lab.test", number) for number in range(3)))

    class Killed(BaseException):
        """Stands for the end of the process."""

    def killed(text: bytes, form: Form) -> Report:
        left = names(of)
        if len(left) + ends == 4:
            raise Killed
        return parse(text, form)

    history = MemoryHistory()
    for ends in range(1, 3):
        with pytest.raises(Killed):
            Draining(of, history, ends, killed).drain.run()
    assert len(names(of)) == 2
    with draining(of, history, ends=3) as running:
        running.until_empty()
    assert history.runs == {0, 1, 2}
    assert not list(kept(of.folder))


def test_one_that_is_stopped_before_the_spool_is_its_own_leaves_the_others_mark(of: Spool) -> None:
    put(of, body("a.lab.test", 1))
    other, backlog = Lock(str(of.folder)), Backlog(of.folder)
    assert other.try_acquire()
    backlog.mark(names(of)[0])
    try:
        with draining(of, MemoryHistory(), ends=3) as running:
            until(lambda: any(isinstance(one, Known) for one in running.said), what="the last runs")
    finally:
        other.release()
    assert backlog.marked() == (names(of)[0], 1)


def test_it_says_once_a_second_that_it_lives_and_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVERY", "_LONG", "_TOO_LONG"):
        monkeypatch.setattr(f"reports.child_state.{name}", 0.01)
    state, stopping = State(), threading.Event()
    heard: list[Lives] = []
    with state.doing("storing reports"):
        tell(state, heard.append, stopping, stopping.set)
    assert heard[0].problem == ""
    assert any("storing reports has taken" in one.problem for one in heard)
    assert state.lives().problem == ""


def test_a_child_whose_service_is_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "wb", buffering=0) as stream:
        _say(Outbox(stream).say)
    assert ended == [0]


def _say(say: Callable[[Message], None]) -> None:
    say(Lives())


def test_what_cannot_be_opened_is_kept_aside_and_holds_nobody_up(of: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    put(of, body("a.lab.test", 1), body("b.lab.test", 2))
    (of.folder / "folder.report").mkdir()
    (of.folder / "loop.report").symlink_to("loop.report")
    forbidden, real = names(of)[0], Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    with draining(of, MemoryHistory()) as running:
        until(lambda: sum(one.count for one in running.drained) == 2, what="both to leave the spool")
    assert running.history.runs == {2}
    (rejected,) = kept(of.folder)
    assert rejected.path.name == forbidden
    assert rejected.reason == "damaged in the spool: cannot be opened or read: Permission denied"


def test_a_node_that_the_history_forgets_is_said_to_be_gone(of: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    history = MemoryHistory()
    put(of, body("a.lab.test", 1), body("b.lab.test", 2))
    with draining(of, history) as running:
        running.until_empty()
        until(lambda: any(isinstance(one, Ran) for one in running.said), what="the runs")
        del history.kept[uuid_of(1)]
        monkeypatch.setattr("reports.child_drain._REFRESH", 0.0)
        running.drain.wake.set()
        whole = [Known(tuple(history.last().values()), is_whole=False), Known((), is_whole=True)]
        until(lambda: [one for one in running.said if isinstance(one, Known)][-2:] == whole, what="one node less")


@pytest.mark.parametrize("is_reading", [True, False])
def test_a_node_that_nobody_wants_is_forgotten_step_by_step(of: Spool, *, is_reading: bool) -> None:
    """Also by the child that waits until another has done with the spool."""
    history, lock = MemoryHistory(), Lock(str(of.folder))
    put(of, body("a.lab.test", 1), body("b.lab.test", 2), body("a.lab.test", 3))
    with draining(of, history) as first:
        first.until_empty()
    assert is_reading or lock.try_acquire()
    with draining(of, history) as running:
        until(lambda: Known((), is_whole=True) in running.said, what="the start")
        running.drain.forget("a.lab.test")
        running.drain.wake.set()
        until(lambda: Forgotten("a.lab.test") in running.said, what="the node to be forgotten")
        assert history.runs == {2}
    lock.release()


def test_who_waits_for_its_turn_tells_how_much_waits(of: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.child_drain._IDLE", 0.05)
    lock = Lock(str(of.folder))
    assert lock.try_acquire()
    with draining(of, MemoryHistory()) as running:
        put(of, body())
        until(lambda: Spooled(1, 12288) in running.said, what="the count")
    lock.release()


def test_only_now_and_then_is_a_report_taken_to_end_its_readers() -> None:
    assert [ends for ends in range(100) if may_be_deadly(ends)] == [3, 6, 12, 24, 48, 96]
