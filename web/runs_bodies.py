"""The bodies of replies about Puppet runs. `since` and `until` are the period that was asked for, in seconds since the
epoch; `more` says that there was more than `limit` let through.
"""

from msgspec import Struct

from reports.summaries import AtPlace, Change, Drift, Failing, LastRun, RunSummary, Slow, Unseen, WholeRun


class Runs(Struct, frozen=True):
    """`GET /runs`: newest first. `next`: what to give as `after` for those before them, null when there are none."""

    since: float
    until: float
    runs: tuple[RunSummary, ...]
    next: str | None


class Ended(Struct, frozen=True):
    """How the last runs ended: so many nodes each."""

    failed: int
    changed: int
    unchanged: int


class LastRuns(Struct, frozen=True):
    """`GET /runs/last`: of each node the last run, the failed ones first, then by certname. `counts` are of all that
    match but for `status`, `after` and `limit`; `gone` are nodes with runs that are in the directory no more: null
    while that cannot be known.
    """

    counts: Ended
    runs: tuple[LastRun, ...]
    gone: tuple[str, ...] | None
    next: str | None


class Changes(Struct, frozen=True):
    """`GET /runs/changes`: newest first."""

    since: float
    until: float
    changes: tuple[Change, ...]
    more: bool


class FailingResources(Struct, frozen=True):
    """`GET /runs/failing`: what fails still first, then the most often. `gone`: of these nodes, those that are in the
    directory no more; null while that cannot be known.
    """

    since: float
    until: float
    failing: tuple[Failing, ...]
    gone: tuple[str, ...] | None
    more: bool


class Drifted(Struct, frozen=True):
    """`GET /runs/drift`: the most often first."""

    since: float
    until: float
    drift: tuple[Drift, ...]
    more: bool


class SlowResources(Struct, frozen=True):
    """`GET /runs/slow`: the slowest median first."""

    since: float
    until: float
    slow: tuple[Slow, ...]
    more: bool


class Places(Struct, frozen=True):
    """`GET /runs/by/PLACE`: by name."""

    since: float
    until: float
    places: tuple[AtPlace, ...]
    more: bool


class UnseenNodes(Struct, frozen=True):
    """`GET /runs/unseen`: nodes of the estate that should run and have not since then, the longest silent first.
    `nodes`: how many should.
    """

    since: float
    nodes: int
    unseen: tuple[Unseen, ...]
    more: bool


BODIES: dict[str, type[Struct]] = {
    "runs": Runs,
    "run": WholeRun,
    "runs_last": LastRuns,
    "runs_changes": Changes,
    "runs_failing": FailingResources,
    "runs_drift": Drifted,
    "runs_slow": SlowResources,
    "runs_by": Places,
    "runs_unseen": UnseenNodes,
}
