"""A report as rows of the tables: what of it is kept, and in a form that no database refuses.

A report is what a node says, so nothing in it may make the writing fail: the reports behind it would wait for ever.
Text loses NUL and what is no UTF-8, and has an end; numbers fit; a run ends no later than its report came.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest
from itertools import islice
from math import isfinite
from typing import Any, get_args

import msgspec
from msgspec import Struct

from reports.report import Event, LogLine, Received, Report, Resource, RunState

Row = dict[str, Any]
LEVELS = ("debug", "info", "notice", "warning", "err", "alert", "emerg", "crit")
STATES: tuple[str, ...] = get_args(RunState)
SHORT, NAME, LONG = 120, 600, 10_000
"""Characters that are kept of a name which many runs share, of a resource's name, of a message or value. PostgreSQL
indexes no text over 2,704 bytes.
"""
_MOST = 2**31 - 1
_MOST_COUNTS, _MOST_TIMES = 30, 300
"""Numbers that are kept of one metric. Puppet has nine counts and a time for each type of resource; what a report says
beyond that would stand in memory, and in what Prometheus reads, for each node.
"""


class Keeping(Struct, frozen=True):
    """What of a report is kept beside its one row.

    - `level`: lines of the log from this level on, of runs that are not quiet; of others, warnings and above.
    - `slow`: seconds from which on a resource is kept for its slowness alone.
    - `skipped`: how many skipped resources are kept of a run that failed.
    """

    level: str = "notice"
    slow: float = 10.0
    skipped: int = 50


class Metrics(Struct, frozen=True, omit_defaults=True):
    """The metrics of a run that is not quiet, as `runs.metrics` keeps them."""

    counts: Mapping[str, int] = {}
    times: Mapping[str, float] = {}
    events: Mapping[str, int] = {}
    changes: int | None = None


def is_quiet(report: Report) -> bool:
    """Whether nothing happened in the run, nor would have."""
    loud = report.status != "unchanged" or report.noop_pending or report.corrective or report.completed is False
    stale = report.cached_catalog == "on_failure"
    return not (loud or stale or report.changes or any(resource.events for resource in report.resources))


def certname(received: Received) -> str:
    """The node's name, as the tables have it."""
    return clean(received.report.certname, 255)


def status(report: Report) -> RunState:
    """How it ended; what nobody knows is no success."""
    return report.status if report.status in STATES else "failed"


def ended(received: Received) -> float:
    """When the run had ended: no later than its report came, however far ahead the node's clock is."""
    return min(number(received.report.ended), received.received)


def run_row(received: Received) -> Row:
    """The row of `runs`, but for `node_id` and `surroundings_id`."""
    report, counts = received.report, received.report.counts
    quiet = is_quiet(report)
    return {
        "uuid": report.uuid,
        "started": min(number(report.started), ended(received)),
        "ended": ended(received),
        "received": received.received,
        "resources": whole(counts.get("total", 0)),
        "changed": whole(counts.get("changed", 0)),
        "failed": whole(counts.get("failed", 0)),
        "skipped": whole(counts.get("skipped", 0)),
        "out_of_sync": whole(counts.get("out_of_sync", 0)),
        "corrected": whole(counts.get("corrective_change", 0)),
        "retrieval_seconds": number(report.times.get("config_retrieval", 0.0), most=1e9),
        "format": min(whole(report.format), 2**15 - 1),
        "quiet": quiet,
        "noop": report.noop,
        "noop_pending": report.noop_pending,
        "corrective": report.corrective,
        "completed": report.completed,
        "catalog_uuid": None if quiet or not report.catalog_uuid else report.catalog_uuid,
        "status": status(report),
        "cached_catalog": clean(report.cached_catalog, SHORT),
        "configuration_version": clean(report.configuration_version, SHORT),
        "code_id": clean(report.code_id, SHORT),
        "metrics": None if quiet else msgspec.json.encode(metrics(report)).decode(),
    }


