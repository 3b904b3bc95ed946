"""Where each guest runs: libvirt's domains matched with the directory's hosts.

A guest's hypervisor is where it runs. While it migrates or runs twice, it is the last unambiguous one; if it runs
nowhere, the last known one, then its `enclumeProduction`. What an unreadable hypervisor last showed counts only where
no readable one runs the guest.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from facts.certname import short_name
from facts.estate import Hardware, Host, Placement, Remembered, Storage
from facts.inventory.domains import Disk, Domain, HypervisorSeen


class Found(Struct, frozen=True):
    """A domain on the hypervisor that shows it."""

    hypervisor: str
    domain: Domain


class Fleet(Struct, frozen=True):
    """Every domain of every hypervisor, by UUID and by name; `unreadable` are hypervisors whose last reading failed."""

    by_uuid: Mapping[str, tuple[Found, ...]]
    by_name: Mapping[str, tuple[Found, ...]]
    unreadable: frozenset[str]

    def candidates(self, host: Host, hypervisors: frozenset[str] | None) -> dict[str, tuple[Found, ...]]:
        """The domains that a host could be, by UUID: those on the given hypervisors, None for all of them."""
        if host.domain_uuid:
            found = self.by_uuid.get(host.domain_uuid, ())
            return {host.domain_uuid: found} if found else {}
        for name in (host.name, short_name(host.name)):
            named = self.by_name.get(name, ())
            uuids = {one.domain.uuid for one in named if hypervisors is None or one.hypervisor in hypervisors}
            if uuids:
                return {uuid: self.by_uuid[uuid] for uuid in sorted(uuids)}
        return {}


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


def place(
    found: tuple[Found, ...], known: Remembered | None, production: str | None, unreadable: frozenset[str]
) -> Placement:
    """Say which hypervisor a guest belongs to. `production` is the name of its enclumeProduction."""
    looked = tuple(one.hypervisor for one in found)
    running = [one.hypervisor for one in found if one.domain.running]
    readable = [name for name in running if name not in unreadable]
    where = readable or running
    if len(where) == 1:
        silent = "" if readable else "; that hypervisor cannot be read now"
        return Placement(where[0], f"its domain runs on {where[0]}{silent}", looked, established=True)
    reason = f"its domain runs on {' and '.join(where)}" if where else "no hypervisor that was read runs its domain"
    if known is not None and known.hypervisor:
        return Placement(known.hypervisor, f"{reason}; it last ran alone on {known.hypervisor}", looked)
    if production:
        return Placement(production, f"{reason}; its enclumeProduction is {production}", looked)
    return Placement(None, f"{reason}, and it has no enclumeProduction", looked)


def hardware(found: tuple[Found, ...], hypervisor: str | None) -> Hardware | None:
    """A guest's hardware as defined on its hypervisor, else on the first that defines it; None when none does."""
    if not found:
        return None
    domain = next((one.domain for one in found if one.hypervisor == hypervisor), found[0].domain)
    storage = tuple(sorted({_storage(disk) for disk in domain.disks}, key=_order))
    return Hardware(domain.uuid, domain.memory, domain.vcpus, domain.interfaces, storage)


def _storage(disk: Disk) -> Storage:
    return Storage(disk.storage, disk.export or disk.path, disk.server)


def _order(storage: Storage) -> tuple[str, str, str]:
    return storage.kind, storage.server or "", storage.path
