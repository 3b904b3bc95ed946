"""The fleet: every domain that the hypervisors show, by UUID and by name."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from facts.certname import short_name
from facts.inventory.domains import Domain, HypervisorSeen


class Found(Struct, frozen=True):
    """A domain on the hypervisor that shows it."""

    hypervisor: str
    domain: Domain


class Fleet(Struct, frozen=True):
    """Every domain of every hypervisor, by hypervisor, by UUID and by name (in lower case); `unreadable` are
    hypervisors whose last reading failed; `servers` are by hypervisor the hosts that its domains' disks lie on, sorted.
    """

    seen: Mapping[str, HypervisorSeen]
    on: Mapping[str, tuple[Found, ...]]
    by_uuid: Mapping[str, tuple[Found, ...]]
    by_name: Mapping[str, tuple[Found, ...]]
    unreadable: frozenset[str]
    servers: Mapping[str, tuple[str, ...]] = {}

    def candidates(
        self, certname: str, uuid: str | None, hypervisors: frozenset[str] | None
    ) -> dict[str, tuple[Found, ...]]:
        """The domains that a host could be, by UUID: the declared one, else those named like it on the given
        hypervisors, None for all of them.
        """
        if uuid:
            found = self.by_uuid.get(uuid, ())
            return {uuid: found} if found else {}
        for name in (certname, short_name(certname)):
            named = self.by_name.get(name, ())
            uuids = {one.domain.uuid for one in named if hypervisors is None or one.hypervisor in hypervisors}
            if uuids:
                return {uuid: self.by_uuid[uuid] for uuid in sorted(uuids)}
        return {}


EMPTY = Fleet({}, {}, {}, {}, frozenset())


def muster(hypervisors: Mapping[str, HypervisorSeen], unreadable: Iterable[str], before: Fleet = EMPTY) -> Fleet:
    """Index the domains of all hypervisors; those of one that is as it was in `before` stay the same objects."""
    same = {name for name, seen in hypervisors.items() if before.seen.get(name) is seen}
    on = {
        name: before.on[name] if name in same else tuple(Found(name, one) for one in seen.domains)
        for name, seen in hypervisors.items()
    }
    servers = {
        name: before.servers[name] if name in same else _servers(seen.domains) for name, seen in hypervisors.items()
    }
    by_uuid: dict[str, tuple[Found, ...]] = {}
    by_name: dict[str, tuple[Found, ...]] = {}
    for name in sorted(on):
        for found in on[name]:
            uuid, known_as = found.domain.uuid, found.domain.name.lower()
            by_uuid[uuid] = (*by_uuid.get(uuid, ()), found)
            by_name[known_as] = (*by_name.get(known_as, ()), found)
    return Fleet(hypervisors, on, by_uuid, by_name, frozenset(unreadable), servers)


def _servers(domains: Iterable[Domain]) -> tuple[str, ...]:
    return tuple(sorted({disk.server for domain in domains for disk in domain.disks if disk.server}))
