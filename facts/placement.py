"""Where each guest runs: libvirt's domains matched with the directory's hosts.

A guest's hypervisor is where it runs. While it migrates or runs twice, it is the last unambiguous one; if it runs
nowhere, the last known one, then its `enclumeProduction`. What an unreadable hypervisor last showed counts only where
no readable one runs the guest.
"""

from facts.estate import Hardware, Placement, Remembered, Storage
from facts.fleet import Found
from facts.inventory.domains import Disk


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
