"""Drift: how two copies' definitions of one guest differ."""

from audit.reach import Reach
from facts.inventory.domains import Definition, Disk, Interface

_MIB = 2**20


def differences(home: Definition | None, copy: Definition | None, here: Reach, there: Reach) -> list[str]:
    """What a copy has otherwise than its home, each by the reach of its hypervisor; nothing while either was not read.

    A hypervisor may reach the same network by another bridge, and the same disk by another name of its server or
    another folder, and may not have the pool that says what holds a disk: none of these is a difference.
    """
    if home is None or copy is None or home == copy:
        return []
    found = []
    if home.memory != copy.memory:
        found.append(f"{copy.memory // _MIB} MiB of memory instead of {home.memory // _MIB}")
    if home.vcpus != copy.vcpus:
        found.append(f"{copy.vcpus} vCPUs instead of {home.vcpus}")
    if not _same_disks(home.disks, copy.disks, here, there):
        found.append("other disks")
    if not _same_interfaces(home.interfaces, copy.interfaces):
        found.append("other interfaces")
    if not found and home.digest != copy.digest:
        found.append("another part of the definition")
    return found


def _same_disks(ours: tuple[Disk, ...], theirs: tuple[Disk, ...], here: Reach, there: Reach) -> bool:
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(_same_disk(one, other, here, there) for one, other in pairs)


def _same_disk(one: Disk, other: Disk, here: Reach, there: Reach) -> bool:
    """Of a disk that only one of the two shows on a server, the path is all that can be compared."""
    if (one.target, one.shareable) != (other.target, other.shareable):
        return False
    if here.place(one) == there.place(other):
        return True
    return one.path == other.path and not (here.is_elsewhere(one) and there.is_elsewhere(other))


def _same_interfaces(ours: tuple[Interface, ...], theirs: tuple[Interface, ...]) -> bool:
    return len(ours) == len(theirs) and all(map(_same_interface, ours, theirs))


def _same_interface(one: Interface, other: Interface) -> bool:
    if one.mac != other.mac:
        return False
    if one.network and other.network:
        return one.network == other.network
    return one.bridge == other.bridge
