"""The join: what LDAP declares with what libvirt shows, one node at a time."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from facts.directory.entries import Directory
from facts.directory.meaning import Meaning
from facts.estate import Declared, Estate, Host, Node, Remembered, Site, Stated
from facts.exact import differing, exactly_equal
from facts.findings import Finding
from facts.fleet import EMPTY
from facts.inventory.domains import HypervisorSeen
from facts.links import Links, about, distinct_hosts
from facts.members import bind
from facts.puppet import FactSets, named
from facts.settle import look
from facts.settlement import Settlement, remember, settle_all
from facts.targets import targets_of
from settings import Settings

_BREATH = 50


class Seen(Struct, frozen=True):
    """All that the sources last saw. `unreadable`: the hypervisors whose last reading failed."""

    directory: Directory
    meaning: Meaning
    hypervisors: Mapping[str, HypervisorSeen]
    unreadable: frozenset[str]
    facts: FactSets


class Ties(Struct, frozen=True):
    """What nodes are made of: one host for each certname, by normalised DN, the others being `duplicates`; the facts
    that were seen; and what came of it all, host by host and between them.
    """

    hosts: Mapping[str, Host]
    duplicates: Mapping[str, Finding]
    facts: FactSets
    settings: Settings
    fact_names: tuple[str, ...]
    settlement: Settlement
    links: Links

    def hold_for_all_as(self, before: "Ties") -> bool:
        """Whether two hosts that are settled and bound alike make the same node now and before."""
        return (
            self.settings is before.settings
            and self.fact_names == before.fact_names
            and self.duplicates == before.duplicates
            and self.settlement.ground.same_as(before.settlement.ground)
            and self.links.binds_as(before.links)
        )


class Joined(Struct, frozen=True):
    """An estate, and what the next join takes over besides its nodes."""

    estate: Estate
    ties: Ties | None = None


def join(  # noqa: PLR0917 - all are needed, none is more so
    seen: Seen,
    settings: Settings,
    remembered: Mapping[str, Remembered],
    fact_names: tuple[str, ...] = (),
    before: Joined | None = None,
    breathe: Callable[[], None] = lambda: None,
) -> Joined:
    """Make the estate of what the sources saw and of what was once established.

    Nodes that are as they were in `before` stay the same objects. Pure: reads nothing, raises nothing on bad data.
    `breathe` is called every few new nodes, so that a caller can let other threads work.
    """
    declared = seen.meaning.declared
    targets, wrong_uris = targets_of(declared, settings)
    was = before.ties if before else None
    hosts, duplicates = distinct_hosts(declared)
    libvirt = look(seen.hypervisors, seen.unreadable, targets, wrong_uris, before.estate.fleet if before else EMPTY)
    legacy, known = settings.directory.legacy, was.settlement if was else None
    settlement = settle_all(hosts, declared, libvirt, remembered, legacy=legacy, before=known)
    links = _links(declared, hosts, settlement, was)
    ties = Ties(hosts, duplicates, seen.facts, settings, fact_names, settlement, links)
    nodes = _nodes(ties, before, breathe)
    wrong_in_nodes = {finding for node in nodes.values() for finding in node.findings}
    said = {replace(finding, certname="") for finding in wrong_in_nodes}
    in_no_node = {*declared.findings, *wrong_uris, *links.findings} - said
    follows = before is not None and remembered is before.estate.remembered
    estate = Estate(
        directory=seen.directory,
        declared=declared,
        nodes=nodes,
        hypervisors=libvirt.hypervisors,
        fleet=libvirt.fleet,
        unreadable=seen.unreadable,
        targets=targets,
        remembered=remember(settlement, all_of_them=not follows),
        findings=tuple(sorted(in_no_node | wrong_in_nodes)),
    )
    return Joined(estate, ties)


def _links(declared: Declared, hosts: Mapping[str, Host], settlement: Settlement, before: Ties | None) -> Links:
    site_of = {key: settled.site for key, settled in settlement.settled.items()}
    if before is not None and settlement.ground.same_as(before.settlement.ground):
        members = bind(declared, hosts, site_of, before.links.members, settlement.again)
    else:
        members = bind(declared, hosts, site_of)
    return Links(declared, site_of, members, before.links if before else None)


def _nodes(ties: Ties, before: Joined | None, breathe: Callable[[], None]) -> dict[str, Node]:
    """The nodes by certname. One of which nothing is other than before is not even made."""
    known = before.estate.nodes if before else {}
    touched: Iterable[str] = ties.hosts
    nodes: dict[str, Node] = {}
    if before is not None and before.ties is not None and ties.hold_for_all_as(before.ties):
        touched, nodes = _touched(ties, before.ties, known.values()), dict(known)
    for made, key in enumerate(touched):
        if made % _BREATH == 0:
            breathe()
        host = ties.hosts[key]
        if _served(ties.settlement.settled[key].site, ties.settings):
            was, node = known.get(host.name), _node(host, ties)
            nodes[host.name] = was if was is not None and _unchanged(was, node) else node
        else:
            nodes.pop(host.name, None)
    return nodes


def _touched(ties: Ties, before: Ties, nodes: Iterable[Node]) -> set[str]:
    """The hosts (normalised DNs) of which something that their node is made of is not the same object as before."""
    services, was = ties.links.members.services_of, before.links.members.services_of
    sites = differing(ties.links.all_providers, before.links.all_providers)
    names = differing(ties.facts.facts, before.facts.facts)
    touched = {*ties.settlement.again, *differing(services, was)}
    if sites or names:
        touched |= {one.host.key for one in nodes if one.host.name in names or (one.site and one.site.key in sites)}
    return touched & ties.hosts.keys()


def _served(site: Site | None, settings: Settings) -> bool:
    return not settings.sites or site is None or site.name in settings.sites


def _node(host: Host, ties: Ties) -> Node:
    settled, links = ties.settlement.settled[host.key], ties.links
    services = links.services_of(host)
    profiles, wrong_chain = links.profiles_of(host)
    wrong = [*settled.findings, *wrong_chain, *links.wrong_with(host, services, profiles)]
    if host.name in ties.duplicates:
        wrong.append(ties.duplicates[host.name])
    return Node(
        host=host,
        kind=settled.kind,
        layer=host.layer or (2 if settled.kind == "guest" else 1),
        site=settled.site,
        placement=settled.placement,
        hardware=settled.hardware,
        services=services,
        site_services=links.at_site(services, settled.site),
        profiles=profiles,
        providers=links.providers(settled.site),
        facts=named(ties.facts, host.name, ties.fact_names),
        findings=about(host.name, wrong),
    )


def _unchanged(known: Node, node: Node) -> bool:
    """Whether a node is as it was, to the type of every value that anybody stated."""
    return (
        known == node
        and exactly_equal(known.facts, node.facts)
        and all(map(exactly_equal, _stated(known), _stated(node)))
    )


def _stated(node: Node) -> tuple[Stated | None, ...]:
    return node.host, node.site, *node.services, *node.site_services, *node.profiles
