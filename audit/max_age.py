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
from math import inf

from facts.estate import MaxAge, Node, Stated
from facts.observations import BackupKind, Schedule

Ages = Mapping[tuple[BackupKind, Schedule], float]

NONE: Ages = {}


def expected(node: Node) -> Ages:
    """The greatest age in seconds of every backup that this host must have, by kind and schedule."""
    host = node.host
    if host.intent in ("retired", "template"):
        return NONE
    ages: dict[tuple[BackupKind, Schedule], float] = {}
    levels: tuple[Iterable[Stated], ...] = (
        (node.site,) if node.site else (),
        node.services,
        node.site_services,
        (host,),
    )
    for level in levels:
        stated = [age for one in level for age in one.max_ages]
        if stated:
            ages |= _strictest(stated)
    if node.kind == "guest":
        lasting = host.intent == "off"
        return {key: inf if lasting and key[0] != "container" else age for key, age in ages.items() if age}
    return {key: age for key, age in ages.items() if age and key[0] != "container"}


def _strictest(stated: Iterable[MaxAge]) -> Ages:
    """The smallest age of each backup; 0 only where nobody says more."""
    found: dict[tuple[BackupKind, Schedule], float] = {}
    for age in stated:
        key = (age.kind, age.schedule)
        known = found.get(key)
        found[key] = min(known, age.seconds) if known and age.seconds else known or age.seconds
    return found
