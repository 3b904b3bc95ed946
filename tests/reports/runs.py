"""Factories of received reports, so that a test says only what it is about."""

from itertools import count
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from reports.report import Event, LogLine, Place, Received, Report, Resource

NOON = 1_764_244_800.0
"""2025-11-27 12:00 UTC."""
WEB, MAIL = "web01.lab.test", "mail.lab.test"
NOWHERE = Place()
_NUMBERS = count()
COUNTS = {
    "total": 412,
    "skipped": 0,
    "failed": 0,
    "failed_to_restart": 0,
    "restarted": 0,
    "changed": 0,
    "out_of_sync": 0,
    "scheduled": 0,
    "corrective_change": 0,
}
TIMES = {
    "file": 0.4321,
    "package": 0.8512,
    "service": 1.2034,
    "startup_time": 1.3688,
    "plugin_sync": 0.3517,
    "fact_generation": 2.7608,
    "convert_catalog": 0.0469,
    "config_retrieval": 3.3812,
    "transaction_evaluation": 4.0414,
    "catalog_application": 5.0582,
    "total": 12.4257,
}


def run_id(name: object) -> str:
    """A transaction_uuid that is always the same for one name."""
    return str(uuid5(NAMESPACE_OID, str(name)))


def report(certname: str = WEB, ended: float = NOON, **others: Any) -> Report:
    """A report of an unchanged run, unless it is said otherwise; each has a uuid of its own."""
    told: dict[str, Any] = {
        "uuid": run_id(f"run {next(_NUMBERS)}"),
        "format": 12,
        "status": "unchanged",
        "started": ended - 12.5,
        "cached_catalog": "not_used",
        "completed": True,
        "environment": "production",
        "puppet_version": "7.23.0",
        "configuration_version": "1795348935",
        "catalog_uuid": run_id(f"catalog {next(_NUMBERS)}"),
        "server": "puppet.lab.test",
        "counts": COUNTS,
        "times": TIMES,
        "events": {"total": 0, "failure": 0, "success": 0},
        "changes": 0,
    } | others
    return Report(certname=certname, ended=ended, **told)


def received(
    certname: str = WEB, ended: float = NOON, *, came: float | None = None, place: Place = NOWHERE, **others: Any
) -> Received:
    """The same, as it was received: at once, unless it came later."""
    return Received(report(certname, ended, **others), ended if came is None else came, place)


def changed(certname: str = WEB, ended: float = NOON, *, files: int = 5, **others: Any) -> Received:
    """A run that changed the content of some files, with the lines that Puppet logs of it."""
    notice = "content changed '{sha256}9f86d081884c7d659a2feaa0c55ad015' to '{sha256}60303ae22b998861bce3b28f33eec1be'"
    resources = tuple(
        Resource(
            name=f"File[/etc/app/part{number}.conf]",
            file="/etc/puppetlabs/code/environments/production/site/profile/manifests/app.pp",
            line=12,
            seconds=0.031,
            changed=True,
            events=(content(ended, message=notice),),
        )
        for number in range(files)
    )
    logs = tuple(
        LogLine(level="notice", message=notice, source=f"/Stage[main]/App/{one.name}/content", time=ended)
        for one in resources
    )
    counts = COUNTS | {"changed": files, "out_of_sync": files}
    told: dict[str, Any] = {"status": "changed", "resources": resources, "logs": logs, "counts": counts}
    return received(certname, ended, **(told | {"changes": files} | others))


def content(ended: float = NOON, **others: Any) -> Event:
    """A change of a file's content."""
    told: dict[str, Any] = {
        "previous": "{sha256}9f86d081884c7d659a2feaa0c55ad015",
        "desired": "{sha256}60303ae22b998861bce3b28f33eec1be",
        "name": "content_changed",
        "time": ended,
        "status": "success",
    } | others
    return Event(property="content", **told)


def failed(certname: str = WEB, ended: float = NOON, resource: str = "Service[nginx]", **others: Any) -> Received:
    """A run in which one resource failed."""
    event = Event(property="ensure", status="failure", message="Could not start", time=ended)
    logs = (LogLine(level="err", message="Systemd start for nginx failed!", source=resource, time=ended),)
    told: dict[str, Any] = {
        "status": "failed",
        "resources": (Resource(name=resource, failed=True, events=(event,)),),
        "logs": logs,
        "counts": COUNTS | {"failed": 1},
    } | others
    return received(certname, ended, **told)
