"""The last run of each node, which `Situation.runs` holds: a table of its own, so that it is read at once."""

from collections.abc import Collection, Iterator, Mapping

import msgspec
from msgspec import structs
from sqlalchemy import Connection, select

from facts.puppet import Run
from reports import rows
from reports.report import Received
from reports.tables import nodes

_AT_ONCE = 500
_decoder = msgspec.json.Decoder(Run)


def run_of(received: Received) -> Run:
    """What is remembered of a run as long as it is its node's last; `last_success` is its own."""
    report, metrics = received.report, rows.metrics(received.report)
    ended = rows.ended(received)
    total = metrics.times.get("total", 0.0)
    return Run(
        certname=rows.certname(received),
        ended_at=ended,
        last_success=ended if rows.status(report) != "failed" else 0.0,
        status=rows.status(report),
        noop=report.noop,
        cached_catalog=report.cached_catalog == "on_failure",
        duration=total or max(0.0, ended - rows.number(report.started)),
        environment=rows.clean(report.environment, rows.SHORT),
        resources=metrics.counts,
        times=metrics.times,
        events=metrics.events,
        changes=metrics.changes,
        completed=report.completed,
    )


def last_runs(connection: Connection, certnames: Collection[str] | None = None) -> dict[str, Run]:
    """The last run of every node, or of these. Those that never reported are not in it."""
    return {run.certname: run for run in _read(connection, certnames)}


def _read(connection: Connection, certnames: Collection[str] | None) -> Iterator[Run]:
    asked = select(nodes.c.last, nodes.c.last_success).where(nodes.c.last.is_not(None))
    if certnames is None:
        yield from (_run(*row) for row in connection.execute(asked))
        return
    wanted = list(certnames)
    for start in range(0, len(wanted), _AT_ONCE):
        some = asked.where(nodes.c.certname.in_(wanted[start : start + _AT_ONCE]))
        yield from (_run(*row) for row in connection.execute(some))


def _run(last: str, last_success: float) -> Run:
    return structs.replace(_decoder.decode(last), last_success=last_success)


def newest(of: Mapping[str, Received], candidate: Received) -> bool:
    """Whether this one ended after the one that is known of its node."""
    known = of.get(rows.certname(candidate))
    return known is None or _order(known) <= _order(candidate)


def _order(received: Received) -> tuple[float, float]:
    # Clocks that are ahead end at the same instant, that of their receipt: then their own time tells.
    return rows.ended(received), rows.number(received.report.ended)
