"""The history on SQLite: all that it does on every database, and what is SQLite's own."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, event, select

from errors import HistoryError
from reports import database, tables
from reports.history import History
from reports.questions.changed import changed as happened
from reports.questions.listed import listed
from reports.reader import Reader
from reports.retention import prune
from reports.tables import FAILED, LOUD, nodes, resources, runs
from reports.wanted import Wanted
from tests.reports.contract import Kept, LastRunContract, StoreContract
from tests.reports.runs import NOON, WEB, changed, received
from tests.reports.upkeep_contract import ReaderContract, RetentionContract, RevisionContract


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "état 100%" / "history.sqlite"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def kept(url: str) -> Iterator[Kept]:
    kept = Kept(url)
    yield kept
    kept.close()


class TestStore(StoreContract):
    """On SQLite."""


class TestLastRun(LastRunContract):
    """On SQLite."""


class TestRetention(RetentionContract):
    """On SQLite."""


class TestReader(ReaderContract):
    """On SQLite."""


class TestRevision(RevisionContract):
    """On SQLite."""


def test_the_file_is_not_for_everybody(kept: Kept, file: Path) -> None:
    kept.store(received())
    assert {path.name: path.stat().st_mode & 0o007 for path in file.parent.iterdir()} == {
        "history.sqlite": 0,
        "history.sqlite-wal": 0,
        "history.sqlite-shm": 0,
    }
    assert file.parent.stat().st_mode & 0o007 == 0


def test_what_was_stored_outlives_a_power_cut(kept: Kept) -> None:
    """WAL with synchronous=FULL (2): each commit is on the disk before it is told."""
    with kept.history.writing() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "auto_vacuum": 2}


def test_room_comes_back_to_the_disk(kept: Kept, file: Path) -> None:
    kept.store(*(changed(WEB, NOON - number, files=10) for number in range(600)))
    kept.history.close()
    before = file.stat().st_size
    history = History(kept.url)
    while prune(history, NOON, 100):
        pass
    history.close()
    assert file.stat().st_size < before / 4


def test_a_file_that_another_process_holds_is_told(kept: Kept, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="database is locked; another process holds it") as raised:
        History(kept.url)
    assert (raised.value.kind, raised.value.where) == ("locked", str(file))
    holder.close()
    History(kept.url).close()


def test_a_file_that_is_no_database_is_told(file: Path, url: str) -> None:
    file.parent.mkdir()
    file.write_bytes(b"something else entirely\n" * 400)
    with pytest.raises(HistoryError, match="not a database; stop the service, move the file away") as raised:
        History(url)
    assert raised.value.kind == "corrupt"
    assert file.read_bytes().startswith(b"something else")


def test_a_file_with_holes_is_told(kept: Kept, file: Path) -> None:
    kept.store(*(changed(WEB, NOON - number) for number in range(200)))
    kept.close()
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(size // 4)
        opened.write(os.urandom(size // 2))
    reader = Reader(kept.url)
    with pytest.raises(HistoryError, match="malformed") as raised, reader.reading() as connection:
        [connection.execute(select(table)).all() for table in tables.metadata.sorted_tables]
    assert raised.value.kind == "corrupt"
    reader.close()


def test_a_full_disk_is_told_and_passes(kept: Kept) -> None:
    with kept.history.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    batch = [changed(WEB, NOON - number) for number in range(100)]
    with pytest.raises(HistoryError, match="full; make room") as raised:
        kept.store(*batch)
    assert (raised.value.kind, kept.count(nodes), kept.count(runs)) == ("full", 0, 0)
    with kept.history.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert kept.store(*batch) == 100


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="give the service's user the right") as raised:
        History(f"sqlite:///{tmp_path}/file/history.sqlite")
    assert raised.value.kind == "unreachable"


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (select(runs).where(runs.c.node_id == 1).order_by(runs.c.ended.desc()), "ix_runs_node_id_ended"),
        (select(runs).where(LOUD, runs.c.status == "failed", runs.c.ended > NOON), "ix_runs_loud"),
        (select(runs).where(runs.c.surroundings_id.in_([1, 2]), runs.c.ended > NOON), "ix_runs_surroundings_id_ended"),
        (select(runs).where(runs.c.ended < NOON).order_by(runs.c.ended).limit(5), "ix_runs_ended"),
        (select(resources).where(resources.c.name == "a").order_by(resources.c.ended), "ix_resources_name_ended"),
        (select(resources).where(FAILED, resources.c.ended > NOON), "ix_resources_failed"),
        (select(resources).where(tables.DRIFTED, resources.c.ended > NOON), "ix_resources_drifted"),
        (select(resources).where(resources.c.node_id == 1, resources.c.ended > 0), "ix_resources_node_id_ended"),
        (select(nodes).where(nodes.c.certname == WEB), "nodes_1"),
    ],
)
def test_every_question_has_its_index(kept: Kept, question: Select[Any], index: str) -> None:
    with kept.reader.reading() as connection:
        words = str(question.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}"))
    assert index in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("question", [listed, happened])
def test_a_nodes_runs_are_read_in_the_order_in_which_they_lie(kept: Kept, question: Callable[..., Any]) -> None:
    asked: list[tuple[str, Any]] = []
    with kept.reader.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
        question(connection, Wanted(since=0.0, until=NOON, hosts=(WEB,)))
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", given) for words, given in tuple(asked)]
        (plan,) = (" ".join(row[3] for row in told) for told in plans)
    assert "ix_runs_node_id_ended" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
