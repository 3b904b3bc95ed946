"""A long history of Puppet runs on each database: what a node's page costs, and what retention keeps others waiting.

A year of 1,000 nodes that run every half hour is 17.5 million runs. The default size is what is filled in within a
minute; `BENCH_RUNS=17500000` is the year. Rows are made by the database itself, in the order in which they would have
come.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, text

from facts.puppet import Run
from reports.database import writer
from reports.history import History
from reports.last import last_runs
from reports.questions.changed import changed as happened
from reports.questions.listed import listed
from reports.reader import Reader
from reports.retention import prune
from reports.tables import nodes, surroundings
from reports.wanted import Wanted
from tests.live.postgresql import PostgreSQL
from tests.reports.runs import COUNTS, TIMES, changed, received

T = TypeVar("T")
NODES, HYPERVISORS = 1000, 20
RUNS = int(os.environ.get("BENCH_RUNS", "1000000"))
NOW = 1_764_244_800.0
_BATCHES = 40
_CHANGED = 33
"""One run in so many changes three resources."""

_RUNS = """
INSERT INTO runs (started, ended, received, node_id, surroundings_id, resources, changed, failed, skipped, out_of_sync,
  corrected, retrieval_seconds, format, quiet, noop, noop_pending, corrective, completed, uuid, status, cached_catalog,
  configuration_version, code_id, metrics)
SELECT {begin} + i * {step} - 12.5, {begin} + i * {step}, {begin} + i * {step} + 0.1, 1 + i % {nodes},
  1 + i % {hypervisors}, 412, CASE WHEN i % {changed} = 0 THEN 3 ELSE 0 END, 0, 0, 0, 0, 3.38, 12, i % {changed} <> 0,
  {no}, {no}, {no}, {yes}, {uuid}, CASE WHEN i % {changed} = 0 THEN 'changed' ELSE 'unchanged' END, 'not_used',
  '1795348935', '', CASE WHEN i % {changed} = 0 THEN :metrics END
FROM {numbers}
"""
_RESOURCES = """
INSERT INTO resources (run_id, position, node_id, line, ended, seconds, changed, failed, skipped, corrective, name,
  file)
SELECT id, p.i, node_id, 12, ended, 0.03, {yes}, {no}, {no}, {no}, 'File[/etc/app/part' || (id % 500) || '.conf]',
  '/etc/puppetlabs/code/environments/production/site/profile/manifests/app.pp'
FROM runs, (SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2) AS p WHERE quiet = {no}
"""
_EVENTS = """
INSERT INTO events (run_id, resource, position, time, corrective, redacted, status, property, name, previous, desired,
  message)
SELECT run_id, position, 0, ended, {no}, {no}, 'success', 'content', 'content_changed', '{{sha256}}9f86d081884c7d65',
  '{{sha256}}60303ae22b998861', 'content changed from one sum to another' FROM resources
"""
_NUMBERS = "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < RUNS) SELECT i FROM n)"
_LAST = """
UPDATE nodes SET last_id = (SELECT id FROM runs WHERE node_id = nodes.id ORDER BY ended DESC LIMIT 1)
"""


class Measured(Struct, frozen=True):
    """What was measured on one database; seconds, or what the name says."""

    runs: int
    filled_in: float
    gibibytes: float
    page_median: float
    page_longest: float
    last: float
    hypervisor: float
    pause: float
    stored_a_second: float


def on_both(folder: Path, row: Callable[[str, str, str], None]) -> None:
    """Measure on both databases, and add a line to the table for each figure."""
    for name, measured in (("SQLite", partial(on_sqlite, folder)), ("PostgreSQL", on_postgresql)):
        had = measured()
        size = f"{had.gibibytes:.2f} GiB, {had.gibibytes * 2**30 / had.runs:.0f} bytes a run"
        row(f"{name}: {had.runs:,} runs of {NODES} nodes", f"{size}, filled in {had.filled_in:.0f} s", "")
        page = f"{had.page_median * 1000:.1f} ms, longest {had.page_longest * 1000:.1f} ms"
        row("  a node's last 50 runs and 20 changes", page, "under 50 ms")
        row("  the last run of every node", f"{had.last * 1000:.0f} ms", "")
        row("  the last 50 runs of a hypervisor's guests", f"{had.hypervisor * 1000:.1f} ms", "")
        row("  stored into it, one in ten changed", f"{had.stored_a_second:.0f} a second", "300 a second")
        row("  retention, the longest pause", f"{had.pause * 1000:.0f} ms", "about 100 ms")


def on_sqlite(folder: Path) -> Measured:
    """On SQLite, a file in this folder."""
    file = folder / "history.sqlite"
    return _measured(f"sqlite:///{file}", lambda: file.stat().st_size)


def on_postgresql() -> Measured:
    """On a PostgreSQL of its own, with the settings that Debian's has, but for syncing to the disk."""
    with PostgreSQL() as server:
        url = server.database()
        return _measured(url, lambda: int(server.sql("SELECT pg_database_size('history1')")))


