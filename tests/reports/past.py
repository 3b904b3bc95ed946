"""Runs that happened: factories of reports as they were received, and a history of them."""

from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from reports.report import Event, LogLine, Place, Received, Report, Resource
from reports.wanted import Wanted

NOW = 1_795_737_600.0
"""2026-11-27 00:00 UTC."""
NOWHERE = Place()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
WEB, MAIL, DB = "web01.lab.test", "mail.lab.test", "db.lab.test"
HV1, HV2 = "hv1.lab.test", "hv2.lab.test"
ANGERS, LILLE = Place("angers", HV1), Place("lille", HV2)
BOOM, MOTD = "Exec[boom]", "File[/etc/motd]"


def uuid_of(certname: str, ago: float) -> str:
    """The transaction_uuid of the run of a node that ended so many seconds before `NOW`."""
    return str(uuid5(NAMESPACE_DNS, f"{certname} {float(ago)}"))


def ran(
    certname: str, ago: float = 0.0, status: str = "", *resources: Resource, place: Place = NOWHERE, **others: Any
) -> Received:
    """A run that ended so many seconds before `NOW` and took 30 s. Without a status, it follows from its resources."""
    failed, changed = sum(one.failed for one in resources), sum(one.changed for one in resources)
    stated: dict[str, Any] = {
        "uuid": uuid_of(certname, ago),
        "format": 12,
        "status": status or ("failed" if failed else "changed" if changed else "unchanged"),
        "started": NOW - ago - 30,
        "ended": NOW - ago,
        "environment": "production",
        "counts": {"total": 100, "failed": failed, "changed": changed},
        "changes": changed,
        "corrective": any(one.corrective for one in resources),
        "resources": resources,
    }
    return Received(Report(certname=certname, **(stated | others)), NOW - ago + 1, place)


def changed(name: str, *, corrective: bool = False, seconds: float = 0.1, **event: Any) -> Resource:
    """A resource that was changed, with its one event."""
    said = {"property": "ensure", "previous": "absent", "desired": "present", "message": f"{name} created"} | event
    one = Event(status="success", corrective=corrective, **said)
    return Resource(
        name=name, file="site.pp", line=7, seconds=seconds, changed=True, corrective=corrective, events=(one,)
    )


def failed(name: str, message: str = "it broke") -> Resource:
    """A resource that failed, with its one event."""
    one = Event(property="returns", status="failure", previous="notrun", desired="0", message=message)
    return Resource(name=name, file="site.pp", line=9, seconds=0.1, failed=True, events=(one,))


def took(name: str, seconds: float) -> Resource:
    """A resource that took long, and did nothing."""
    return Resource(name=name, file="site.pp", line=3, seconds=seconds)


def without_catalog(certname: str, ago: float, message: str = "Could not retrieve catalog") -> Received:
    """A run that got no catalog."""
    said = (LogLine(level="notice", message="hello"), LogLine(level="err", message=message, source="Puppet"))
    return ran(certname, ago, "failed", logs=said, counts={})


def wanted(ago: float = DAY, until: float = -1.0, **others: Any) -> Wanted:
    """What is asked for: the runs of the last so many seconds."""
    return Wanted(since=NOW - ago, until=NOW - until, **others)


def names(told: Iterable[Any]) -> list[str]:
    """The certnames of what was told."""
    return [one.certname for one in told]
