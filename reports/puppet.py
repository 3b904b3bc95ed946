"""Puppet's own report, as its `http` and `store` processors write it, read as a `Report`.

Source: https://www.puppet.com/docs/puppet/8/format_report.html and the same page of Puppet 3 to 7 for formats 4 to 11.
What makes a report (host, time, status, format, and the three parts that each has) must be right; a detail that makes
no sense, in a log line or a resource, is left out: the run stays known. A newer format is read as far as it is like
this one.
"""

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from errors import ReportError
from reports import document
from reports.document import REDACTED
from reports.fields import flag, is_sensitive, mapping, moment, seconds, sequence, shown, text, whole
from reports.identity import certname_of, quoted, time_of, uuid_of
from reports.report import Event, EventState, LogLine, Report, Resource, RunState

OLDEST, NEWEST = 4, 12
SLOWEST = 5
"""How many of the slowest resources are kept when nothing else is to be said of them."""

_TAG = "!ruby/object:Puppet::Transaction::Report"
_PARTS: Mapping[str, type] = {"logs": list, "metrics": dict, "resource_statuses": dict}
_WHOLE_SINCE = 10
"""From this format on `corrective_change` follows the resources: a report without it was cut off in them."""

_STATES: tuple[RunState, ...] = get_args(RunState)
_EVENT_STATES: tuple[EventState, ...] = get_args(EventState)


def report(body: bytes) -> Report:
    """The report in a text. Raises `ReportError`."""
    tag, content = document.read(body)
    if tag != _TAG:
        raise ReportError(f"it is no Puppet report: the root's tag is {quoted(tag or None)}, not {_TAG}")
    if not isinstance(content, dict):
        raise ReportError("it is no Puppet report: the root is no mapping")
    return _report(content, _format(content))


def _report(content: Mapping[str, Any], number: int) -> Report:
    _check(content, number)
    certname = certname_of(content.get("host"), "host")
    started = time_of(content.get("time"), "time")
    metrics = mapping(content["metrics"])
    times = _times(metrics)
    logs = tuple(_logs(sequence(content["logs"])))
    statuses = mapping(content["resource_statuses"])
    noop_pending = content.get("noop_pending")
    return Report(
        certname=certname,
        uuid=uuid_of(content.get("transaction_uuid"), certname, started),
        format=number,
        status=_status(content.get("status")),
        started=started,
        ended=_ended(started, logs, times),
        noop=flag(content.get("noop")),
        noop_pending=_any_noop(statuses) if noop_pending is None else flag(noop_pending),
        corrective=flag(content.get("corrective_change")),
        cached_catalog=text(content.get("cached_catalog_status")),
        completed=_known(content.get("transaction_completed")),
        environment=text(content.get("environment")),
        puppet_version=text(content.get("puppet_version")),
        configuration_version=text(content.get("configuration_version")),
        catalog_uuid=text(content.get("catalog_uuid")),
        code_id=text(content.get("code_id")),
        server=text(content.get("server_used") or content.get("master_used")),
        counts=_counts(metrics, "resources"),
        times=times,
        events=_counts(metrics, "events"),
        changes=_counts(metrics, "changes").get("total"),
        resources=tuple(_resources(statuses)),
        logs=logs,
    )


def _format(content: Mapping[str, Any]) -> int:
    number = whole(content.get("report_format"))
    if number is None:
        raise ReportError(f"report_format: {quoted(content.get('report_format'))} is no number")
    if number < OLDEST:
        raise ReportError(f"report_format: {number} is of Puppet 2 or 3.0 to 3.2; formats from {OLDEST} on are read")
    return number


def _check(content: Mapping[str, Any], number: int) -> None:
    """That the report is all there."""
    whole_with = ("corrective_change",) if _WHOLE_SINCE <= number <= NEWEST else ()
    for part in (*_PARTS, *whole_with):
        if part not in content:
            raise ReportError(f"{part} is missing: the report is not whole")
    for part, kind in _PARTS.items():
        found = content[part]
        if found is not None and not isinstance(found, kind) and number <= NEWEST:
            raise ReportError(f"{part}: a {'list' if kind is list else 'mapping'} was expected")


