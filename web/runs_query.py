"""What a query about runs asks for: its parameters, each held to what it may be."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from werkzeug.datastructures import MultiDict

from errors import EnclumeError
from facts.certname import is_certname
from reports.report import EventState, RunState
from reports.wanted import MOST, USUAL, Wanted

NONE = "-"
"""The site or hypervisor of the runs whose place was not known."""

_FIELDS = {"host": "hosts", "site": "sites", "hypervisor": "hypervisors", "status": "statuses", "event": "events"}
"""The parameters that may be given several times."""

_LATEST = 253402300799.0
"""The last second that a date of four digits has."""
_LONGEST, _VALUES, _DIGITS = 1000, 100, 24


class Wrong(EnclumeError):
    """A query that cannot be understood: what is wrong with it, and what there is."""


def wanted(query: "MultiDict[str, str]", accepted: Sequence[str], period: float, now: float) -> Wanted:
    """What a query asks for, of the parameters that are accepted; without `since`, of the last so many seconds. Raises
    `Wrong`.
    """
    given = dict(query.lists())
    for name, values in given.items():
        if name not in accepted:
            raise Wrong(f"unknown parameter {name[:80]!r}: expected {', '.join(accepted) or 'none'}")
        if len(values) > (_VALUES if name in _FIELDS else 1):
            raise Wrong(f"`{name}` is given {len(values)} times: expected at most {_VALUES if name in _FIELDS else 1}")
    several = {field: tuple(_CHECKS[name](one) for one in given.get(name, ())) for name, field in _FIELDS.items()}
    single = {name: _CHECKS[name](given[name][0]) for name in ("resource", "after", "by") if name in given}
    until = _time("until", given["until"][0]) if "until" in given else now
    since = _time("since", given["since"][0]) if "since" in given else max(0.0, until - period)
    if since > until:
        raise Wrong(f"`since` ({since:.0f}) is later than `until` ({until:.0f}): seconds since the epoch")
    limit = _limit(given["limit"][0]) if "limit" in given else USUAL
    return Wanted(since=since, until=until, limit=limit, **several, **single)  # type: ignore[arg-type]


def _time(name: str, value: str) -> float:
    try:
        seconds = float(value[:_DIGITS]) if len(value) <= _DIGITS else math.nan
    except ValueError:
        seconds = math.nan
    # What is not a number is in no order with any.
    if not 0 <= seconds <= _LATEST:
        raise Wrong(f"`{name}` {value[:80]!r}: expected seconds since the epoch, such as 1795737600")
    return seconds


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(MOST)) and 1 <= int(value) <= MOST):
        raise Wrong(f"`limit` {value[:80]!r}: expected a number from 1 to {MOST}")
    return int(value)


def _host(value: str) -> str:
    if not is_certname(value):
        raise Wrong(f"`host` {value[:80]!r}: not a certname: lower case letters, digits, `.`, `_` and `-`")
    return value


def _place(value: str) -> str:
    return "" if value == NONE else text(value)


def _one_of(what: str, *known: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in known:
            raise Wrong(f"no {what} {value[:80]!r} is known: expected {', '.join(known)}")
        return value

    return check


def text(value: str) -> str:
    """Text that a database can compare: PostgreSQL knows no NUL. Raises `Wrong`."""
    if not value or len(value) > _LONGEST or "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise Wrong(f"{value[:80]!r}: expected text of 1 to {_LONGEST} characters")
    return value


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "host": _host,
    "site": _place,
    "hypervisor": _place,
    "status": _one_of("status", *get_args(RunState)),
    "event": _one_of("event", *get_args(EventState)),
    "resource": text,
    "after": text,
    "by": _one_of("way to tell them", "node"),
}
