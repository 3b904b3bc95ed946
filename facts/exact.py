"""Exact equality. To Python, 1, 1.0 and True are one value; to JSON and to Puppet they are three."""

from typing import Any

import msgspec


def exactly_equal(one: Any, other: Any) -> bool:
    """Whether two values (JSON, or structs of it) are equal in every type too."""
    return one is other or (one == other and msgspec.json.encode(one) == msgspec.json.encode(other))
