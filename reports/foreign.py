"""The report that Foreman's report processor sends, read as a `Report`.

    {"config_report": {"host": "web01.lab.test", "reported_at": "2026-11-22 12:02:21 UTC",
      "status": {"applied": 5, "restarted": 1, "failed": 6, "failed_restarts": 0, "skipped": 1, "pending": 0},
      "metrics": {"resources": {"total": 15, …}, "time": {"total": 4.6, …}, "changes": {…}, "events": {…}},
      "logs": [{"log": {"level": "err", "sources": {"source": "Puppet"}, "messages": {"message": "…"}}}]}}

Source: `report.rb` of https://github.com/theforeman/puppet-puppetserver_foreman, and `POST /api/config_reports` in
Foreman's API, version 2 (`report` in place of `config_report` in version 1).

It has the totals and the log, without times, and nothing of single resources; no transaction_uuid, no environment.

What is read has no list or object where a text or a number belongs: 16 MiB of `{}` would take 800 MiB of memory.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from errors import ReportError
from reports.document import MAX_BYTES
from reports.fields import seconds, text, whole
from reports.identity import certname_of, time_of, uuid_of
from reports.report import LogLine, Report, RunState

FORMAT = 0
"""What a report of this form has in place of a report_format."""

_Plain = str | int | float | bool | None


class _Source(Struct):
    source: _Plain = None


class _Message(Struct):
    message: _Plain = None


class _Log(Struct):
    level: _Plain = None
    sources: _Source | None = None
    messages: _Message | None = None


class _Line(Struct):
    log: _Log


class _Report(Struct):
    host: str
    reported_at: str
    status: dict[str, _Plain]
    metrics: dict[str, dict[str, _Plain]] = {}
    logs: list[_Line] = []


class _Body(Struct):
    config_report: _Report | None = None
    report: _Report | None = None


_decode = msgspec.json.Decoder(_Body).decode


def report(body: bytes) -> Report:
    """The report in a text. Raises `ReportError`."""
    if len(body) > MAX_BYTES:
        raise ReportError(f"it has {len(body)} bytes, more than {MAX_BYTES}")
    try:
        sent = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError(f"it is no report in Foreman's form: {' '.join(str(error).split())[:200]}") from None
    found = sent.config_report or sent.report
    if found is None:
        raise ReportError("it is no report in Foreman's form: config_report is missing")
    return _report(found)


def _report(sent: _Report) -> Report:
    certname, started = certname_of(sent.host, "host"), time_of(sent.reported_at, "reported_at")
    counts, times = _whole(sent.metrics.get("resources", {})), _seconds(sent.metrics.get("time", {}))
    said = _whole(sent.status)
    logs = tuple(_log(line.log) for line in sent.logs)
    changes = _whole(sent.metrics.get("changes", {})).get("total", said.get("applied"))
    return Report(
        certname=certname,
        uuid=uuid_of(None, certname, started),
        format=FORMAT,
        status=_status(said, counts, logs, changes),
        started=started,
        ended=started + times.get("total", 0.0),
        noop_pending=bool(said.get("pending")),
        corrective=bool(counts.get("corrective_change")),
        counts=counts or _counted(said),
        times=times,
        events=_whole(sent.metrics.get("events", {})),
        changes=changes,
        logs=logs,
    )


def _status(
    said: Mapping[str, int], counts: Mapping[str, int], logs: tuple[LogLine, ...], changes: int | None
) -> RunState:
    """What Puppet called the run. Foreman's client does not say it: its count of failures is that of the resources,
    plus the errors that Puppet itself logged, plus one for a run that failed.
    """
    errors = sum(line.level == "err" and line.source.endswith("Puppet") for line in logs)
    known = counts.get("failed", 0) + (errors if counts else 0)
    if counts.get("failed") or said.get("failed_restarts") or said.get("failed", 0) > known:
        return "failed"
    return "changed" if changes else "unchanged"


def _counted(said: Mapping[str, int]) -> Mapping[str, int]:
    """The totals of a report without metrics, as Puppet names them."""
    names = {"applied": "changed", "failed_restarts": "failed_to_restart"}
    return {names.get(key, key): count for key, count in said.items() if key != "pending"}


def _log(sent: _Log) -> LogLine:
    source = sent.sources.source if sent.sources else ""
    message = sent.messages.message if sent.messages else ""
    return LogLine(level=text(sent.level), message=text(message), source=text(source))


def _whole(values: Mapping[str, _Plain]) -> Mapping[str, int]:
    return {text(key): count for key, value in values.items() if (count := whole(value)) is not None}


def _seconds(values: Mapping[str, _Plain]) -> Mapping[str, float]:
    return {text(key): time for key, value in values.items() if (time := seconds(value)) is not None}
