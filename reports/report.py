"""The report of one Puppet run, as everybody here reads it, whoever sent it and in whatever format.

Source: https://www.puppet.com/docs/puppet/8/format_report.html (formats 4 to 12).
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

RunState = Literal["failed", "changed", "unchanged"]
EventState = Literal["success", "failure", "noop", "audit"]


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """What happened to one property of a resource. Values are text as the report has it; a structured one is JSON.

    `redacted`: the report says that its values were hidden; they stay so. `time` in seconds since the epoch.
    """

    property: str
    status: EventState
    previous: str = ""
    desired: str = ""
    message: str = ""
    name: str = ""
    time: float = 0.0
    corrective: bool = False
    redacted: bool = False


class Resource(Struct, frozen=True, kw_only=True, gc=False):
    """A resource of the catalog that the run has something to say of. `name` is `Type[title]`, `seconds` how long its
    evaluation took.
    """

    name: str
    file: str = ""
    line: int = 0
    seconds: float = 0.0
    changed: bool = False
    failed: bool = False
    skipped: bool = False
    corrective: bool = False
    events: tuple[Event, ...] = ()


class LogLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line of the run's log. `level` is Puppet's (debug, info, notice, warning, err, alert, emerg, crit)."""

    level: str
    message: str
    source: str = ""
    time: float = 0.0
    file: str = ""
    line: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """A report. Times in seconds since the epoch.

    - `uuid`: its transaction_uuid, by which it is known once and for all; made of certname and time where a report has
      none.
    - `started` and `ended`: when the run began, and when it had ended (its last log line or its start and total time).
    - `counts`, `times`, `events`, `changes`: the metrics `resources`, `time`, `events` and `changes`, which alone tell
      the totals: a report may leave resources out. Keys as Puppet names them (`failed_to_restart`, `config_retrieval`).
    - `cached_catalog`: Puppet's cached_catalog_status (not_used, explicitly_requested, on_failure; "" before format 6).
    - `completed`: transaction_completed, None where a report lacks it; `corrective`: something had drifted.
    - `resources`: those that changed, failed, were skipped or have events, and the slowest ones.
    """

    certname: str
    uuid: str
    format: int
    status: RunState
    started: float
    ended: float
    noop: bool = False
    noop_pending: bool = False
    corrective: bool = False
    cached_catalog: str = ""
    completed: bool | None = None
    environment: str = ""
    puppet_version: str = ""
    configuration_version: str = ""
    catalog_uuid: str = ""
    code_id: str = ""
    server: str = ""
    counts: Mapping[str, int] = {}
    times: Mapping[str, float] = {}
    events: Mapping[str, int] = {}
    changes: int | None = None
    resources: tuple[Resource, ...] = ()
    logs: tuple[LogLine, ...] = ()


class Place(Struct, frozen=True):
    """Where a node was when its report came, "" where that is not known: its site's name, its hypervisor's certname."""

    site: str = ""
    hypervisor: str = ""


class Received(Struct, frozen=True):
    """A report with when it was received (seconds since the epoch) and where its node was then."""

    report: Report
    received: float
    place: Place = Place()
