"""The history on a real PostgreSQL: all that it does on every database, and what is PostgreSQL's own."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from errors import HistoryError
from reports.history import History
from reports.last import last_runs
from reports.reader import Reader
from reports.tables import nodes
from tests.live.postgresql import PostgreSQL
from tests.reports.contract import Kept, LastRunContract, StoreContract
from tests.reports.runs import WEB, received
from tests.reports.upkeep_contract import ReaderContract, RetentionContract, RevisionContract
from tests.waiting import free_port

PASSWORD = "ePhae7ohQu"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def url(server: PostgreSQL) -> str:
    return server.database()


class TestStore(StoreContract):
    """On PostgreSQL."""


class TestLastRun(LastRunContract):
    """On PostgreSQL."""


class TestRetention(RetentionContract):
    """On PostgreSQL."""


class TestReader(ReaderContract):
    """On PostgreSQL."""


class TestRevision(RevisionContract):
    """On PostgreSQL."""


def test_a_server_that_ends_is_told_and_used_again_once_it_is_back() -> None:
    with PostgreSQL() as server:
        kept = Kept(server.database())
        kept.store(received())
        assert kept.last().certname == WEB
        server.stop()
        with pytest.raises(HistoryError, match="start it and look at its log; then at `database`") as raised:
            kept.store(received())
        assert raised.value.kind == "unreachable"
        with pytest.raises(HistoryError) as raised:
            kept.last()
        assert raised.value.kind == "unreachable"
        server.start()
        assert kept.store(received()) == 1
        assert kept.last().certname == WEB
        kept.close()


def test_a_connection_that_is_ended_in_a_transaction_keeps_nothing_of_it(server: PostgreSQL, url: str) -> None:
    kept = Kept(url)
    with pytest.raises(HistoryError) as raised, kept.history.writing() as connection:
        _ended_by(server, connection)
    assert (raised.value.kind, kept.count(nodes)) == ("unreachable", 0)
    assert kept.store(received()) == 1
    kept.close()


def test_a_server_that_hangs_keeps_nobody_waiting(url: str) -> None:
    kept, reader = Kept(url), Reader(url, seconds=0.3)
    began = time.monotonic()
    with pytest.raises(HistoryError) as raised, reader.reading() as connection, stopped(connection):
        last_runs(connection)
    assert (raised.value.kind, time.monotonic() - began < 5) == ("unreachable", True)
    reader.close()
    kept.close()


def test_a_server_that_hangs_at_a_transactions_end_keeps_nobody_waiting(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.history._PATIENCE", 0.5)
    kept, reader = Kept(url), Reader(url, seconds=0.3)
    for opened in (reader.reading, kept.history.writing):
        began = time.monotonic()
        with ExitStack() as until_then:
            with pytest.raises(HistoryError) as raised:
                _hang_at_the_end(opened, until_then)
            assert (raised.value.kind, time.monotonic() - began < 5) == ("unreachable", True)
    reader.close()
    kept.close()


def test_a_connection_that_hangs_before_it_is_used_is_replaced(url: str) -> None:
    kept, reader = Kept(url), Reader(url, seconds=0.3)
    with reader.reading() as connection:
        hanging = stopped(connection)
    with hanging:
        began = time.monotonic()
        with reader.reading() as connection:
            assert last_runs(connection) == {}
        assert time.monotonic() - began < 5
    reader.close()
    kept.close()


def _hang_at_the_end(opened: Callable[[], AbstractContextManager[Connection]], until_then: ExitStack) -> None:
    """Stop the server once everything was asked, and end the transaction."""
    with opened() as connection:
        hanging = stopped(connection)
        last_runs(connection)
        until_then.enter_context(hanging)


def stopped(connection: Connection) -> AbstractContextManager[None]:
    """What stops the process that serves a connection, for a while."""
    serving = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    @contextmanager
    def stop() -> Iterator[None]:
        os.kill(serving, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(serving, signal.SIGCONT)

    return stop()


def _ended_by(server: PostgreSQL, connection: Connection) -> None:
    connection.execute(nodes.insert().values(certname=WEB, last_ended=0, last_success=0))
    mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    server.sql(f"SELECT pg_terminate_backend({mine})")
    connection.exec_driver_sql("SELECT 1")


def test_a_commit_is_on_disk_before_it_is_told_whatever_the_server_is_set_to() -> None:
    with PostgreSQL("synchronous_commit=off") as server:
        url = server.database()
        for whose in ("DATABASE history1", "ROLE enclume", "ROLE enclume IN DATABASE history1"):
            server.sql(f"ALTER {whose} SET synchronous_commit = off")
        assert server.sql("SHOW synchronous_commit", "history1") == "off"
        kept = Kept(url)
        with kept.history.writing() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
        kept.close()


def test_the_password_comes_from_a_file_and_is_never_told(tmp_path: Path) -> None:
    port = free_port()
    with PostgreSQL(port=port) as server:
        server.sql(f"CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}'")
        server.sql("CREATE DATABASE kept OWNER keeper")
        server.ask_for_passwords()
        file = tmp_path / "password"
        file.touch(0o600)
        url = f"postgresql+psycopg://keeper@127.0.0.1:{port}/kept?passfile={file}"
        file.write_text(f"127.0.0.1:{port}:kept:keeper:{PASSWORD}\n")
        History(url).close()
        file.write_text(f"127.0.0.1:{port}:kept:keeper:{PASSWORD}wrong\n")
        with pytest.raises(HistoryError, match="password authentication failed") as raised:
            History(url)
        assert PASSWORD not in str(raised.value)
        reader = Reader(url)
        with pytest.raises(HistoryError, match="password authentication failed"), reader.reading():
            pass
        reader.close()


def test_a_database_that_is_not_there_is_told(server: PostgreSQL) -> None:
    with pytest.raises(HistoryError, match='database "nowhere" does not exist'):
        History(server.url("nowhere"))
