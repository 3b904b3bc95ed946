"""How far the drain is: until when the spool was read, so that nobody takes what still waits there for not sent."""

import time
from pathlib import Path

from errors import HistoryError
from reports.messages import Ran
from reports.spool import put_at
from tests.reports.draining import draining
from tests.reports.spooling import MemoryHistory, body, names, put, spool
from tests.waiting import until

AWAY = HistoryError("db", "unreachable", "connection refused", "start it")


def test_it_says_until_when_the_spool_was_read_once_the_runs_are_said(tmp_path: Path) -> None:
    of = spool(tmp_path)
    history, began = MemoryHistory(), time.time()
    history.error = AWAY
    put(of, body("a.lab.test", 1), body("b.lab.test", 2))
    with draining(of, history) as running:
        until(lambda: AWAY.reason in running.state.lives().problem, what="the problem")
        first, put_until = running.state.lives().read_until, time.time()
        assert began <= first == put_at(names(of)[0]) <= put_until
        history.error = None
        until(lambda: running.state.lives().read_until > put_until, 20, "all to be read")
        assert {run.certname for one in running.said if isinstance(one, Ran) for run in one.runs} == {
            "a.lab.test",
            "b.lab.test",
        }


def test_a_file_that_no_writer_here_named_says_nothing_of_its_time() -> None:
    assert put_at("1764244800500000000-7-0.report") == 1764244800.5
    assert (put_at("found-elsewhere.report"), put_at("\u00b2-7-0.report")) == (0.0, 0.0)
