"""The history of Puppet runs, as its one writer in a process has it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from errors import HistoryError
from reports import rows
from reports.database import where, writer
from reports.last import newest, run_of
from reports.migrate import prepare
from reports.report import Received
from reports.rows import Keeping, Row
from reports.tables import as_uuid, events, logs, nodes, resources, runs, surroundings
from reports.troubles import told
from reports.watch import watched

_PATIENCE = 120.0
_AT_ONCE = 200
_MOST_KNOWN = 100_000


class History:
    """Writes runs. For one thread; other processes and instances may write at the same time."""

    def __init__(self, url: str, keeping: Keeping = Keeping()) -> None:  # noqa: B008  (frozen)
        self.where, self._keeping = where(url), keeping
        self._engine = writer(url)
        self._nodes: dict[str, int] = {}
        self._surroundings: dict[tuple[str, ...], int] = {}
        try:
            prepare(self._engine, self.where)
        except BaseException:
            self._engine.dispose()
            raise

    def store(self, received: Sequence[Received]) -> int:
        """Keep these, all or none, for good once it returns; how many were not known before. Raises `HistoryError`."""
        try:
            return self._store(received)
        except HistoryError as error:
            if error.kind not in {"locked", "data"}:
                raise
            # Another instance was quicker, or removed a node whose number is remembered here.
            self.forget_numbers()
            return self._store(received)

    def _store(self, received: Sequence[Received]) -> int:
        first = {as_uuid(one.report.uuid): one for one in reversed(received)}
        # Always in one order, so that two writers wait for each other but never both.
        batch = [first[key] for key in sorted(first)]
        if not batch:
            return 0
        try:
            with self.writing() as connection:
                new = self._insert_runs(connection, batch)
                self._insert_details(connection, new)
                _update_last(connection, [(self._nodes[rows.certname(one)], run_id, one) for run_id, one in new])
        except HistoryError:
            self.forget_numbers()
            raise
        return len(new)

    def forget_numbers(self) -> None:
        """Numbers of rows that may have gone, with the transaction that made them or otherwise."""
        self._nodes.clear()
        self._surroundings.clear()

    def _insert_runs(self, connection: Connection, batch: list[Received]) -> list[tuple[int, Received]]:
        """Insert those that are new; they, with the numbers of their rows."""
        self._number(connection, batch)
        made = [self._run_row(one) for one in batch]
        ignoring = _insert(connection, runs).on_conflict_do_nothing(index_elements=["uuid"])
        found = connection.execute(ignoring.returning(runs.c.id, runs.c.uuid), made).all()
        ids = {as_uuid(uuid): run_id for run_id, uuid in found}
        keyed = ((as_uuid(one.report.uuid), one) for one in batch)
        return [(ids[key], one) for key, one in keyed if key in ids]

    def _run_row(self, received: Received) -> Row:
        row = rows.run_row(received)
        row["node_id"] = self._nodes[rows.certname(received)]
        row["surroundings_id"] = self._surroundings[rows.surroundings(received)]
        return row

    def _number(self, connection: Connection, batch: list[Received]) -> None:
        """Know the numbers of the batch's nodes and surroundings, making those that are new."""
        if len(self._nodes) + len(self._surroundings) > _MOST_KNOWN:
            self.forget_numbers()
        certnames = sorted({rows.certname(one) for one in batch} - self._nodes.keys())
        for some in _chunks(certnames):
            made: list[Row] = [{"certname": name, "last_ended": 0.0, "last_success": 0.0} for name in some]
            connection.execute(_insert(connection, nodes).on_conflict_do_nothing(), made)
            asked = select(nodes.c.certname, nodes.c.id).where(nodes.c.certname.in_(some))
            self._nodes.update((name, number) for name, number in connection.execute(asked))
            if not self._nodes.keys() >= set(some):
                advice = "it is tried again"
                raise HistoryError(self.where, "locked", "a node was forgotten while its report was stored", advice)
        columns = list(surroundings.c)[1:]
        unknown = sorted({rows.surroundings(one) for one in batch} - self._surroundings.keys())
        for chunk in _chunks(unknown):
            made = [dict(zip((column.name for column in columns), values, strict=True)) for values in chunk]
            connection.execute(_insert(connection, surroundings).on_conflict_do_nothing(), made)
            found = connection.execute(select(surroundings).where(tuple_(*columns).in_(chunk)))
            self._surroundings.update((tuple(values), number) for number, *values in found)

    def _insert_details(self, connection: Connection, new: list[tuple[int, Received]]) -> None:
        """Insert what the runs have to say beside their row."""
        details = Details(self._keeping)
        for run_id, one in new:
            details.add(run_id, self._nodes[rows.certname(one)], one)
        for table, made in ((resources, details.resources), (events, details.events), (logs, details.logs)):
            if made:
                connection.execute(table.insert(), made)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it or nothing. Raises `HistoryError`."""
        with told(self.where), self._engine.connect() as connection, _patience(connection), connection.begin():
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def _patience(connection: Connection) -> AbstractContextManager[None]:
    """Whatever is waited for meanwhile, the commit too, has an end; SQLite has its own."""
    if connection.dialect.name == "sqlite":
        return nullcontext()
    return watched(connection.connection.driver_connection, _PATIENCE)


class Details:
    """The rows of resources, events and log lines of a batch."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self.resources: list[Row] = []
        self.events: list[Row] = []
        self.logs: list[Row] = []

    def add(self, run_id: int, node_id: int, received: Received) -> None:
        """Add those of one run."""
        report, ended = received.report, rows.ended(received)
        for number, resource in enumerate(rows.kept_resources(report, self._keeping)):
            self.resources.append(rows.resource_row(resource, run_id, number, node_id, ended))
            self.events += (rows.event_row(event, run_id, number, n) for n, event in enumerate(resource.events))
        self.logs += (rows.log_row(line, run_id, n) for n, line in enumerate(rows.kept_lines(report, self._keeping)))


_LAST = (
    update(nodes)
    .where(nodes.c.id == bindparam("node"), nodes.c.last_ended <= bindparam("ended"))
    .values(last_id=bindparam("run"), last_ended=bindparam("ended"), last=bindparam("made"))
)
_SUCCESS = (
    update(nodes)
    .where(nodes.c.id == bindparam("node"), nodes.c.last_success < bindparam("ended"))
    .values(last_success=bindparam("ended"))
)


def _update_last(connection: Connection, new: Iterable[tuple[int, int, Received]]) -> None:
    """Remember the newest of each node, unless a newer one is known: reports come in any order."""
    last: dict[str, Received] = {}
    succeeded: dict[str, Received] = {}
    numbers: dict[str, tuple[int, int]] = {}
    for node, run, one in new:
        name = rows.certname(one)
        if newest(last, one):
            last[name], numbers[name] = one, (node, run)
        if rows.status(one.report) != "failed" and newest(succeeded, one):
            succeeded[name] = one
    if last:
        connection.execute(_LAST, [_last_row(*numbers[name], last[name]) for name in sorted(last)])
    if succeeded:
        ended = [{"node": numbers[name][0], "ended": rows.ended(succeeded[name])} for name in sorted(succeeded)]
        connection.execute(_SUCCESS, ended)


def _last_row(node: int, run: int, received: Received) -> Row:
    made = msgspec.json.encode(run_of(received)).decode()
    return {"node": node, "run": run, "ended": rows.ended(received), "made": made}


def _insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which both databases have and SQL has not."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _chunks(values: list[Any]) -> Iterable[list[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
