"""Keepers: who should keep the backups of each host, and whether they speak."""

from collections.abc import Iterable

from msgspec import Struct

from audit.situation import Situation
from audit.voices import Voice, members, voice
from facts.estate import Estate, Node


class Keepers(Struct, frozen=True):
    """Who should speak of a host's backups: the backup servers of its own site (`home`) of its data and system, those
    of other sites (`away`) of its off-site copy, the hypervisors that hold it (`holders`) of its container.
    """

    home: tuple[Voice, ...] = ()
    away: tuple[Voice, ...] = ()
    holders: tuple[Voice, ...] = ()

    def of(self, kind: str) -> tuple[Voice, ...]:
        """Those that should speak of one kind of backup."""
        return self.away if kind == "offsite" else self.holders if kind == "container" else self.home


class Roll:
    """Who keeps backups in an estate: the voices of its backup servers, each with its site, and of its hypervisors; and
    from them the keepers of each host.
    """

    def __init__(self, situation: Situation, estate: Estate) -> None:
        self._situation, self._nodes = situation, estate.nodes
        self.servers = tuple(
            (node.site.key if node.site else "", voice(situation, node, node.host.name, "backups"))
            for node in members(estate, "backup")
        )
        self._known: dict[tuple[str, tuple[str, ...]], Keepers] = {}
        names = {target.name for target in estate.targets}
        names.update(name for name, seen in situation.observations.items() if "containers" in seen.seen_at)
        self.hypervisors = {name: self._hypervisor(name) for name in names}

    def of(self, node: Node, holders: Iterable[str]) -> Keepers:
        """Who should keep this host's backups; `holders` are the hypervisors that hold its domain."""
        here, held_by = node.site.key if node.site else "", tuple(holders)
        if (here, held_by) not in self._known:
            self._known[here, held_by] = Keepers(
                tuple(speaks for site, speaks in self.servers if site and site == here),
                tuple(speaks for site, speaks in self.servers if not site or site != here),
                tuple(self.hypervisors.get(name) or self._hypervisor(name) for name in held_by),
            )
        return self._known[here, held_by]

    def concerned(self, before: "Roll | None", estate: Estate) -> set[str] | None:
        """The hosts whose keepers may not be as they were; None for all of them."""
        if before is None or before.servers != self.servers:
            return None
        now, was = self.hypervisors, before.hypervisors
        changed = {name for name in now.keys() | was.keys() if now.get(name) != was.get(name)}
        if not changed:
            return set()
        keys = {estate.nodes[name].host.key for name in changed if name in estate.nodes}
        return {name for name, node in estate.nodes.items() if _may_hold(node, changed, keys)}

    def _hypervisor(self, name: str) -> Voice:
        return voice(self._situation, self._nodes.get(name), name, "containers")


def _may_hold(node: Node, names: set[str], keys: set[str]) -> bool:
    """Whether a guest is held by one of these hypervisors, or should be (`keys` are their normalised DNs)."""
    placement, host = node.placement, node.host
    shown = placement.hypervisor in names or not names.isdisjoint(placement.observed_on)
    return node.kind == "guest" and (shown or host.production in keys or host.backup in keys)
