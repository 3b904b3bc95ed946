"""Carriers: the hypervisors of each site with the guests that belong to them now."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from audit.load import Load, Lodger, lodgers
from audit.view import View
from facts.estate import Estate


class Carrier(Struct, frozen=True):
    """A hypervisor as it was last seen, and what it carries: the guests that belong to it, and what else runs there.
    `memory` in bytes; 0, as `cpus`, while it was never read. `readable` says that these figures are of now.
    """

    name: str
    memory: int
    cpus: int
    readable: bool
    loads: tuple[Load, ...]
    lodgers: tuple[Lodger, ...] = ()

    @property
    def committed(self) -> int:
        """The memory in bytes that its guests may use, and what else runs there."""
        return sum(load.memory for load in self.loads) + sum(one.memory for one in self.lodgers)

    @property
    def vcpus(self) -> int:
        return sum(load.vcpus for load in self.loads) + sum(one.vcpus for one in self.lodgers)

    @property
    def share(self) -> float:
        """The share of its memory that is committed."""
        return self.committed / self.memory if self.memory else 0.0


def carriers(view: View) -> Mapping[str, tuple[Carrier, ...]]:
    """The hypervisors of every site by its name ("" for none), each site's sorted by name."""
    estate = view.situation.now.estate
    if estate is None:
        return {}
    loads: dict[str, list[Load]] = {}
    lodging = _unclaimed(estate, view.pictures.unclaimed)
    names = {target.name for target in estate.targets}
    for certname, picture in view.pictures.by_host.items():
        load = picture.load
        for lodger in picture.lodges:
            lodging.setdefault(lodger.hypervisor, []).append(lodger)
        if load is not None:
            loads.setdefault(load.home, []).append(load)
        elif picture.node.kind == "hypervisor":
            names.add(certname)
    found: dict[str, list[Carrier]] = {}
    for name in sorted(names):
        carrier = _carrier(estate, name, loads.get(name, []), lodging.get(name, []))
        found.setdefault(estate.site_of(name), []).append(carrier)
    return {site: tuple(found[site]) for site in sorted(found)}


def _unclaimed(estate: Estate, uuids: Iterable[str]) -> dict[str, list[Lodger]]:
    """What runs on each hypervisor and is no entry's, by the hypervisor's name."""
    lodging: dict[str, list[Lodger]] = {}
    for uuid in uuids:
        copies = estate.fleet.by_uuid[uuid]
        for one in lodgers(copies[0].domain.name, copies, None):
            lodging.setdefault(one.hypervisor, []).append(one)
    return lodging


def _carrier(estate: Estate, name: str, loads: list[Load], lodging: list[Lodger]) -> Carrier:
    seen = estate.hypervisors.get(name)
    if seen is None:
        return Carrier(name, 0, 0, False, tuple(loads))
    return Carrier(name, seen.memory, seen.cpus, name not in estate.unreadable, tuple(loads), tuple(sorted(lodging)))
