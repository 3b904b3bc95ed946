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
    """Every domain of every hypervisor, by UUID and by name; `unreadable` are hypervisors whose last reading failed."""

    by_uuid: Mapping[str, tuple[Found, ...]]
    by_name: Mapping[str, tuple[Found, ...]]
    unreadable: frozenset[str]

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


EMPTY = Fleet({}, {}, frozenset())


def muster(hypervisors: Mapping[str, HypervisorSeen], unreadable: Iterable[str]) -> Fleet:
    """Index the domains of all hypervisors."""
    by_uuid: dict[str, tuple[Found, ...]] = {}
    by_name: dict[str, tuple[Found, ...]] = {}
    for name in sorted(hypervisors):
        for domain in hypervisors[name].domains:
            found = (Found(name, domain),)
            by_uuid[domain.uuid] = by_uuid.get(domain.uuid, ()) + found
            by_name[domain.name.lower()] = by_name.get(domain.name.lower(), ()) + found
    return Fleet(by_uuid, by_name, frozenset(unreadable))
