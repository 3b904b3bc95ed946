"""Voices: the hosts that should say something by their observers, and whether they do."""

from collections.abc import Iterable

from msgspec import Struct

from audit.situation import Situation
from audit.words import names, when
from facts.estate import Estate, Node
from facts.source import SourceKey

_OBSERVER = "enclume-observe"


class Voice(Struct, frozen=True):
    """A host that should say something of a kind, and whether it is `silent`, so that nothing is known from it: it
    never spoke of that (`last` is 0), last did too long ago, or says that it looked, and there is nothing of the kind
    (`absent`).

    `last` is told of one that does not speak only, so that a voice stays the same while its host goes on speaking.
    """

    name: str
    silent: bool = False
    last: float = 0.0
    absent: bool = False

    @property
    def unheard(self) -> bool:
        """Whether it is silent, and not even said to be absent."""
        return self.silent and not self.absent

    @property
    def source(self) -> SourceKey:
        """What was read of it."""
        return SourceKey("observations", self.name)

    def excuse(self, what: str) -> str:
        """Why nothing is known of something, and what to do about it."""
        return excuses((self,), what)


def excuses(silent: Iterable[Voice], what: str) -> str:
    """Why nothing is known of something from several that are silent, and what to do about it."""
    never: list[str] = []
    absent: list[str] = []
    said: list[str] = []
    for one in silent:
        if one.absent:
            absent.append(one.name)
        elif one.last:
            said.append(f"{one.name} has said nothing of {what} since {when(one.last)}: look at {_OBSERVER} there")
        else:
            never.append(one.name)
    if never:
        have = "has" if len(never) == 1 else "have"
        said.append(
            f"{names(never)} {have} never said anything of {what}: install {_OBSERVER} there, or look at its log"
        )
    if absent:
        looked = f"{_OBSERVER} finds nothing of {what} on {names(absent)}"
        said.append(f"{looked}: mount there what holds it, or name its place in the configuration of {_OBSERVER}")
    return "; ".join(said)


def voice(situation: Situation, node: Node | None, name: str, kind: str) -> Voice:
    """Whether a host, of that name and node, says what it should of a kind (`facts.observations.KINDS`)."""
    seen = situation.observations.get(name)
    told, missed = (seen.seen_at.get(kind, 0.0), seen.absent.get(kind, 0.0)) if seen else (0.0, 0.0)
    last = max(told, missed)
    site = node.site.name if node and node.site else None
    if last and situation.at - last <= situation.settings.thresholds.of(site, name).observation_seconds:
        return Voice(name) if told else Voice(name, silent=True, absent=True)
    return Voice(name, silent=True, last=last)


def members(estate: Estate, *provided: str) -> tuple[Node, ...]:
    """The members of every service that provides any of these, by certname."""
    declared = estate.declared
    found: dict[str, Node] = {}
    for key, dns in declared.members.items():
        entry = declared.services[key]
        service = declared.services.get(entry.of or key, entry)
        if not set(provided).isdisjoint(service.provides):
            hosts = (declared.hosts[dn].name for dn in dns if dn in declared.hosts)
            found |= {name: estate.nodes[name] for name in hosts if name in estate.nodes}
    return tuple(found[name] for name in sorted(found))
