"""Exact equality. To Python, 1, 1.0 and True are one value; to JSON and to Puppet they are three."""

from typing import Any

import msgspec


def exactly_equal(one: Any, other: Any) -> bool:
    """Whether two values (JSON, or structs of it) are equal in every type too."""
    return one is other or (one == other and _canonical(one) == _canonical(other))


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
