"""Drift: how two copies' definitions of one guest differ."""

from facts.inventory.domains import Definition, Disk, Interface

_MIB = 2**20


def differences(home: Definition | None, copy: Definition | None) -> list[str]:
    """What a copy has otherwise than its home; nothing while either was not read.

    A hypervisor may reach the same network by another bridge, and may not have the pool that says what holds a disk:
    neither is a difference.
    """
    if home is None or copy is None or home == copy:
        return []
    found = []
    if home.memory != copy.memory:
        found.append(f"{copy.memory // _MIB} MiB of memory instead of {home.memory // _MIB}")
    if home.vcpus != copy.vcpus:
        found.append(f"{copy.vcpus} vCPUs instead of {home.vcpus}")
    if not _same_disks(home.disks, copy.disks):
        found.append("other disks")
    if not _same_interfaces(home.interfaces, copy.interfaces):
        found.append("other interfaces")
    if not found and home.digest != copy.digest:
        found.append("another part of the definition")
    return found


def _same_disks(ours: tuple[Disk, ...], theirs: tuple[Disk, ...]) -> bool:
    return len(ours) == len(theirs) and all(map(_same_disk, ours, theirs))


def _same_disk(one: Disk, other: Disk) -> bool:
    if (one.target, one.path, one.shareable) != (other.target, other.path, other.shareable):
        return False
    return not (one.server and other.server) or (one.server, one.export) == (other.server, other.export)


def _same_interfaces(ours: tuple[Interface, ...], theirs: tuple[Interface, ...]) -> bool:
    return len(ours) == len(theirs) and all(map(_same_interface, ours, theirs))


def _same_interface(one: Interface, other: Interface) -> bool:
    if one.mac != other.mac:
        return False
    if one.network and other.network:
        return one.network == other.network
    return one.bridge == other.bridge
