"""The ground: what every machine outside of guests stands on, declared, observed and assumed."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from audit.addressed import Addressed
from audit.declared_uses import DeclaredUses, kinds_declared, part_of, parts_of
from audit.needs import EFFECTS, Ground, Machine, Need, Needs, Outside, Part, Silence
from audit.observed_uses import names_in, observed_needs, serving, uses_of
from audit.situation import Situation
from audit.voices import Voice, voice
from facts.estate import Estate, Node
from facts.observations import problems_of
from facts.source import SourceKey

ASSUMED = ("dns", "ntp", "ldap", "dhcp", "nfs", "mirror")
"""What a host of layer 1 is taken to use if nobody says what it uses, and all who provide it at its site are guests.

Not the gateway: a guest that is one may be the guests' own.
"""
_TOLD = 3
"""How many of the reasons why a host cannot say what it uses one sentence tells."""


def survey(situation: Situation, estate: Estate) -> Ground:
    """What layer 1 of the situation's estate stands on."""
    return _Survey(situation, estate).ground()


def machine_of(node: Node) -> Machine:
    """A host as the graph has it."""
    return Machine(
        name=node.host.name,
        site=node.site.name if node.site else "",
        layer=node.layer,
        guest=node.kind == "guest",
        parts=parts_of(node),
        runs_on=node.placement.hypervisor if node.kind == "guest" else None,
    )


def own_needs(node: Node, declared: DeclaredUses) -> Iterator[tuple[Part, tuple[Need, ...]]]:
    """What a host's services need: the host, and what is declared."""
    host = Need("host", "boot", (Part(node.host.name),), all_of=True)
    for service in node.services:
        yield part_of(node.host.name, service), (host, *declared.of_service(node, service))


