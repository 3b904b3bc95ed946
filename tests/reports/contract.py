"""What the history does on every database: the tests that SQLite and PostgreSQL must both pass."""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import Table, func, select

from errors import HistoryError
from reports.history import History
from reports.last import last_runs
from reports.reader import Reader
from reports.report import Event, LogLine, Place, Received, Report, Resource
from reports.tables import events, logs, nodes, resources, runs, surroundings
from tests.reports.runs import MAIL, NOON, WEB, changed, content, failed, received, run_id

# One history takes all examples, and each database has the contract as a subclass of its own.
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]


class Kept:
    """A history with a reader of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.history, self.reader = History(url), Reader(url)

    def store(self, *received: Received) -> int:
        return self.history.store(received)

    def rows(self, table: Table, *columns: str) -> list[Any]:
        """All rows of a table, or these columns of them."""
        with self.reader.reading() as connection:
            asked = select(*(table.c[name] for name in columns)) if columns else select(table)
            return list(connection.execute(asked.order_by(*table.primary_key)))

    def count(self, table: Table) -> int:
        with self.reader.reading() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    def last(self, certname: str = WEB) -> Any:
        with self.reader.reading() as connection:
            return last_runs(connection)[certname]

    def close(self) -> None:
        self.history.close()
        self.reader.close()


class HasUrl:
    """Subclass the contracts with a fixture `url` of a new, empty database."""

    @pytest.fixture
    def kept(self, url: str) -> Iterator[Kept]:
        kept = Kept(url)
        yield kept
        kept.close()


class StoreContract(HasUrl):
    """Storing reports."""

    def test_a_run_is_kept_with_where_it_ran(self, kept: Kept) -> None:
        place = Place("angers", "kvm1-angers.lab.test")
        assert kept.store(received(WEB, NOON, uuid=run_id("one"), place=place, came=NOON + 3)) == 1
        (run,) = kept.rows(runs)
        assert (run.uuid, run.status, run.quiet, run.noop) == (run_id("one"), "unchanged", True, False)
        assert (run.started, run.ended, run.received) == (NOON - 12.5, NOON, NOON + 3)
        assert (run.resources, run.failed, round(run.retrieval_seconds, 2)) == (412, 0, 3.38)
        (node,) = kept.rows(nodes)
        assert (node.certname, node.id, node.last_id) == (WEB, run.node_id, run.id)
        (around,) = kept.rows(surroundings)
        assert tuple(around)[1:] == ("production", "7.23.0", "puppet.lab.test", "angers", "kvm1-angers.lab.test")
        assert around.id == run.surroundings_id

    def test_an_unchanged_run_is_one_row_and_nothing_else(self, kept: Kept) -> None:
        fast = (Resource(name="File[/etc/motd]", seconds=0.1), Resource(name="Exec[x]", skipped=True))
        lines = (LogLine(level="notice", message="Applied catalog in 0.06 seconds"),)
        kept.store(received(WEB, NOON, resources=fast, logs=lines), received(MAIL, NOON))
        assert [kept.count(table) for table in (runs, surroundings, resources, events, logs)] == [2, 1, 0, 0, 0]
        assert {(row.metrics, row.catalog_uuid) for row in kept.rows(runs)} == {(None, None)}

    def test_what_happened_is_kept_whole(self, kept: Kept) -> None:
        event = content(corrective=True, redacted=True, message="content changed")
        motd = Resource(
            name="File[/etc/motd]", file="/site.pp", line=7, seconds=0.2, changed=True, corrective=True, events=(event,)
        )
        line = LogLine(level="notice", message="content changed", source="/Stage[main]", time=NOON, file="a.pp", line=3)
        kept.store(changed(WEB, NOON, resources=(motd,), logs=(line,), corrective=True, catalog_uuid=run_id("catalog")))
        (run,), (resource,), (happened,), (log,) = (kept.rows(table) for table in (runs, resources, events, logs))
        assert (run.quiet, run.corrective, run.catalog_uuid) == (False, True, run_id("catalog"))
        assert tuple(resource) == (
            *(run.id, 0, run.node_id, 7, NOON, 0.2, True, False, False, True),
            *("File[/etc/motd]", "/site.pp"),
        )
        assert tuple(happened) == (
            *(run.id, 0, 0, NOON, True, True, "success", "content", "content_changed"),
            *(event.previous, event.desired, "content changed"),
        )
        assert tuple(log) == (run.id, 0, 3, NOON, "notice", "content changed", "/Stage[main]", "a.pp")

    def test_a_run_is_kept_once_however_often_it_comes(self, kept: Kept) -> None:
        one, other = changed(WEB, NOON), failed(MAIL, NOON)
        assert kept.store(one, one, other) == 2
        before = [kept.rows(table) for table in (nodes, runs, resources, events, logs)]
        assert kept.store(other, one) == 0
        assert kept.store(one, received(WEB, NOON + 60), one) == 1
        after = [kept.rows(table) for table in (nodes, runs, resources, events, logs)]
        assert [len(rows) for rows in after] == [2, 3, *(len(rows) for rows in before[2:])]
        assert kept.store() == 0

    def test_a_uuid_in_capitals_is_the_same_run(self, kept: Kept) -> None:
        assert kept.store(received(uuid=run_id("one"))) == 1
        assert kept.store(received(uuid=run_id("one").upper())) == 0

    def test_a_batch_is_kept_as_a_whole_or_not_at_all(self, kept: Kept) -> None:
        with kept.history.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE logs RENAME TO elsewhere")
        with pytest.raises(HistoryError):
            kept.store(received(MAIL), changed(WEB))
        assert [kept.count(table) for table in (nodes, runs, resources)] == [0, 0, 0]
        with kept.history.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO logs")
        assert kept.store(received(MAIL), changed(WEB)) == 2

    def test_writers_at_the_same_time_keep_each_run_once(self, kept: Kept) -> None:
        """Two instances that were sent the same reports, in another order."""
        batch = [changed(f"web{number % 7}.lab.test", NOON + number, files=1) for number in range(120)]
        both = threading.Barrier(2)

        def write(mine: list[Received]) -> int:
            history = History(kept.url)
            both.wait(10)
            stored = sum(history.store(mine[start : start + 10]) for start in range(0, len(mine), 10))
            history.close()
            return stored

        with ThreadPoolExecutor(2) as pool:
            stored = list(pool.map(write, [batch, batch[::-1]]))
        assert sum(stored) == 120
        assert [kept.count(table) for table in (runs, resources, events)] == [120, 120, 120]
        assert kept.last("web0.lab.test").ended_at == NOON + 119

    def test_several_that_start_at_once_prepare_it_once(self, url: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            for history in pool.map(History, [url] * 4):
                history.close()
        kept = Kept(url)
        assert kept.store(received()) == 1
        kept.close()

    @settings(max_examples=30, suppress_health_check=SHARED)
    @given(
        text=some.text(some.characters(exclude_categories=())) | some.sampled_from(["\0", "\ud800", "é" * 9000]),
        time=some.floats(),
        number=some.integers(),
    )
    def test_nothing_that_a_node_says_makes_the_writing_fail(
        self, kept: Kept, text: str, time: float, number: int
    ) -> None:
        event = Event(property=text, status="failure", previous=text, message=text, name=text, time=time)
        report = Report(
            certname=WEB,
            uuid=text or "none",
            format=number,
            status="failed",
            started=time,
            ended=time,
            environment=text,
            puppet_version=text,
            server=text,
            configuration_version=text,
            catalog_uuid=text,
            code_id=text,
            cached_catalog=text,
            counts={"total": number, text: number},
            times={"total": time, text: time},
            events={text: number},
            changes=number,
            resources=(Resource(name=text, file=text, line=number, seconds=time, failed=True, events=(event,)),),
            logs=(LogLine(level=text, message=text, source=text, time=time, file=text, line=number),),
        )
        assert kept.store(Received(report, NOON, Place(text, text))) in {0, 1}
        assert kept.last().ended_at <= NOON

    def test_long_texts_are_cut_with_a_sign(self, kept: Kept) -> None:
        kept.store(failed(resource="File[" + "x" * 5000 + "]", logs=(LogLine(level="err", message="y" * 20_000),)))
        ((name,),) = kept.rows(resources, "name")
        ((message,),) = kept.rows(logs, "message")
        assert (len(name), name[-1], len(message), message[-1]) == (600, "…", 10_000, "…")


class LastRunContract(HasUrl):
    """The last run of each node."""

    def test_it_is_the_newest_with_all_that_verdicts_and_metrics_ask(self, kept: Kept) -> None:
        kept.store(received(WEB, NOON), failed(MAIL, NOON + 60))
        kept.store(changed(WEB, NOON + 1800, noop=True))
        last = kept.last()
        assert (last.certname, last.ended_at, last.last_success, last.status) == (
            *(WEB, NOON + 1800, NOON + 1800, "changed"),
        )
        assert (last.noop, last.cached_catalog, last.duration, last.environment) == (True, False, 12.4257, "production")
        assert (last.resources["total"], last.resources["changed"], last.changes, last.completed) == (412, 5, 5, True)
        assert (last.times["config_retrieval"], last.events["total"]) == (3.3812, 0)
        assert (kept.last(MAIL).status, kept.last(MAIL).last_success) == ("failed", 0.0)

    def test_an_older_report_that_comes_late_changes_nothing(self, kept: Kept) -> None:
        kept.store(received(WEB, NOON))
        kept.store(changed(WEB, NOON - 1800), failed(WEB, NOON - 3600))
        assert (kept.last().ended_at, kept.last().status) == (NOON, "unchanged")

    def test_a_late_report_of_a_success_counts_as_the_last_one_if_it_is(self, kept: Kept) -> None:
        kept.store(failed(WEB, NOON))
        kept.store(received(WEB, NOON - 3600))
        kept.store(received(WEB, NOON - 7200))
        assert (kept.last().status, kept.last().ended_at, kept.last().last_success) == ("failed", NOON, NOON - 3600)

    def test_the_order_within_a_batch_does_not_matter(self, kept: Kept) -> None:
        batch = [failed(WEB, NOON + 60), received(WEB, NOON - 60), changed(WEB, NOON)]
        for number, rotated in enumerate((batch, batch[1:] + batch[:1], batch[2:] + batch[:2])):
            name = f"web{number}.lab.test"
            kept.store(*(received_as(name, one) for one in rotated))
            last = kept.last(name)
            assert (last.status, last.ended_at, last.last_success) == ("failed", NOON + 60, NOON)

    def test_a_report_that_comes_twice_changes_nothing(self, kept: Kept) -> None:
        first = failed(WEB, NOON)
        kept.store(first)
        kept.store(received(WEB, NOON + 60))
        kept.store(first)
        assert (kept.last().status, kept.last().ended_at) == ("unchanged", NOON + 60)

    def test_a_clock_ahead_ends_with_the_receipt(self, kept: Kept) -> None:
        """Otherwise that run would be the last one for years, and the node never late."""
        kept.store(received(WEB, NOON + 1e8, came=NOON))
        assert kept.last().ended_at == NOON
        kept.store(failed(WEB, NOON + 60))
        assert kept.last().status == "failed"

    def test_an_old_catalog_is_told(self, kept: Kept) -> None:
        kept.store(received(WEB, cached_catalog="on_failure"), received(MAIL, cached_catalog="explicitly_requested"))
        assert (kept.last(WEB).cached_catalog, kept.last(MAIL).cached_catalog) == (True, False)

    def test_some_nodes_can_be_asked_for(self, kept: Kept) -> None:
        kept.store(*(received(f"web{number}.lab.test") for number in range(600)))
        with kept.reader.reading() as connection:
            assert set(last_runs(connection, ["web1.lab.test", "nobody.lab.test"])) == {"web1.lab.test"}
            assert len(last_runs(connection, [f"web{number}.lab.test" for number in range(600)])) == 600
            assert last_runs(connection, []) == {}

    def test_what_it_took_is_from_begin_to_end_where_a_report_does_not_say(self, kept: Kept) -> None:
        kept.store(received(WEB, NOON, times={}), received(MAIL, NOON, times={"total": math.nan}))
        assert (kept.last(WEB).duration, kept.last(MAIL).duration) == (12.5, 12.5)


def received_as(name: str, one: Received) -> Received:
    """The same run of another node."""
    made = failed if one.report.status == "failed" else changed if one.report.status == "changed" else received
    return made(name, one.report.ended)
