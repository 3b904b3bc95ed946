"""A child after one that ended: careful at first, and in the end without the report that ended those before it."""

from pathlib import Path

import pytest

from errors import HistoryError
from reports.child_drain import is_deadly
from reports.entry import Form
from reports.parse import parse
from reports.rejected import kept
from reports.report import Report
from reports.spool import Spool
from tests.reports.draining import Draining, draining
from tests.reports.spooling import MemoryHistory, body, names, put, spool
from tests.waiting import until


class Ended(BaseException):
    """Stands for the end of the process."""


def fatal(text: bytes, form: Form) -> Report:
    if b"deadly.lab.test" in text:
        raise Ended
    return parse(text, form)


@pytest.fixture
def of(tmp_path: Path) -> Spool:
    return spool(tmp_path)


def test_after_an_end_reports_are_read_one_by_one_and_then_together_again(of: Spool) -> None:
    put(of, *(body("a.lab.test", number) for number in range(90)))
    with draining(of, MemoryHistory(), ends=1) as running:
        running.until_empty()
    assert [one.count for one in running.drained] == [1] * 50 + [40]
    assert not (of.folder / "reading").exists()


def test_a_report_that_takes_long_to_end_its_readers_is_kept_aside_too(of: Spool) -> None:
    """Each of them lived for so long that it is the first end in a row; the first one read many together."""
    put(of, *(body("a.lab.test", number) for number in range(60)), body("deadly.lab.test", 60), body("b.lab.test", 61))
    deadly, history = names(of)[60], MemoryHistory()
    for ends in (0, 1, 1, 1):
        with pytest.raises(Ended):
            Draining(of, history, ends, fatal).drain.run()
    assert (len(names(of)), history.runs) == (2, set(range(60)))
    with draining(of, history, ends=1, reader=fatal) as running:
        running.until_empty()
    assert history.runs == {*range(60), 61}
    (rejected,) = kept(of.folder)
    assert rejected.path.name == deadly
    assert rejected.reason == "ends the intake: 3 intake children in a row ended while they read or stored it alone"


def test_a_child_that_is_told_to_stop_leaves_nobody_marked(of: Spool) -> None:
    """What it read just then waited for its database, and ended no reader."""
    history = MemoryHistory()
    with draining(of, history, ends=1) as running:
        until(lambda: running.said, what="its first words")
        history.error = HistoryError("db", "unreachable", "refused", "start it")
        put(of, body("a.lab.test"))
        running.drain.wake.set()
        until((of.folder / "reading").exists, what="a report to be read")
    assert not (of.folder / "reading").exists()
    assert len(names(of)) == 1


def test_where_every_child_ends_early_few_reports_are_kept_aside() -> None:
    """However often the same one was being read."""
    assert [ends for ends in range(3, 100) if is_deadly(ends, ends)] == [3, 6, 12, 24, 48, 96]
    assert [times for times in range(6) if is_deadly(1, times)] == [3, 4, 5]
