"""What stands on what: machines, the services on them, and what each of these needs of others."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from facts.source import SourceKey

Effect = Literal["boot", "run", "change"]
Origin = Literal["declared", "observed", "libvirt", "assumed", "settings"]

EFFECTS: Mapping[str, Effect] = {
    "nfs": "boot",
    "mirror": "boot",
    "pool": "boot",
    "dns": "boot",
    "dhcp": "boot",
    "ldap": "boot",
    "gateway": "boot",
    "ntp": "run",
    "log": "run",
    "updates": "change",
    "puppet": "change",
    "monitoring": "change",
    "backup": "change",
    "proxy": "change",
}
"""What its absence does to whoever uses it: it does not boot, it runs badly, or only cannot be changed."""
UNKNOWN_USE: Effect = "run"
"""The effect of a service that does not say what it provides."""
GRAVITY: Mapping[Effect, int] = {"change": 1, "run": 2, "boot": 3}
GRAVEST_FIRST: tuple[Effect, ...] = ("boot", "run", "change")

_WITH_OWN_DATA = frozenset({"nfs", "mirror", "pool"})


class Part(NamedTuple):
    """A host (certname) itself, or a service as that host serves it: the service's normalised DN and its name."""

    host: str
    service: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """In words: `nacre.lab.test`, `nfs on nacre.lab.test`."""
        return f"{self.name} on {self.host}" if self.service else self.host


class Need(Struct, frozen=True):
    """Something that a part needs: as `what` (a service's name, or a kind of use), of whom, and how badly.

    One of the providers is enough, unless it takes `all_of` them; `elsewhere` says that the host itself, or somebody
    whom nobody knows here, provides it too. `together`: user and provider start at the same time, as the two halves of
    a mirror do. `where` is the place that says so: a DN and attribute, a file, a mount.
    """

    what: str
    effect: Effect
    providers: tuple[Part, ...]
    origin: Origin = "declared"
    where: str = ""
    all_of: bool = False
    elsewhere: bool = False
    together: bool = False


Needs = Mapping[Part, tuple[Need, ...]]


class Machine(Struct, frozen=True):
    """A host of the graph and its parts, the host itself first. `runs_on`: a guest's hypervisor, where one is known."""

    name: str
    site: str
    layer: int
    guest: bool
    parts: tuple[Part, ...]
    runs_on: str | None = None

    @property
    def virtual(self) -> bool:
        """Whether it belongs to layer 2: a guest does, whatever is declared."""
        return self.guest or self.layer > 1


class Outside(Struct, frozen=True, order=True):
    """Something that a host was observed to use, which is no host of the estate."""

    host: str
    what: str
    name: str
    addresses: tuple[str, ...]
    source: str


class Silence(Struct, frozen=True, order=True):
    """A source that could not say what layer 1 uses at a site: a sentence that begins with it and says what to do."""

    site: str
    sentence: str
    source: SourceKey


class Ground(Struct, frozen=True):
    """All that layer 1 stands on: every machine but the guests, the guests that they use, and what each part needs.

    `observed` are the hosts that said themselves what they use; `own` is the certname of Enclume's own server.
    """

    machines: Mapping[str, Machine]
    needs: Needs
    observed: frozenset[str] = frozenset()
    outside: tuple[Outside, ...] = ()
    silent: tuple[Silence, ...] = ()
    own: str = ""


def effect_of(provides: Iterable[str]) -> Effect:
    """What the absence of a service does, by what it provides: the gravest, since nobody says which of it is used."""
    return max((EFFECTS.get(what, UNKNOWN_USE) for what in provides), key=GRAVITY.__getitem__, default=UNKNOWN_USE)


def takes_all(provides: Iterable[str]) -> bool:
    """Whether one provider cannot stand in for another: of a store of data, each has its own."""
    return not _WITH_OWN_DATA.isdisjoint(provides)


def milder(one: Effect, other: Effect) -> Effect:
    """The effect of something that has this effect on what has that one."""
    return min(one, other, key=GRAVITY.__getitem__)


class Lost:
    """The parts that are not there when some hosts are off, and stay off: theirs, and whatever cannot boot then."""

    def __init__(self, needs: Needs, off: frozenset[str]) -> None:
        self._off, self._lost = off, set[Part]()
        users: dict[Part, list[Part]] = {}
        for user, wanted in needs.items():
            for need in wanted:
                if need.effect == "boot":
                    for provider in need.providers:
                        users.setdefault(provider, []).append(user)
        waiting = [part for part in users if part.host in off]
        while waiting:
            for user in users.get(waiting.pop(), ()):
                if user not in self and any(need.effect == "boot" and self.fails(need) for need in needs[user]):
                    self._lost.add(user)
                    waiting.append(user)

    def __contains__(self, part: Part) -> bool:
        return part.host in self._off or part in self._lost

    def fails(self, need: Need) -> bool:
        """Whether a need is not met."""
        if need.all_of:
            return any(provider in self for provider in need.providers)
        return bool(need.providers) and not need.elsewhere and all(provider in self for provider in need.providers)
