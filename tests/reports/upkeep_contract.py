"""Retention, reading, and the tables' revisions, on every database."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text, update

from errors import HistoryError
from reports import tables
from reports.database import revision, where, writer
from reports.history import History
from reports.last import last_runs
from reports.migrate import SCRIPTS, prepare
from reports.reader import Reader
from reports.retention import forget, prune
from reports.tables import events, logs, nodes, resources, runs
from tests.reports.contract import HasUrl, Kept
from tests.reports.runs import MAIL, NOON, WEB, changed, failed, received

DAY = 86_400.0
ENDLESS = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
LATER = """\
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("runs", recreate="auto") as batch:
        batch.alter_column("configuration_version", new_column_name="version_of_configuration")
    with op.batch_alter_table("resources") as batch:
        batch.add_column(sa.Column("later", sa.Text(), nullable=False, server_default="then"))
"""
WRONG = '    op.drop_table("nowhere")\n'


class RetentionContract(HasUrl):
    """Removing what is old."""

    def test_what_is_older_goes_with_all_that_it_said(self, kept: Kept) -> None:
        kept.store(changed(WEB, NOON - 3 * DAY), failed(WEB, NOON - 2 * DAY), changed(WEB, NOON))
        assert not prune(kept.history, NOON - DAY)
        assert [row.ended for row in kept.rows(runs)] == [NOON]
        assert {row.ended for row in kept.rows(resources)} == {NOON}
        (run,) = kept.rows(runs)
        assert {row.run_id for table in (events, logs) for row in kept.rows(table)} == {run.id}

    def test_the_last_run_of_a_node_stays_however_old(self, kept: Kept) -> None:
        kept.store(received(WEB, NOON - 400 * DAY), changed(WEB, NOON - 399 * DAY), received(MAIL, NOON - 500 * DAY))
        assert not prune(kept.history, NOON)
        assert sorted(row.ended for row in kept.rows(runs)) == [NOON - 500 * DAY, NOON - 399 * DAY]
        assert kept.count(events) == 5
        assert kept.last(MAIL).ended_at == NOON - 500 * DAY

    def test_it_goes_by_small_batches_the_oldest_first(self, kept: Kept) -> None:
        kept.store(*(received(WEB, NOON - number * DAY) for number in range(8)))
        assert prune(kept.history, NOON, 3)
        assert min(row.ended for row in kept.rows(runs)) == NOON - 4 * DAY
        assert prune(kept.history, NOON, 3)
        assert not prune(kept.history, NOON, 3)
        assert kept.count(runs) == 1

    def test_a_run_that_says_much_goes_by_and_by_with_no_more_rows_at_once_than_allowed(self, kept: Kept) -> None:
        kept.store(changed(WEB, NOON - 2 * DAY, files=20), changed(WEB, NOON - DAY, files=3), received(WEB, NOON))
        left = [kept.count(table) for table in (runs, events, resources, logs)]
        assert left == [3, 23, 23, 23]
        while prune(kept.history, NOON, rows=8):
            before, left = left, [kept.count(table) for table in (runs, events, resources, logs)]
            assert sum(before[1:]) - sum(left[1:]) <= 8
        assert [kept.count(table) for table in (runs, events, resources, logs)] == [1, 0, 0, 0]
        assert kept.last(WEB).ended_at == NOON

    def test_two_that_prune_at_once_are_not_in_each_others_way(self, kept: Kept) -> None:
        kept.store(*(changed(WEB, NOON - number, files=1) for number in range(200)))

        def all_of_it(history: History) -> None:
            while prune(history, NOON + 1, 10):
                pass

        other = History(kept.url)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(all_of_it, [kept.history, other]))
        other.close()
        all_of_it(kept.history)
        assert [kept.count(table) for table in (runs, resources, events)] == [1, 1, 1]

    def test_a_node_that_is_forgotten_leaves_nothing(self, kept: Kept) -> None:
        kept.store(*(changed(WEB, NOON - number) for number in range(5)), received(MAIL))
        assert forget(kept.history, WEB, 2, 7)
        while forget(kept.history, WEB, 2, 7):
            pass
        assert [row.certname for row in kept.rows(nodes)] == [MAIL]
        assert [kept.count(table) for table in (runs, resources, events, logs)] == [1, 0, 0, 0]
        assert not forget(kept.history, "nobody.lab.test")

    def test_a_node_that_another_instance_forgot_can_report_again(self, kept: Kept) -> None:
        kept.store(received(WEB, NOON))
        other = History(kept.url)
        assert not forget(other, WEB)
        other.store([received("new.lab.test", NOON)])
        other.close()
        assert kept.store(received(WEB, NOON + 60)) == 1
        assert (kept.last(WEB).ended_at, kept.last("new.lab.test").ended_at) == (NOON + 60, NOON)


class ReaderContract(HasUrl):
    """Reading beside the writer."""

    def test_a_reader_sees_one_instant_and_the_writer_does_not_wait_for_it(self, kept: Kept) -> None:
        kept.store(received())
        with kept.reader.reading() as connection:
            counted = select(func.count()).select_from(runs)
            assert connection.execute(counted).scalar() == 1
            assert kept.store(received(MAIL)) == 1
            assert not prune(kept.history, NOON + 1)
            assert connection.execute(counted).scalar() == 1
        assert kept.count(runs) == 2

    def test_a_reader_does_not_wait_for_the_writer(self, kept: Kept) -> None:
        kept.store(received())
        with kept.history.writing() as connection:
            connection.execute(update(nodes).values(last_success=1.0))
            assert kept.last().last_success == NOON

    def test_a_reader_cannot_write(self, kept: Kept) -> None:
        kept.store(received())
        with pytest.raises(HistoryError), kept.reader.reading() as connection:
            connection.execute(update(nodes).values(last_success=1.0))
        assert kept.last().last_success == NOON

    def test_a_question_that_takes_too_long_is_ended(self, kept: Kept) -> None:
        reader = Reader(kept.url, seconds=0.2)
        began = time.monotonic()
        with pytest.raises(HistoryError) as raised, reader.reading() as connection:
            connection.execute(ENDLESS).all()
        assert (raised.value.kind, time.monotonic() - began < 5) == ("slow", True)
        with reader.reading() as connection:
            assert last_runs(connection) == {}
        reader.close()

    def test_more_readers_than_connections_wait_and_are_told(self, kept: Kept) -> None:
        reader = Reader(kept.url, seconds=0.2, connections=1)
        with reader.reading(), pytest.raises(HistoryError, match="no connection was free") as raised, reader.reading():
            pass
        assert raised.value.kind == "slow"
        reader.close()

    def test_what_was_closed_can_be_read(self, url: str) -> None:
        history = History(url)
        history.store([received()])
        history.close()
        reader = Reader(url)
        with reader.reading() as connection:
            assert set(last_runs(connection)) == {WEB}
        reader.close()


class RevisionContract(HasUrl):
    """The tables and their migrations."""

    def test_the_migrations_make_the_tables_that_the_program_uses(self, kept: Kept) -> None:
        with kept.history.writing() as connection:
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
            assert revision(connection) == tables.REVISION

    def test_tables_of_a_newer_program_are_refused_and_not_touched(self, kept: Kept) -> None:
        kept.store(received())
        with kept.history.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        reader = Reader(kept.url)
        with pytest.raises(HistoryError, match="9999") as raised, reader.reading():
            pass
        assert raised.value.kind == "newer"
        reader.close()
        with pytest.raises(HistoryError, match="revision 9999, which this program") as raised:
            History(kept.url)
        assert raised.value.kind == "newer"
        with kept.history.writing() as connection:
            assert revision(connection) == "9999"
            assert connection.execute(select(func.count()).select_from(runs)).scalar() == 1

    def test_an_upgrade_keeps_what_is_there(self, kept: Kept, tmp_path: Path) -> None:
        """That SQLite makes a table anew, and drops the old one, takes nothing along."""
        kept.store(changed(WEB, NOON), failed(MAIL, NOON))
        before = [kept.rows(table) for table in (nodes, events, logs)]
        scripts = tmp_path / "migrations"
        shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "later_0002.py").write_text(LATER)
        engine = writer(kept.url)
        prepare(engine, where(kept.url), "0002", scripts)
        with engine.begin() as connection:
            assert revision(connection) == "0002"
            versions = connection.execute(text("SELECT version_of_configuration FROM runs")).scalars().all()
            assert set(versions) == {"1795348935"}
            assert set(connection.execute(text("SELECT later FROM resources")).scalars()) == {"then"}
            after = [
                connection.execute(select(table).order_by(*table.primary_key)).all() for table in (nodes, events, logs)
            ]
            assert after == before
            bound(connection)
        engine.dispose()

    def test_an_upgrade_that_fails_leaves_all_as_it_was(self, kept: Kept, tmp_path: Path) -> None:
        kept.store(changed(WEB, NOON))
        scripts = tmp_path / "migrations"
        shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "later_0002.py").write_text(f"{LATER}{WRONG}")
        engine = writer(kept.url)
        with pytest.raises(HistoryError, match="nowhere"):
            prepare(engine, where(kept.url), "0002", scripts)
        engine.dispose()
        assert (kept.count(runs), kept.count(events)) == (1, 5)
        with kept.history.writing() as connection:
            assert revision(connection) == "0001"
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []

    def test_what_was_never_prepared_is_said(self, url: str) -> None:
        reader = Reader(url)
        with pytest.raises(HistoryError) as raised, reader.reading():
            pass
        assert raised.value.kind in {"older", "unreachable"}
        reader.close()


def bound(connection: Connection) -> None:
    """What refers to a run goes with it, still."""
    connection.execute(text("DELETE FROM runs"))
    assert connection.execute(text("SELECT count(*) FROM events")).scalar() == 0
