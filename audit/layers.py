"""The check of the layers: layer 1 (hypervisors and what they use) never uses a service of layer 2 (guests).

Its one group's `details` are `Layers`; `Layers.paths` has one entry for each (site, host, provider, effect) with the
number of paths, which is what the metric `layer_violation` tells.
"""

from collections.abc import Iterator
from operator import itemgetter

from audit.ground import survey
from audit.layer_verdicts import verdicts
from audit.layers_found import Cycle, GuestsOnly, Layers
from audit.needs import GRAVITY, Ground, Need
from audit.order import order
from audit.paths import paths
from audit.verdict import Judged
from audit.view import Group, View


def groups(view: View) -> Iterator[Group]:
    """One group, for paths may lead from any site to any other; it rests on what layer 1 uses, and on nothing else."""
    estate = view.situation.now.estate
    if estate is not None:
        ground = survey(view.situation, estate)
        base = view.situation.settings.directory.base
        yield Group("layers", (ground, base), lambda: judge(ground, base))


def judge(ground: Ground, base: str) -> Judged:
    """The verdicts on a ground; `base` is the directory that it was declared in."""
    told, left_out = paths(ground)
    found = Layers(ground, told, left_out, tuple(_cycles(ground)), tuple(_guests_only(ground)))
    return Judged(tuple(verdicts(found, base)), details=found)


def _cycles(ground: Ground) -> Iterator[Cycle]:
    for parts in order(ground.needs).cycles:
        first = parts.index(min(parts))
        around = parts[first:] + parts[:first]
        hosts = tuple(dict.fromkeys(part.host for part in around))
        yield Cycle(ground.machines[hosts[0]].site, hosts, " → ".join(part.text for part in (*around, around[0])))


def _guests_only(ground: Ground) -> Iterator[GuestsOnly]:
    found: dict[tuple[str, str], list[tuple[str, Need]]] = {}
    only = _OnlyInGuests(ground)
    for machine in ground.machines.values():
        if not machine.virtual:
            for part in machine.parts:
                for need in ground.needs.get(part, ()):
                    if need in only:
                        found.setdefault((machine.site, _provided(need)), []).append((machine.name, need))
    for (site, what), uses in sorted(found.items(), key=itemgetter(0)):
        distinct = {id(need): need for _, need in uses}.values()
        yield GuestsOnly(
            site=site,
            what=what,
            effect=max((need.effect for need in distinct), key=GRAVITY.__getitem__),
            guests=tuple(sorted({provider.host for need in distinct for provider in need.providers})),
            users=tuple(sorted({host for host, _ in uses})),
        )


def _provided(need: Need) -> str:
    """The service that all its providers serve, else what it is needed as."""
    services = {provider.name for provider in need.providers}
    return services.pop() if len(services) == 1 and "" not in services else need.what


class _OnlyInGuests:
    """The needs that guests alone meet; those that many parts share are looked at once."""

    def __init__(self, ground: Ground) -> None:
        self._machines, self._known = ground.machines, dict[int, bool]()

    def __contains__(self, need: Need) -> bool:
        if id(need) not in self._known:
            guests = (self._machines[provider.host].guest for provider in need.providers)
            self._known[id(need)] = bool(need.providers) and not need.elsewhere and all(guests)
        return self._known[id(need)]
