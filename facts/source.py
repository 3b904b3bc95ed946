"""What a source of observations is, and whom it tells.

A source watches outside systems in threads of its own. It hands every changed observation to a `Ledger`,
confirms unchanged ones (so that their age stays true) and reports failures; a failure never removes
an observation.
"""

from typing import Literal, Protocol

from msgspec import Struct

from facts.directory.entries import Directory
from facts.inventory.domains import HypervisorSeen

SourceKind = Literal["directory", "inventory", "facts", "code", "observations", "reports"]


class SourceKey(Struct, frozen=True, order=True, gc=False):
    """Which source, and which of its targets (an LDAP base, a hypervisor's certname, a folder, the certname of a host
    that observes itself).
    """

    kind: SourceKind
    target: str


HISTORY = SourceKey("reports", "history")
"""The reports of Puppet runs, and the history that they are read into."""


class Code(Struct, frozen=True):
    """What the Puppet code says of its classes: which parameters (`class::name`) are Sensitive in any environment.

    `unread`: a sentence on manifests of which nobody knows that; "" for none.
    """

    sensitive: frozenset[str]
    unread: str = ""


Value = Directory | HypervisorSeen | Code


class Observation(Struct, frozen=True):
    """What a source saw, when (seconds since the epoch), and how many seconds it `took` to read."""

    key: SourceKey
    value: Value
    read_at: float
    took: float = 0.0


class Ledger(Protocol):
    """Where sources write down what they see. Every method may be called from any thread and never blocks."""

    def observed(self, observation: Observation) -> None:
        """The target was read and is not as it was."""

    def confirmed(self, key: SourceKey, read_at: float, took: float = 0.0) -> None:
        """The target was read at `read_at` (seconds since the epoch), which took so many seconds, and is as it was."""

    def failed(self, key: SourceKey, at: float, reason: str) -> None:
        """The target could not be read; `reason` says what, where and what to do."""


class Source(Protocol):
    """One outside system, observed until stopped."""

    def start(self, ledger: Ledger) -> None:
        """Begin observing in threads of its own; returns at once."""

    def stop(self) -> None:
        """End every thread and child; returns when they have ended, within seconds."""
