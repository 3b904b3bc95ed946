"""Who writes to which disk: two running guests that write to one disk spoil it."""

from collections.abc import Iterable, Iterator, Mapping

from facts.fleet import Fleet, Found
from facts.inventory.domains import Disk

DiskKey = tuple[str, str]
Writers = Mapping[DiskKey, tuple[Found, ...]]
"""The running domains that may write to each disk, by what makes two disks one."""


def writers(fleet: Fleet, before: Fleet, known: Writers) -> tuple[Writers, set[str]]:
    """The writers of every disk of a fleet, made of what was `known` of the fleet `before`; and the UUIDs of domains
    that now write to a disk together with others, or did before.
    """
    now, concerned = dict(known), set[str]()
    for hypervisor in fleet.on.keys() | before.on.keys():
        old, new = before.on.get(hypervisor, ()), fleet.on.get(hypervisor, ())
        if old is new:
            continue
        for key, found in _written(old):
            left = tuple(one for one in now.get(key, ()) if one is not found)
            concerned.update(one.domain.uuid for one in left)
            if left:
                now[key] = left
            else:
                now.pop(key, None)
        for key, found in _written(new):
            concerned.update(one.domain.uuid for one in now.get(key, ()))
            now[key] = (*now.get(key, ()), found)
    return now, concerned


def sharing(copies: tuple[Found, ...], known: Writers) -> tuple[Found, ...]:
    """The running domains of others that write to a disk which one of these running copies writes to."""
    if not copies:
        return ()
    uuid = copies[0].domain.uuid
    others: list[Found] = []
    for key, _ in _written(copies):
        same = known.get(key, ())
        if len(same) > 1:
            others += (one for one in same if one.domain.uuid != uuid and one not in others)
    return () if not others else tuple(sorted(others, key=lambda one: (one.hypervisor, one.domain.uuid)))


def sharers(domains: Iterable[Found], known: Writers) -> set[str]:
    """The UUIDs of the domains that write to a disk which one of these running domains writes to."""
    same = (known.get(key, ()) for key, _ in _written(domains))
    return {one.domain.uuid for writing in same if len(writing) > 1 for one in writing}


def _written(domains: Iterable[Found]) -> Iterator[tuple[DiskKey, Found]]:
    for found in domains:
        if found.domain.running:
            for disk in found.domain.disks:
                if disk.path and not disk.shareable:
                    yield _key(found.hypervisor, disk), found


def _key(hypervisor: str, disk: Disk) -> DiskKey:
    """Two disks are one if they have one path on a store that hypervisors share, or on one hypervisor."""
    return f"{disk.server}:{disk.export or ''}" if disk.server else hypervisor, disk.path
