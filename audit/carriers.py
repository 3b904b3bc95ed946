"""Carriers: the hypervisors of each site with the guests that belong to them now."""

from collections.abc import Mapping

from msgspec import Struct

from audit.load import Load
from audit.view import View
from facts.estate import Estate


class Carrier(Struct, frozen=True):
    """A hypervisor as it was last seen, and what it carries. `memory` in bytes; 0, as `cpus`, while it was never read.
    `readable` says that these figures are of now.
    """

    name: str
    memory: int
    cpus: int
    readable: bool
    loads: tuple[Load, ...]

    @property
    def committed(self) -> int:
        """The memory in bytes that its guests may use."""
        return sum(load.memory for load in self.loads)

    @property
    def vcpus(self) -> int:
        return sum(load.vcpus for load in self.loads)

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
    names = {target.name for target in estate.targets}
    for certname, picture in view.pictures.by_host.items():
        load = picture.load
        if load is not None:
            loads.setdefault(load.home, []).append(load)
        elif picture.node.kind == "hypervisor":
            names.add(certname)
    found: dict[str, list[Carrier]] = {}
    for name in sorted(names):
        found.setdefault(estate.site_of(name), []).append(_carrier(estate, name, loads.get(name, [])))
    return {site: tuple(found[site]) for site in sorted(found)}


def _carrier(estate: Estate, name: str, loads: list[Load]) -> Carrier:
    seen = estate.hypervisors.get(name)
    if seen is None:
        return Carrier(name, 0, 0, False, tuple(loads))
    return Carrier(name, seen.memory, seen.cpus, name not in estate.unreadable, tuple(loads))
