"""The bodies of replies and deliveries. `docs/schemas/` holds a JSON Schema for each, which a test holds to these."""

from typing import Any, Self

from msgspec import UNSET, Struct, UnsetType

from audit.cold_start import SiteStart
from audit.layers_found import Cycle, GuestsOnly
from audit.needs import Outside
from audit.paths import LeftOut, Path
from audit.verdict import Check, Status, Unit
from enc.preview import Difference
from enc.why import Why
from facts.findings import Finding
from facts.observations import Observed
from generation.changes import Previewed
from web.hiera_body import Hiera


class Network(Struct, frozen=True):
    """One of the node's networks; `mac` and `address` where they are known."""

    name: str
    role: str
    mac: str | None
    address: str | None


class Storage(Struct, frozen=True):
    """What holds one of the guest's disks."""

    kind: str
    server: str | None
    path: str


class Enclume(Struct, frozen=True):
    """The one top-scope variable of ours."""

    site: str | None
    kind: str | None
    layer: int
    hypervisor: str | None
    services: tuple[str, ...]
    providers: dict[str, tuple[str, ...]]
    networks: tuple[Network, ...]
    storage: tuple[Storage, ...]


class Parameters(Struct, frozen=True):
    """Top-scope variables: `enclume`, and beside it those that administrators named in puppetVar."""

    enclume: Enclume


class Answer(Struct, frozen=True):
    """`GET /enc/CERTNAME`."""

    classes: dict[str, dict[str, Any]]
    parameters: Parameters
    environment: str | UnsetType = UNSET


class Served(Struct, frozen=True):
    """The answer that is served: its generation, digest, age in seconds, and how it relates to what is known now."""

    generation: int
    digest: str | None
    age: int
    state: str


class Reasons(Why, frozen=True, kw_only=True):
    """`GET /enc/CERTNAME/why`."""

    answer: Served


class Live(Struct, frozen=True):
    """`GET /health/live`. `heartbeat_age` in seconds."""

    live: bool
    heartbeat_age: float
    failed_builds: int


class Source(Struct, frozen=True):
    """One target of one source; `age` in seconds since it was last read, null when it never was."""

    kind: str
    target: str
    age: float | None
    error: str | None


class Held(Struct, frozen=True):
    """What the guard holds: its number, since when (seconds since the epoch), how many nodes, and why."""

    number: int
    since: float
    nodes: int
    reasons: tuple[str, ...]


class Ready(Struct, frozen=True):
    """`GET /health/ready`."""

    ready: bool
    generation: int
    nodes: int
    held: Held | None
    findings: int
    sources: tuple[Source, ...]
    problems: tuple[str, ...]


class Guard(Struct, frozen=True):
    """Whether the guard would hold a change, and why."""

    holds: bool
    reasons: tuple[str, ...]


class Preview(Struct, frozen=True):
    """`POST /preview`."""

    nodes: tuple[Difference, ...]
    guard: Guard

    @classmethod
    def of(cls, previewed: Previewed) -> Self:
        """The body that tells of what was previewed."""
        return cls(previewed.nodes, Guard(bool(previewed.reasons), previewed.reasons))


class HeldNodes(Struct, frozen=True):
    """What the guard holds, node by node."""

    number: int
    since: float
    reasons: tuple[str, ...]
    nodes: tuple[Difference, ...]


class Holding(Struct, frozen=True):
    """`GET /held`."""

    held: HeldNodes | None


class Approved(Struct, frozen=True):
    """`POST /approve/NUMBER`: the generation that is served now, and its size."""

    generation: int
    nodes: int


class Findings(Struct, frozen=True):
    """`GET /findings`."""

    findings: tuple[Finding, ...]


class Taken(Struct, frozen=True):
    """What was delivered and not taken whole: why, the kinds that were taken, and for each other kind the reason."""

    error: str
    taken: tuple[str, ...]
    refused: dict[str, str]


class Measured(Struct, frozen=True):
    """A measured value with its limits; null where there is none. A time is told as its age in seconds, null for
    never.
    """

    label: str
    value: float | None
    unit: Unit
    warning: float | None
    critical: float | None


class ReadSource(Struct, frozen=True):
    """A target that was read for a verdict; `age` in seconds since then, null when it never was."""

    kind: str
    target: str
    age: float | None


class Judgement(Struct, frozen=True):
    """One verdict."""

    check: Check
    code: str
    subject: str
    site: str
    host: str
    kind: str
    schedule: str
    status: Status
    sentence: str
    measures: tuple[Measured, ...]
    sources: tuple[ReadSource, ...]


class Counts(Struct, frozen=True):
    """How many verdicts there are of each status."""

    ok: int
    warning: int
    critical: int
    unknown: int


class Verdicts(Struct, frozen=True):
    """`GET /verdicts`: what was asked for, worst first. `at`: when they were made (seconds since the epoch), `age`: how
    many seconds ago; `problem` says why they cannot be relied on, null when they can; `outdated` that they rest on a
    directory that was not read for too long, null when it was. `counts` are of all that match but for `status` and
    `limit`.
    """

    at: float
    age: float
    generation: int
    problem: str | None
    outdated: str | None
    counts: Counts
    verdicts: tuple[Judgement, ...]


class Icinga(Struct, frozen=True):
    """`GET /icinga`: Icinga 2's configuration, each file's text by its name, and the generation's number."""

    generation: int
    files: dict[str, str]


class Unheard(Struct, frozen=True):
    """Why what layer 1 of a site uses is not wholly known."""

    site: str
    sentence: str


class Layers(Struct, frozen=True):
    """`GET /layers`: the paths from layer 1 into layer 2 and what was left out of them, what waits for itself, what
    guests alone provide, what is used outside of the estate; and each site's cold start. `at`: when this was judged
    (seconds since the epoch).
    """

    at: float
    paths: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    cycles: tuple[Cycle, ...]
    guests_only: tuple[GuestsOnly, ...]
    outside: tuple[Outside, ...]
    unknown: tuple[Unheard, ...]
    sites: tuple[SiteStart, ...]


class Facts(Struct, frozen=True):
    """`PUT /facts/CERTNAME` as `puppet facts find` prints it. The facts alone, as Facter prints them, are taken, and
    PuppetDB's `certname` and `producer_timestamp` too; other keys are ignored.
    """

    name: str
    values: dict[str, Any]
    timestamp: str | UnsetType = UNSET


class Refusal(Struct, frozen=True):
    """Whatever was refused: what was wrong, and what to do."""

    error: str


BODIES: dict[str, type[Struct]] = {
    "enc": Answer,
    "why": Reasons,
    "hiera": Hiera,
    "live": Live,
    "ready": Ready,
    "preview": Preview,
    "held": Holding,
    "approve": Approved,
    "findings": Findings,
    "taken": Taken,
    "verdicts": Verdicts,
    "icinga": Icinga,
    "layers": Layers,
    "refusal": Refusal,
}

DELIVERIES: dict[str, type[Struct]] = {"observation": Observed, "facts": Facts}
