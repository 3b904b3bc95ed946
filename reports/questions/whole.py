"""One run with all that is kept of it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from reports.questions.changed import TOLD as OF_EVENTS
from reports.questions.changed import WITH_RUN, change
from reports.questions.heads import TOLD, WITH_PLACE, Found, summary
from reports.report import LogLine
from reports.summaries import FailedResource, ResourceTime, WholeRun
from reports.tables import events, logs, resources, runs, surroundings
from reports.wanted import MOST

_SLOWEST = 20

_MORE = (
    runs.c.id,
    runs.c.noop_pending,
    runs.c.completed,
    surroundings.c.puppet_version,
    runs.c.configuration_version,
    runs.c.catalog_uuid,
    runs.c.code_id,
    surroundings.c.server,
    runs.c.metrics,
)


def whole(connection: Connection, uuid: str) -> WholeRun | None:
    """The run of this uuid; None where there is none. Of its events, log lines and failed resources, at most `MOST`."""
    row = connection.execute(select(*TOLD, *_MORE).select_from(WITH_PLACE).where(runs.c.uuid == uuid)).first()
    if row is None:
        return None
    run_id, noop_pending, completed, puppet_version, configuration_version, catalog_uuid, code_id, server, kept = row[
        len(TOLD) :
    ]
    metrics = _metrics(kept)
    return WholeRun(
        run=summary(row),
        noop_pending=noop_pending,
        completed=completed,
        puppet_version=puppet_version,
        configuration_version=configuration_version,
        catalog_uuid=catalog_uuid or "",
        code_id=code_id,
        server=server,
        counts=metrics.get("counts", {}),
        times=metrics.get("times", {}),
        events=tuple(change(one) for one in connection.execute(_events(run_id))),
        failed=tuple(FailedResource(*one) for one in connection.execute(_failed(run_id))),
        slowest=tuple(ResourceTime(*one) for one in connection.execute(_slowest(run_id))),
        logs=tuple(_line(one) for one in connection.execute(_logs(run_id))),
    )


def _metrics(kept: str | None) -> dict[str, Any]:
    return msgspec.json.decode(kept, type=dict[str, Any]) if kept else {}


def _events(run_id: int) -> Found:
    of_run: ColumnElement[bool] = events.c.run_id == run_id
    found = select(*OF_EVENTS).select_from(WITH_RUN).where(of_run)
    return found.order_by(events.c.resource, events.c.position).limit(MOST)


def _failed(run_id: int) -> Found:
    of = resources.c
    found = select(of.name, of.failed, of.skipped, of.file, of.line).where(of.run_id == run_id)
    return found.where(of.failed | of.skipped).order_by(of.failed.desc(), of.position).limit(MOST)


def _slowest(run_id: int) -> Found:
    of = resources.c
    found = select(of.name, of.seconds, of.file, of.line).where(of.run_id == run_id, of.seconds > 0)
    return found.order_by(of.seconds.desc(), of.position).limit(_SLOWEST)


def _logs(run_id: int) -> Found:
    of = logs.c
    found = select(of.level, of.message, of.source, of.time, of.file, of.line).where(of.run_id == run_id)
    return found.order_by(of.position).limit(MOST)


def _line(row: Sequence[Any]) -> LogLine:
    level, message, source, at, file, line = row
    return LogLine(level=level, message=message, source=source, time=at, file=file, line=line)
