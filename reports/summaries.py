"""What the history answers, as frozen values. Nothing here knows a database, so that whoever tells of them loads none.

Times in seconds since the epoch, lengths of time in seconds. `site` and `hypervisor` are those at the time of the run,
"" where that is not known. A resource is `Type[title]`.
"""

from msgspec import Struct

from reports.report import EventState, LogLine, RunState


class RunSummary(Struct, frozen=True, kw_only=True):
    """One run in a list. `total`, `changed` and `failed` count its resources, `seconds` is how long it took;
    `cached_catalog` is Puppet's word, "" where a report lacks it.
    """

    uuid: str
    certname: str
    status: RunState
    started: float
    ended: float
    received: float
    seconds: float
    site: str
    hypervisor: str
    environment: str
    noop: bool
    corrective: bool
    cached_catalog: str
    total: int
    changed: int
    failed: int


class LastRun(RunSummary, frozen=True, kw_only=True):
    """The last run of a node, and when its last run ended that did not fail, None where none is known."""

    last_success: float | None


class Change(Struct, frozen=True, kw_only=True):
    """What happened to one property of a resource: an event, and where it was declared (`file`, `line`)."""

    uuid: str
    certname: str
    site: str
    hypervisor: str
    time: float
    resource: str
    property: str
    status: EventState
    previous: str
    desired: str
    message: str
    file: str
    line: int
    corrective: bool
    redacted: bool


class ResourceTime(Struct, frozen=True):
    """How long a resource took in one run."""

    resource: str
    seconds: float
    file: str
    line: int


class FailedResource(Struct, frozen=True):
    """A resource that failed or was skipped in one run."""

    resource: str
    failed: bool
    skipped: bool
    file: str
    line: int


class WholeRun(Struct, frozen=True, kw_only=True):
    """One run with all that is kept of it. `slowest` are the resources that took longest, `failed` those that failed or
    were skipped; `times`, `counts` are its metrics as Puppet names them.
    """

    run: RunSummary
    noop_pending: bool
    completed: bool | None
    puppet_version: str
    configuration_version: str
    catalog_uuid: str
    code_id: str
    server: str
    counts: dict[str, int]
    times: dict[str, float]
    events: tuple[Change, ...]
    failed: tuple[FailedResource, ...]
    slowest: tuple[ResourceTime, ...]
    logs: tuple[LogLine, ...]


class Failing(Struct, frozen=True, kw_only=True):
    """A resource that failed on a node, over a period; `resource` is "" for runs that failed without one,
    most of which got no catalog.

    `times` in how many runs, `first` and `last` when; `still`: in the node's last run, too. `since`: the first of the
    failures in a row that `last` ends. `message` is what was said the last time.
    """

    certname: str
    resource: str
    site: str
    hypervisor: str
    times: int
    first: float
    last: float
    since: float
    still: bool
    message: str
    uuid: str
    file: str
    line: int


class Drift(Struct, frozen=True, kw_only=True):
    """A property that something besides Puppet changed, and Puppet changed back: how many `times`, `first` and `last`
    when, and what was found and restored the last time.
    """

    certname: str
    resource: str
    property: str
    site: str
    hypervisor: str
    times: int
    first: float
    last: float
    previous: str
    desired: str
    message: str
    redacted: bool
    uuid: str
    file: str
    line: int


class Slow(Struct, frozen=True, kw_only=True):
    """A resource that takes long: in how many `runs` on how many `nodes` its time was kept, their median, the longest
    and whose that was. `certname` is the node it is told of, "" for all.
    """

    resource: str
    certname: str
    runs: int
    nodes: int
    median: float
    worst: float
    worst_certname: str
    worst_uuid: str


class AtPlace(Struct, frozen=True, kw_only=True):
    """The runs of a site or a hypervisor, where the nodes were then: how many, of how many nodes, how they ended, and
    how long they took in the mean and at most.
    """

    name: str
    runs: int
    nodes: int
    failed: int
    changed: int
    unchanged: int
    corrective: int
    mean: float
    worst: float


class Unseen(Struct, frozen=True, kw_only=True):
    """A node of the estate without a recent run: its place now, and when and how its last run ended; None: never."""

    certname: str
    site: str
    hypervisor: str
    last: float | None
    status: RunState | None
