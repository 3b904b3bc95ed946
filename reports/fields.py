"""The values of a report's fields, read from the text, or the JSON, that a sender wrote. None or empty: it makes no
sense as what was asked for.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from reports.document import REDACTED

LARGEST = 2**31 - 1
"""The largest whole number that every database column holds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: Any) -> str:
    """Text as it stands, "" for nothing, JSON for a list or a mapping."""
    if type(value) is str:
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value
    return "" if value is None else msgspec.json.encode(shown(value)).decode()


def shown(value: Any) -> Any:
    """A value without what is marked as Sensitive in it: Puppet 5 writes that as a mapping with its type's name."""
    if isinstance(value, Mapping):
        if is_sensitive(value):
            return REDACTED
        return {key: shown(inner) for key, inner in value.items()}
    return [shown(inner) for inner in value] if isinstance(value, list) else value


def is_sensitive(value: Any) -> bool:
    """Whether this is a Sensitive as Puppet's rich data has it (`{__ptype: Sensitive, __pvalue: …}`)."""
    return isinstance(value, Mapping) and "Sensitive" in (value.get("__ptype"), value.get("__pcore_type__"))


def flag(value: Any) -> bool:
    """`true` as YAML or JSON have it."""
    return value is True or value in ("true", "True", "TRUE")


def whole(value: Any) -> int | None:
    """A whole number of at least 0 that every database holds."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 10):
            return None
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST else None


def seconds(value: Any) -> float | None:
    """A finite number of at least 0."""
    if isinstance(value, str) and len(value) > 64:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def moment(value: Any) -> float | None:
    """A time as seconds since the epoch: `2026-11-22T12:02:27.762038250+00:00`, `…Z`, and as Ruby wrote it before,
    `2015-01-01 10:00:00.123456 +01:00` or `… UTC`; without an offset it is UTC. What is finer than a microsecond is cut
    off.
    """
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        time = datetime.fromisoformat(value.removesuffix(" UTC").replace(" ", "T", 1).replace(" ", ""))
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """A list, empty for anything else."""
    return value if isinstance(value, list) else ()
