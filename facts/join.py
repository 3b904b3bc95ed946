"""The join: what LDAP declares with what libvirt shows, one node at a time."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from facts.directory.entries import Directory
from facts.directory.meaning import Meaning
from facts.estate import Estate, Host, Node, Remembered, Site, Stated
from facts.exact import exactly_equal
from facts.findings import Finding
from facts.fleet import EMPTY
from facts.inventory.domains import HypervisorSeen
from facts.links import Links, about, distinct_hosts
from facts.puppet import FactSets, named
from facts.settle import Settled, look, remember, settle
from facts.targets import targets_of
from settings import Settings


class Seen(Struct, frozen=True):
    """All that the sources last saw. `unreadable`: the hypervisors whose last reading failed."""

    directory: Directory
    meaning: Meaning
    hypervisors: Mapping[str, HypervisorSeen]
    unreadable: frozenset[str]
    facts: FactSets


def join(
    seen: Seen,
    settings: Settings,
    remembered: Mapping[str, Remembered],
    fact_names: tuple[str, ...] = (),
    before: Estate | None = None,
) -> Estate:
    """Make the estate of what the sources saw and of what was once established.

    Nodes that are as they were in `before` stay the same objects. Pure: reads nothing, raises nothing on bad data.
    """
    declared = seen.meaning.declared
    targets, wrong_uris = targets_of(declared, settings)
    hosts, duplicates = distinct_hosts(declared)
    libvirt = look(seen.hypervisors, seen.unreadable, targets, wrong_uris, before.fleet if before else EMPTY)
    settled = settle(hosts, declared, libvirt, remembered, legacy=settings.directory.legacy)
    links = Links(declared, hosts, {host.key: settled[host.key].site for host in hosts}, before)
    nodes = {}
    for host in hosts:
        if _served(settled[host.key].site, settings):
            node = _node(host, settled[host.key], links, duplicates, named(seen.facts, host.name, fact_names))
            known = before.nodes.get(host.name) if before else None
            nodes[host.name] = known if known is not None and _unchanged(known, node) else node
    wrong_in_nodes = {finding for node in nodes.values() for finding in node.findings}
    said = {replace(finding, certname="") for finding in wrong_in_nodes}
    in_no_node = {*declared.findings, *wrong_uris, *links.findings} - said
    return Estate(
        directory=seen.directory,
        declared=declared,
        nodes=nodes,
        hypervisors=libvirt.hypervisors,
        fleet=libvirt.fleet,
        unreadable=seen.unreadable,
        targets=targets,
        remembered=remember(settled.values(), remembered),
        findings=tuple(sorted(in_no_node | wrong_in_nodes)),
    )


def _served(site: Site | None, settings: Settings) -> bool:
    return not settings.sites or site is None or site.name in settings.sites


def _node(
    host: Host, settled: Settled, links: Links, duplicates: Mapping[str, Finding], facts: Mapping[str, Any]
) -> Node:
    services = links.services_of.get(host.key, ())
    profiles, wrong_chain = links.profiles_of(host)
    wrong = [*settled.findings, *wrong_chain, *links.wrong_with(host, services, profiles)]
    if host.name in duplicates:
        wrong.append(duplicates[host.name])
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
        facts=facts,
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