def metrics(report: Report) -> Metrics:
    """The metrics of a report, every number one that JSON and a column can hold."""
    return Metrics(
        {clean(name, SHORT): whole(value) for name, value in islice(report.counts.items(), _MOST_COUNTS)},
        {clean(name, SHORT): round(number(value), 4) for name, value in _longest(report.times)},
        {clean(name, SHORT): whole(value) for name, value in islice(report.events.items(), _MOST_COUNTS)},
        None if report.changes is None else whole(report.changes),
    )


def _longest(times: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    """The longest times: the total, which is the sum of the others, is always among them."""
    if len(times) <= _MOST_TIMES:
        return times.items()
    return nlargest(_MOST_TIMES, times.items(), key=lambda time: number(time[1]))


def surroundings(received: Received) -> tuple[str, ...]:
    """environment, puppet_version, server, site, hypervisor."""
    report, place = received.report, received.place
    values = (report.environment, report.puppet_version, report.server, place.site, place.hypervisor)
    return tuple(clean(value, SHORT) for value in values)


def kept_resources(report: Report, keeping: Keeping) -> Iterator[Resource]:
    """The resources worth a row: those that something happened to, the slow ones, and what a failure left undone."""
    skipped = keeping.skipped if report.status == "failed" else 0
    for resource in report.resources:
        happened = resource.changed or resource.failed or resource.corrective or resource.events
        if happened or resource.seconds >= keeping.slow:
            yield resource
        elif resource.skipped and skipped:
            skipped -= 1
            yield resource


def resource_row(resource: Resource, run_id: int, position: int, node_id: int, at: float) -> Row:
    """A row of `resources`."""
    return {
        "run_id": run_id,
        "position": position,
        "node_id": node_id,
        "ended": at,
        "name": clean(resource.name, NAME),
        "file": clean(resource.file, NAME),
        "line": whole(resource.line),
        "seconds": number(resource.seconds),
        "changed": resource.changed,
        "failed": resource.failed,
        "skipped": resource.skipped,
        "corrective": resource.corrective,
    }


def event_row(event: Event, run_id: int, resource: int, position: int) -> Row:
    """A row of `events`."""
    return {
        "run_id": run_id,
        "resource": resource,
        "position": position,
        "time": number(event.time),
        "status": clean(event.status, SHORT),
        "property": clean(event.property, NAME),
        "name": clean(event.name, NAME),
        "previous": clean(event.previous, LONG),
        "desired": clean(event.desired, LONG),
        "message": clean(event.message, LONG),
        "corrective": event.corrective,
        "redacted": event.redacted,
    }


def kept_lines(report: Report, keeping: Keeping) -> Iterator[LogLine]:
    """The lines of the log worth a row. A level that Puppet does not know is kept: it may be a grave one."""
    least = min(LEVELS.index("warning"), _rank(keeping.level))
    if is_quiet(report):
        least = LEVELS.index("warning")
    return (line for line in report.logs if _rank(line.level) >= least)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def log_row(line: LogLine, run_id: int, position: int) -> Row:
    """A row of `logs`."""
    return {
        "run_id": run_id,
        "position": position,
        "time": number(line.time),
        "level": clean(line.level, SHORT),
        "message": clean(line.message, LONG),
        "source": clean(line.source, NAME),
        "file": clean(line.file, NAME),
        "line": whole(line.line),
    }


def clean(text: str, most: int) -> str:
    """A text that both databases take, with a sign where it was cut."""
    if len(text) > most:
        text = text[: most - 1] + "…"
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def whole(value: float) -> int:
    """A count that fits its column."""
    return max(0, min(int(value), _MOST)) if isfinite(value) else 0


def number(value: float, most: float = 1e15) -> float:
    """A number of seconds that is one: no NaN, no infinity, nothing below zero."""
    return max(0.0, min(float(value), most)) if isfinite(value) else 0.0
