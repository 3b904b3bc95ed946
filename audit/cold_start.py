"""The cold start: in which order an estate comes up from nothing, and what is left of it with every guest off.

Both look at every guest, so they are made when somebody asks, from what the check of the layers found.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from audit.declared_uses import DeclaredUses, parts_of
from audit.ground import own_needs
from audit.layers_found import Layers
from audit.needs import GRAVITY, Effect, Ground, Lost, Need, Needs, Part
from audit.order import Order, order
from facts.estate import Estate, Node


class Served(Struct, frozen=True, order=True):
    """A service and the hosts that it is spoken of on."""

    service: str
    hosts: tuple[str, ...]


class Level(Struct, frozen=True):
    """What starts at the same time, once all levels before it are up: hosts, guests, services."""

    number: int
    hosts: tuple[str, ...]
    guests: tuple[str, ...]
    services: tuple[Served, ...]


class Without(Struct, frozen=True, order=True):
    """What starts before something that it runs badly without."""

    starts: str
    without: str


class Left(Struct, frozen=True):
    """What is left of a site with every guest off: the services that go on (on which hosts), those that are lost (with
    the hosts that served them), and the hosts of layer 1 by the worst that happens to them, none of it to `fine` ones.
    """

    going_on: tuple[Served, ...]
    lost: tuple[Served, ...]
    not_booting: tuple[str, ...]
    running_badly: tuple[str, ...]
    unchangeable: tuple[str, ...]
    fine: tuple[str, ...]


class SiteStart(Struct, frozen=True):
    """A site's cold start. Levels are numbered over all sites, since one may wait for another. `cycles` do not come up
    by themselves; each is told where one of its hosts is.
    """

    site: str
    levels: tuple[Level, ...]
    without: tuple[Without, ...]
    cycles: tuple[str, ...]
    left: Left


def cold_start(estate: Estate, layers: Layers, site: str | None = None) -> tuple[SiteStart, ...]:
    """Every site's by name, or one site's; what has no site is told as the site "". Guests that are meant to be off
    stay off.
    """
    used = {name for name, machine in layers.ground.machines.items() if machine.guest}
    nodes = [node for node in estate.nodes.values() if site in (None, _site(node)) or node.host.name in used]
    started = order(_all_needs(estate, nodes, layers.ground))
    left = _left(nodes, layers)
    by_site: dict[str, list[list[Part]]] = {name: [] for name in left}
    for number, parts in enumerate(started.levels):
        for part in parts:
            levels = by_site.get(_site(estate.nodes[part.host]))
            if levels is not None:
                levels.extend([] for _ in range(number + 1 - len(levels)))
                levels[number].append(part)
    return tuple(
        SiteStart(name, tuple(_levels(estate, levels)), *_troubles(estate, started, name), left[name])
        for name, levels in sorted(by_site.items())
        if site in (None, name)
    )


def _site(node: Node) -> str:
    return node.site.name if node.site else ""


def _all_needs(estate: Estate, nodes: Iterable[Node], ground: Ground) -> Needs:
    """The needs of every machine that should run: all that are no guests, and those guests that are among the nodes."""
    needs = dict(ground.needs)
    declared, hosts = DeclaredUses(estate), _Hypervisors(estate)
    for node in nodes:
        if node.kind == "guest" and node.host.intent == "running":
            needs[Part(node.host.name)] = (*hosts.need(node), *declared.of_host(node))
            needs.update(own_needs(node, declared))
    return needs


class _Hypervisors:
    """What guests need of hypervisors: the one that each belongs to, whole; else any one of the site."""

    def __init__(self, estate: Estate) -> None:
        self._nodes = estate.nodes
        self._of: dict[str, tuple[Need, ...]] = {}
        self._at: dict[str, list[Part]] = {}
        for node in estate.nodes.values():
            if node.kind == "hypervisor" and node.site:
                self._at.setdefault(node.site.key, []).append(Part(node.host.name))

    def need(self, guest: Node) -> tuple[Need, ...]:
        """What a guest needs to be started."""
        name = guest.placement.hypervisor
        if name is None or name not in self._nodes:
            near = self._at.get(guest.site.key, []) if guest.site else []
            return (Need("hypervisor", "boot", tuple(near)),) if near else ()
        if name not in self._of:
            self._of[name] = (Need("hypervisor", "boot", parts_of(self._nodes[name]), all_of=True),)
        return self._of[name]


def _levels(estate: Estate, levels: Iterable[list[Part]]) -> Iterator[Level]:
    for number, parts in enumerate(levels):
        if parts:
            hosts = sorted(part.host for part in parts if not part.service)
            guests = tuple(name for name in hosts if estate.nodes[name].kind == "guest")
            others = tuple(name for name in hosts if estate.nodes[name].kind != "guest")
            yield Level(number, others, guests, _served(part for part in parts if part.service))


def _served(parts: Iterable[Part]) -> tuple[Served, ...]:
    hosts: dict[str, list[str]] = {}
    for part in parts:
        hosts.setdefault(part.name, []).append(part.host)
    return tuple(Served(service, tuple(sorted(names))) for service, names in sorted(hosts.items()))


def _troubles(estate: Estate, started: Order, site: str) -> tuple[tuple[Without, ...], tuple[str, ...]]:
    without = sorted(
        Without(part.text, what) for part, what in started.without if _site(estate.nodes[part.host]) == site
    )
    cycles = [cycle for cycle in started.cycles if any(_site(estate.nodes[part.host]) == site for part in cycle)]
    return tuple(without), tuple(" → ".join(part.text for part in (*cycle, cycle[0])) for cycle in cycles)


def _left(nodes: Iterable[Node], layers: Layers) -> Mapping[str, Left]:
    ground = layers.ground
    lost = Lost(ground.needs, frozenset(name for name, machine in ground.machines.items() if machine.guest))
    worst: dict[str, Effect] = {}
    for path in layers.paths:
        worst[path.host] = max(path.effect, worst.get(path.host, path.effect), key=GRAVITY.__getitem__)
    standing: dict[str, list[Part]] = {}
    fallen: dict[str, list[Part]] = {}
    hosts: dict[str, list[str]] = {}
    known: set[str] = set()
    for node in nodes:
        site = _site(node)
        known.add(site)
        if node.kind != "guest" and node.layer == 1:
            hosts.setdefault(site, []).append(node.host.name)
        for part in parts_of(node)[1:]:
            gone = node.kind == "guest" or part in lost
            (fallen if gone else standing).setdefault(site, []).append(part)
    return {
        site: _left_of(standing.get(site, []), fallen.get(site, []), sorted(hosts.get(site, [])), worst)
        for site in known
    }


def _left_of(standing: list[Part], fallen: list[Part], hosts: list[str], worst: Mapping[str, Effect]) -> Left:
    going_on = {part.service for part in standing}
    return Left(
        going_on=_served(standing),
        lost=_served(part for part in fallen if part.service not in going_on),
        not_booting=tuple(name for name in hosts if worst.get(name) == "boot"),
        running_badly=tuple(name for name in hosts if worst.get(name) == "run"),
        unchangeable=tuple(name for name in hosts if worst.get(name) == "change"),
        fine=tuple(name for name in hosts if name not in worst),
    )