def _measured(url: str, size: Callable[[], int]) -> Measured:
    history = History(url)
    _, filled_in = _timed(lambda: _fill(url))
    reader = Reader(url, seconds=60)
    pages = [_timed(lambda number=number: _node_page(reader, number * 97 % NODES))[1] for number in range(100)]  # type: ignore[misc]
    with reader.reading() as connection:
        found, last = _timed(lambda: last_runs(connection))
        assert len(found) == NODES
        _, hypervisor = _timed(lambda: _hypervisor_page(connection))
    reader.close()
    stored = _stored_a_second(history)
    pauses = [_timed(lambda: prune(history, NOW))[1] for _ in range(_BATCHES)]
    history.close()
    middle = sorted(pages)[len(pages) // 2]
    return Measured(RUNS, filled_in, size() / 2**30, middle, max(pages), last, hypervisor, max(pauses), stored)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began


def _node_page(reader: Reader, number: int) -> None:
    """The last 50 runs of a node with where they ran, and its last 20 changes, of all that is kept."""
    wanted = Wanted(since=0.0, until=NOW + 1, hosts=(_name(number),), limit=50)
    with reader.reading() as connection:
        page = listed(connection, wanted)
        assert page is not None
        assert len(page.runs) == 50
        assert len(happened(connection, replace(wanted, limit=20)).changes) == 20


def _hypervisor_page(connection: Connection) -> None:
    """The last 50 runs of the guests of one hypervisor in a week."""
    page = listed(connection, Wanted(since=NOW - 7 * 86_400, until=NOW + 1, hypervisors=("kvm3.lab.test",), limit=50))
    assert page is not None
    assert len(page.runs) == 50


def _stored_a_second(history: History) -> float:
    """Real batches into the full history: one run in ten changed five files."""
    batches = [
        [(received if number % 10 else changed)(_name(number), NOW + batch * 60) for number in range(100)]
        for batch in range(10)
    ]
    count, took = _timed(lambda: sum(history.store(batch) for batch in batches))
    return count / took


def _name(number: int) -> str:
    return f"web{number:04}.lab.test"


def _fill(url: str) -> None:
    # A transaction of one's own: the history's ends what takes two minutes.
    engine = writer(url)
    with engine.begin() as connection:
        words = _words(connection)
        known = {"last_ended": 0.0, "last_success": 0.0}
        connection.execute(nodes.insert(), [known | {"certname": _name(n), "last": _last(n)} for n in range(NODES)])
        around = {"environment": "production", "puppet_version": "7.23.0", "server": "puppet", "site": "angers"}
        connection.execute(
            surroundings.insert(), [around | {"hypervisor": f"kvm{n}.lab.test"} for n in range(HYPERVISORS)]
        )
        metrics = msgspec.json.encode({"counts": COUNTS, "times": TIMES}).decode()
        connection.execute(text(_RUNS.format(**words)), {"metrics": metrics})
        connection.execute(text(_RESOURCES.format(**words)))
        connection.execute(text(_EVENTS.format(**words)))
        connection.execute(text(_LAST))
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _last(number: int) -> str:
    name = _name(number)
    run = Run(certname=name, ended_at=NOW, last_success=NOW, status="unchanged", resources=COUNTS, times=TIMES)
    return msgspec.json.encode(run).decode()


def _words(connection: Connection) -> dict[str, object]:
    """What the two databases write differently."""
    # The year goes back from now in equal steps, whatever the size.
    common = {"nodes": NODES, "hypervisors": HYPERVISORS, "changed": _CHANGED, "step": 365 * 86_400 / RUNS}
    common["begin"] = NOW - 365 * 86_400
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA cache_size = -1000000")
        numbers = _NUMBERS.replace("RUNS", str(RUNS - 1))
        return {**common, "numbers": numbers, "uuid": "randomblob(16)", "yes": 1, "no": 0}
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    numbers = f"generate_series(0, {RUNS - 1}) AS numbers(i)"
    return {**common, "numbers": numbers, "uuid": "gen_random_uuid()", "yes": "true", "no": "false"}