class _Survey:
    def __init__(self, situation: Situation, estate: Estate) -> None:
        self._estate, self._situation = estate, situation
        self._nodes = [node for node in estate.nodes.values() if node.kind != "guest"]
        self._declared = DeclaredUses(estate)
        said = situation.observations
        self._uses = {node.host.name: uses_of(estate, node, said.get(node.host.name)) for node in self._nodes}
        servers = tuple(_host_in(uri) for uri in self._situation.settings.directory.uris)
        self._servers = tuple(name for name in servers if name)
        wanted = (*names_in(self._uses.values()), *self._servers, self._situation.own)
        self._addressed = Addressed(estate.nodes, filter(None, wanted))
        self._own = self._addressed.only(self._situation.own)
        self._outside: list[Outside] = []
        self._only_guests: dict[str, Mapping[str, tuple[Part, ...]]] = {}

    def ground(self) -> Ground:
        needs = {part: wanted for node in self._nodes for part, wanted in self._needs(node)}
        return Ground(
            machines=self._machines(needs),
            needs=needs,
            observed=frozenset(name for name, uses in self._uses.items() if uses.heard),
            outside=tuple(sorted(self._outside)),
            silent=tuple(sorted(self._silent(needs))),
            own=self._own.host.name if self._own else "",
        )

    def _machines(self, needs: Needs) -> dict[str, Machine]:
        machines = {node.host.name: machine_of(node) for node in self._nodes}
        for host in sorted(_providers(needs) - machines.keys()):
            machines[host] = machine_of(self._estate.nodes[host])
        return machines

    def _needs(self, node: Node) -> Iterator[tuple[Part, tuple[Need, ...]]]:
        observed, outside = observed_needs(node, self._uses[node.host.name], self._addressed)
        self._outside += outside
        assumed = self._assumed(node)
        yield Part(node.host.name), (*self._declared.of_host(node), *observed, *assumed, *self._of_enclume(node))
        for part, needs in own_needs(node, self._declared):
            yield part, (*needs, *self._of_puppet(node, part))

    def _assumed(self, node: Node) -> Iterator[Need]:
        uses = self._uses[node.host.name]
        if node.site is None or node.layer != 1 or uses.whole:
            return
        guests = self._guests_only(node)
        if guests:
            seen = {used.what for used in uses.used}
            known = seen | kinds_declared(node, self._estate.declared.services)
            for what in guests:
                if what not in known:
                    yield Need(what, EFFECTS[what], guests[what], "assumed", "enclumeProvides", what == "nfs")

    def _guests_only(self, node: Node) -> Mapping[str, tuple[Part, ...]]:
        """What only guests provide at a node's site."""
        key, nodes = node.site.key if node.site else "", self._estate.nodes
        if key not in self._only_guests:
            self._only_guests[key] = {
                what: tuple(serving(nodes[name], what) for name in node.providers[what])
                for what in ASSUMED
                if what in node.providers and all(nodes[name].kind == "guest" for name in node.providers[what])
            }
        return self._only_guests[key]

    def _of_enclume(self, node: Node) -> Iterator[Need]:
        """Enclume's own server learns from LDAP what is to change."""
        if node is self._own:
            meant = [self._addressed.meant(node, server) for server in self._servers]
            others = {Part(one.host.name) for found in meant for one in found if one is not node}
            if others:
                elsewhere = not all(meant) or any(node in found for found in meant)
                yield Need("ldap", "change", tuple(sorted(others)), "settings", "directory.uri", elsewhere=elsewhere)

    def _of_puppet(self, node: Node, part: Part) -> Iterator[Need]:
        """The Puppet server of its site asks Enclume's own server."""
        own = self._own
        if own is not None and node is not own and node.site is not None and own.site is not None:
            provides = next(one.provides for one in node.services if one.key == part.service)
            if "puppet" in provides and node.site.key == own.site.key:
                yield Need("enclume", "change", (Part(own.host.name),), "settings", "tls.certificate")

    def _silent(self, needs: Needs) -> Iterator[Silence]:
        unread = {target.name for target in self._estate.targets} - self._estate.hypervisors.keys()
        for node in self._nodes:
            for sentence, source in self._unheard(node, unread):
                yield Silence(node.site.name if node.site else "", sentence, source)
        for host in _providers(needs):
            node = self._estate.nodes[host]
            if node.kind is None:
                sentence = f"{host} is used by layer 1, and nobody knows whether it is a guest: declare its enclumeKind"
                source = SourceKey("directory", self._estate.directory.base)
                yield Silence(node.site.name if node.site else "", sentence, source)

    def _unheard(self, node: Node, unread: set[str]) -> Iterator[tuple[str, SourceKey]]:
        name, libvirt = node.host.name, SourceKey("inventory", node.host.name)
        if name in unread:
            yield f"{name} was never read, so where its guests' disks lie is not known: see `enclume doctor`", libvirt
        elif name in self._estate.unreadable:
            yield f"{name} cannot be read, so where its guests' disks lie may be old: see `enclume doctor`", libvirt
        seen = self._situation.observations.get(name)
        if seen is not None and node.layer == 1:
            yield from _unsaid(name, problems_of(seen.problems, "uses"), voice(self._situation, node, name, "uses"))


def _unsaid(name: str, why: tuple[str, ...], spoken: Voice) -> Iterator[tuple[str, SourceKey]]:
    """What a host that observes itself does not say of what it uses; `why` its observer could not."""
    if why:
        more = f"; and {len(why) - _TOLD} more" if len(why) > _TOLD else ""
        yield f"{name} cannot say all that it uses ({'; '.join(why[:_TOLD])}{more}): mend that there", spoken.source
    if spoken.silent and (spoken.last or not why):
        yield spoken.excuse("what it uses"), spoken.source


def _providers(needs: Needs) -> set[str]:
    every: Iterable[Need] = {id(need): need for wanted in needs.values() for need in wanted}.values()
    return {provider.host for need in every for provider in need.providers}


def _host_in(uri: str) -> str:
    """The host that an LDAP URI names, "" for a socket of this machine."""
    return (urlsplit(uri).hostname or "") if uri.startswith(("ldap:", "ldaps:")) else ""
