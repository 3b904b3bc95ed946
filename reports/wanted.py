"""Which runs are asked for. Nothing here knows a database."""

from msgspec import Struct

MOST = 1000
"""The longest list that is answered at one time."""

USUAL = 100
"""How long a list is where nobody says it."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What runs must be to count. Of each, the values that are accepted, none for any; a site or hypervisor of "" are
    the runs whose place was not known. They ended at `since` or later and before `until` (seconds since the epoch).
    `events` are the statuses of events; `after` is the end of the page before; `by` is "node" where each node is
    told of by itself.
    """

    since: float
    until: float
    hosts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    hypervisors: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    resource: str = ""
    after: str = ""
    by: str = ""
    limit: int = USUAL
