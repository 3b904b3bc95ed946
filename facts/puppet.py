"""Puppet facts: what each node's agent says of itself."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class FactSets(Struct, frozen=True):
    """Facts by certname, and when each set was written (seconds since the epoch)."""

    facts: Mapping[str, Mapping[str, Any]]
    written_at: Mapping[str, float]


NO_FACTS: Mapping[str, Any] = {}


def named(facts: FactSets, certname: str, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The facts of one node that stand under these dotted names (`os.family`), by that name; absent ones are left
    out.
    """
    known = facts.facts.get(certname)
    if not known or not names:
        return NO_FACTS
    return {name: value for name in names if (value := _dig(known, name)) is not None}


def _dig(facts: Mapping[str, Any], name: str) -> Any:
    found: Any = facts
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found
