"""Exact equality. To Python, 1, 1.0 and True are one value; to JSON and to Puppet they are three."""

from collections.abc import Mapping
from itertools import compress
from operator import is_not
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def exactly_equal(one: Any, other: Any) -> bool:
    """Whether two values (JSON, or structs of it) are equal in every type too."""
    return one is other or (one == other and _canonical(one) == _canonical(other))


def differing(now: Mapping[str, T], before: Mapping[str, T]) -> set[str]:
    """The keys under which two mappings do not hold the same object."""
    if now is before:
        return set()
    if list(now) == list(before):
        # Most often, and three times as fast.
        return set(compress(now, map(is_not, now.values(), before.values())))
    keys = {key for key, value in now.items() if before.get(key) is not value}
    return keys | (before.keys() - now.keys())


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