def _status(value: Any) -> RunState:
    for state in _STATES:
        if value == state:
            return state
    raise ReportError(f"status: {quoted(value)} is none of {', '.join(_STATES)}")


def _known(value: Any) -> bool | None:
    return None if value is None else flag(value)


def _ended(started: float, logs: tuple[LogLine, ...], times: Mapping[str, float]) -> float:
    """A run ends with its last log line; one without log lines when its total time is over. A clock that was set back
    meanwhile does not make it end before it began.
    """
    said = max((line.time for line in logs), default=0.0)
    return max(started, said or started + times.get("total", 0.0))


def _metric(metrics: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """A metric's values by name: each is name, label and number."""
    for row in sequence(mapping(metrics.get(name)).get("values")):
        if isinstance(row, list) and len(row) == 3 and isinstance(row[0], str):
            yield row[0], row[2]


def _counts(metrics: Mapping[str, Any], name: str) -> Mapping[str, int]:
    return {key: count for key, value in _metric(metrics, name) if (count := whole(value)) is not None}


def _times(metrics: Mapping[str, Any]) -> Mapping[str, float]:
    return {key: time for key, value in _metric(metrics, "time") if (time := seconds(value)) is not None}


def _logs(lines: Any) -> Iterator[LogLine]:
    for line in map(mapping, lines):
        level, message = line.get("level"), line.get("message")
        if level and message is not None:
            yield LogLine(
                level=text(level),
                message=text(message),
                source=text(line.get("source")),
                time=moment(line.get("time")) or 0.0,
                file=text(line.get("file")),
                line=whole(line.get("line")) or 0,
            )


def _any_noop(statuses: Mapping[str, Any]) -> bool:
    """What noop_pending says, for the formats that lack it."""
    return any(
        event.get("status") == "noop"
        for status in statuses.values()
        for event in map(mapping, sequence(mapping(status).get("events")))
    )


_SAID_OF = ("changed", "failed", "failed_to_restart", "skipped", "corrective_change")


def _resources(statuses: Mapping[str, Any]) -> Iterator[Resource]:
    """Those that something is to be said of, and the slowest, in the order of the run."""
    slowest = heapq.nlargest(SLOWEST, statuses, key=lambda name: _evaluation(statuses[name]))
    slow = {name for name in slowest if _evaluation(statuses[name])}
    for name, status in statuses.items():
        fields = mapping(status)
        if name and (name in slow or fields.get("events") or any(flag(fields.get(key)) for key in _SAID_OF)):
            yield _resource(name, fields)


def _evaluation(status: Any) -> float:
    return seconds(mapping(status).get("evaluation_time")) or 0.0


def _resource(name: str, fields: Mapping[str, Any]) -> Resource:
    return Resource(
        name=name,
        file=text(fields.get("file")),
        line=whole(fields.get("line")) or 0,
        seconds=_evaluation(fields),
        changed=flag(fields.get("changed")),
        failed=flag(fields.get("failed")) or flag(fields.get("failed_to_restart")),
        skipped=flag(fields.get("skipped")),
        corrective=flag(fields.get("corrective_change")),
        events=tuple(_events(sequence(fields.get("events")))),
    )


def _events(events: Any) -> Iterator[Event]:
    for fields in map(mapping, events):
        for status in _EVENT_STATES:
            if fields.get("status") == status:
                yield _event(fields, status)


def _event(fields: Mapping[str, Any], status: EventState) -> Event:
    """Puppet hides a Sensitive property's values itself and says so. What it marks in another way is hidden here."""
    before, after = (_hidden(fields.get(key)) for key in ("previous_value", "desired_value"))
    redacted = flag(fields.get("redacted")) or REDACTED in (before, after)
    return Event(
        property=text(fields.get("property")),
        status=status,
        previous=REDACTED if redacted and before else before,
        desired=REDACTED if redacted and after else after,
        message=text(fields.get("message")),
        name=text(fields.get("name")),
        time=moment(fields.get("time")) or 0.0,
        corrective=flag(fields.get("corrective_change")),
        redacted=redacted,
    )


def _hidden(value: Any) -> str:
    return REDACTED if is_sensitive(value) else text(shown(value))
