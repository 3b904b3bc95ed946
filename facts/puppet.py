"""Puppet facts: what each node's agent says of itself."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class FactSets(Struct, frozen=True):
    """Facts by certname, and when each set was written (seconds since the epoch)."""

    facts: Mapping[str, Mapping[str, Any]]
    written_at: Mapping[str, float]
