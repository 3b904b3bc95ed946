"""Who writes to which disk: two running guests that write to one disk spoil it."""

from collections.abc import Iterable, Iterator, Mapping

from audit.reach import Place, Reaches
from facts.fleet import Fleet, Found

Writers = Mapping[Place, tuple[Found, ...]]
"""The running domains that may write to each disk, by where it lies: two disks at one place are one."""


def writers(fleet: Fleet, before: Fleet, known: Writers, reaches: Reaches, were: Reaches) -> tuple[Writers, set[str]]:
    """The writers of every disk of a fleet, made of what was `known` of the fleet `before` with the reaches that `were`
    then; and the UUIDs of domains that now write to a disk together with others, or did before.
    """
    now, concerned = dict(known), set[str]()
    for hypervisor in fleet.on.keys() | before.on.keys():
        old, new = before.on.get(hypervisor, ()), fleet.on.get(hypervisor, ())
        if old is new and reaches.get(hypervisor) is were.get(hypervisor):
            continue
        for place, found in _written(old, were):
            left = tuple(one for one in now.get(place, ()) if one is not found)
            concerned.update(one.domain.uuid for one in left)
            if left:
                now[place] = left
            else:
                now.pop(place, None)
        for place, found in _written(new, reaches):
            concerned.update(one.domain.uuid for one in now.get(place, ()))
            now[place] = (*now.get(place, ()), found)
    return now, concerned


def sharing(copies: tuple[Found, ...], known: Writers, reaches: Reaches) -> tuple[Found, ...]:
    """The running domains of others that write to a disk which one of these running copies writes to."""
    if not copies:
        return ()
    uuid = copies[0].domain.uuid
    others: list[Found] = []
    for place, _ in _written(copies, reaches):
        same = known.get(place, ())
        if len(same) > 1:
            others += (one for one in same if one.domain.uuid != uuid and one not in others)
    return () if not others else tuple(sorted(others, key=lambda one: (one.hypervisor, one.domain.uuid)))


def sharers(domains: Iterable[Found], known: Writers, reaches: Reaches) -> set[str]:
    """The UUIDs of the domains that write to a disk which one of these running domains writes to."""
    same = (known.get(place, ()) for place, _ in _written(domains, reaches))
    return {one.domain.uuid for writing in same if len(writing) > 1 for one in writing}


def _written(domains: Iterable[Found], reaches: Reaches) -> Iterator[tuple[Place, Found]]:
    for found in domains:
        if found.domain.running:
            reach = reaches[found.hypervisor]
            for disk in found.domain.disks:
                if disk.path and not disk.shareable:
                    yield reach.place(disk), found
