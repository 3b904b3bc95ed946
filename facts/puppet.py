"""What each node's Puppet agent says of itself: its facts, and its last run."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct


class FactSets(Struct, frozen=True):
    """Facts by certname: of each node at least those that rules name, as they are nested."""

    facts: Mapping[str, Mapping[str, Any]]


RunStatus = Literal["changed", "unchanged", "failed"]


class Run(Struct, frozen=True, kw_only=True):
    """A node's last Puppet run, and the last that did not fail (0: none is known). Times in seconds since the epoch.

    `resources` counts them by outcome, as a report's metrics do (total, changed, failed, …); `cached_catalog` says that
    the run applied an old catalog since it got no new one. `times` (seconds by resource type or phase), `events` and
    `changes` are a report's metrics too; `completed` is its transaction_completed. What it lacks is empty or None.
    """

    certname: str
    ended_at: float
    last_success: float
    status: RunStatus
    noop: bool = False
    cached_catalog: bool = False
    duration: float = 0.0
    environment: str = ""
    resources: Mapping[str, int] = {}
    times: Mapping[str, float] = {}
    events: Mapping[str, int] = {}
    changes: int | None = None
    completed: bool | None = None


NO_FACTS: Mapping[str, Any] = {}


def named(facts: FactSets, certname: str, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The facts of one node that stand under these dotted names (`os.family`), by that name; absent ones are left
    out.
    """
    known = facts.facts.get(certname)
    if not known or not names:
        return NO_FACTS
    return {name: value for name in names if (value := dig(known, name)) is not None}


def dig(facts: Mapping[str, Any], name: str) -> Any:
    """The fact of a dotted name (`os.family`); None for none."""
    found: Any = facts
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found
