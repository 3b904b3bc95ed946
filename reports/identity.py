"""Whose run a report is of, when it began, and by which uuid it is known: what no report can do without."""

import uuid
from typing import Any

from errors import ReportError
from facts.certname import is_certname
from reports.fields import moment

_NIL = uuid.UUID(int=0)


def certname_of(value: Any, where: str) -> str:
    """A certname. Raises `ReportError`."""
    if not isinstance(value, str) or not is_certname(value):
        raise ReportError(f"{where}: {quoted(value)} is not a certname: lower case letters, digits, `.`, `_` and `-`")
    return value


def time_of(value: Any, where: str) -> float:
    """A time in seconds since the epoch. Raises `ReportError`."""
    time = moment(value)
    if time is None:
        raise ReportError(f"{where}: {quoted(value)} is no time")
    return time


def uuid_of(value: Any, certname: str, started: float) -> str:
    """A run's transaction_uuid; one made of certname and time where there is none, or none that is a UUID."""
    try:
        given = uuid.UUID(value)
    except (TypeError, ValueError, AttributeError):
        given = _NIL
    return str(given if given != _NIL else uuid.uuid5(uuid.NAMESPACE_URL, f"puppet-run:{certname}/{started:.6f}"))


def quoted(value: Any) -> str:
    """What stands in a field, as far as an error can show it."""
    return "nothing" if value is None else ascii(value[:60] if isinstance(value, str) else type(value).__name__)
