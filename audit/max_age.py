"""How old each backup of a host may be: what enclumeMaxAge says of it, from the site down to the host itself.

Specific beats general, for each kind and schedule by itself: the site, its services, those services at its site, the
host. Where two of one level differ the stricter counts, so that no service loosens what another one needs. `HOURS=0`
says that this backup is not expected here, whatever is said above; beside a number of the same level it does not count.

Not everything is expected of every host:

- of a retired guest and of a template, nothing;
- a container only of guests, since nobody else has one;
- of a guest that is off on purpose, a container as of any other. Its system and data are saved through the guest, which
  does not answer and does not change: there must be a backup, and it may be as old as it likes (`inf`).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import inf

from facts.estate import MaxAge, Node, Stated
from facts.observations import BackupKind, Schedule

Ages = Mapping[tuple[BackupKind, Schedule], float]

NONE: Ages = {}
_ORDER: Mapping[Schedule, int] = {"daily": 0, "weekly": 1, "monthly": 2}


def expected(node: Node) -> Ages:
    """The greatest age in seconds of every backup that this host must have, by kind and schedule; kind by
    kind, of each the most frequent schedule first.
    """
    host = node.host
    if host.intent in ("retired", "template"):
        return NONE
    levels: tuple[Iterable[Stated], ...] = (
        (node.site,) if node.site else (),
        node.services,
        node.site_services,
        (host,),
    )
    stated = tuple([tuple([one.max_ages for one in level if one.max_ages]) for level in levels])
    return _merged(stated, node.kind == "guest", host.intent == "off")


@lru_cache(maxsize=4096)
def _merged(levels: tuple[tuple[tuple[MaxAge, ...], ...], ...], is_guest: bool, is_off: bool) -> Ages:  # noqa: FBT001
    """What the levels come to; mostly, all guests of a site with the same services are told the same."""
    ages: dict[tuple[BackupKind, Schedule], float] = {}
    for level in levels:
        ages |= _strictest(age for stated in level for age in stated)
    ordered = sorted(ages.items(), key=lambda one: (one[0][0], _ORDER[one[0][1]]))
    if is_guest:
        return {key: inf if is_off and key[0] != "container" else age for key, age in ordered if age}
    return {key: age for key, age in ordered if age and key[0] != "container"}


def _strictest(stated: Iterable[MaxAge]) -> Ages:
    """The smallest age of each backup; 0 only where nobody says more."""
    found: dict[tuple[BackupKind, Schedule], float] = {}
    for age in stated:
        key = (age.kind, age.schedule)
        known = found.get(key)
        found[key] = min(known, age.seconds) if known and age.seconds else known or age.seconds
    return found
