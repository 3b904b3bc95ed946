"""The join: what LDAP declares with what libvirt shows, one node at a time."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from facts.directory.entries import Directory
from facts.directory.meaning import Meaning
from facts.estate import Estate, Hardware, Host, Kind, Node, Placement, Remembered, Site, Stated
from facts.exact import exactly_equal
from facts.findings import Finding
from facts.inventory.domains import HypervisorSeen
from facts.links import Links, about, distinct_hosts
from facts.placement import Fleet, Found, hardware, muster, place
from facts.puppet import FactSets, named
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
    settled = _settle(hosts, seen, settings, remembered, frozenset(target.name for target in targets))
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
        hypervisors=seen.hypervisors,
        unreadable=seen.unreadable,
        targets=targets,
        remembered=_remember(settled.values(), remembered),
        findings=tuple(sorted(in_no_node | wrong_in_nodes)),
    )


class _Settled(Struct, frozen=True):
    """What libvirt's side of the join says of a host."""

    host: Host
    kind: Kind | None
    placement: Placement
    hardware: Hardware | None
    site: Site | None
    findings: tuple[Finding, ...]


def _settle(
    hosts: Iterable[Host],
    seen: Seen,
    settings: Settings,
    remembered: Mapping[str, Remembered],
    watched: frozenset[str],
) -> dict[str, _Settled]:
    """Find each host's domain, kind, placement and site, by normalised DN."""
    declared = seen.meaning.declared
    fleet = muster(seen.hypervisors, seen.unreadable)
    site_of_hypervisor = {
        host.name: host.site for host in hosts if host.site and (host.kind == "hypervisor" or host.name in watched)
    }
    at_site: dict[str, frozenset[str]] = {}
    for name, site_key in site_of_hypervisor.items():
        at_site[site_key] = at_site.get(site_key, frozenset()) | {name}
    matched = {host.key: _match(host, fleet, at_site, watched) for host in hosts}
    claims = _claims(matched, declared.hosts)
    settled = {}
    for host in hosts:
        domains, known = matched[host.key], remembered.get(host.name)
        kind = _kind(host, domains, known, watched)
        found = next(iter(domains.values())) if len(domains) == 1 else ()
        placement = _placement(host, kind, found, known, seen)
        site = declared.sites.get(host.site or site_of_hypervisor.get(placement.hypervisor or "", ""))
        wrong = () if settings.directory.legacy else tuple(_wrong(host, kind, placement, domains, claims))
        if site is None and host.site is None and declared.sites:
            wrong += (_nowhere(host),)
        settled[host.key] = _Settled(host, kind, placement, hardware(found, placement.hypervisor), site, wrong)
    return settled


def _match(
    host: Host, fleet: Fleet, at_site: Mapping[str, frozenset[str]], watched: frozenset[str]
) -> dict[str, tuple[Found, ...]]:
    """The domains that a host could be, by UUID."""
    if host.kind in ("hypervisor", "physical") or host.name in watched:
        return {}
    return fleet.candidates(host, at_site.get(host.site, frozenset()) if host.site else None)


def _kind(host: Host, domains: Mapping[str, Any], known: Remembered | None, watched: frozenset[str]) -> Kind | None:
    if host.kind:
        return host.kind
    if host.name in watched:
        return "hypervisor"
    if domains:
        return "guest"
    return known.kind if known else None


def _placement(
    host: Host, kind: Kind | None, found: tuple[Found, ...], known: Remembered | None, seen: Seen
) -> Placement:
    if kind != "guest":
        return Placement(None, "it is no guest")
    production = seen.meaning.declared.hosts.get(host.production) if host.production else None
    return place(found, known, production.name if production else None, seen.unreadable)


def _served(site: Site | None, settings: Settings) -> bool:
    return not settings.sites or site is None or site.name in settings.sites


def _node(
    host: Host, settled: _Settled, links: Links, duplicates: Mapping[str, Finding], facts: Mapping[str, Any]
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


def _claims(matched: Mapping[str, dict[str, tuple[Found, ...]]], hosts: Mapping[str, Host]) -> dict[str, list[Host]]:
    """Which hosts claim each domain (by UUID)."""
    claims: dict[str, list[Host]] = {}
    for key, domains in matched.items():
        for uuid in domains:
            claims.setdefault(uuid, []).append(hosts[key])
    return claims


def _wrong(
    host: Host,
    kind: Kind | None,
    placement: Placement,
    matched: Mapping[str, tuple[Found, ...]],
    claims: Mapping[str, list[Host]],
) -> Iterable[Finding]:
    """What is wrong with a host's kind, domain and placement."""
    if kind is None:
        message = "declare enclumeKind (guest, hypervisor or physical), or let its domain be seen once"
        yield Finding("unknown_kind", host.dn, "enclumeKind", message, holds=True)
    if len(matched) > 1:
        where = "; ".join(f"{uuid} on {', '.join(one.hypervisor for one in matched[uuid])}" for uuid in matched)
        message = f"several domains have its name: {where}; give enclumeDomainUUID"
        yield Finding("ambiguous_domain", host.dn, "enclumeDomainUUID", message, holds=True)
    for uuid in matched:
        others = [other.dn for other in claims[uuid] if other is not host]
        if others:
            message = f"domain {uuid} is also claimed by {', '.join(others)}; correct one enclumeDomainUUID"
            yield Finding("shared_domain", host.dn, "enclumeDomainUUID", message, holds=True)
    if kind == "guest" and placement.hypervisor is None:
        message = f"{placement.because}: start it, or declare where it should run"
        yield Finding("no_placement", host.dn, "enclumeProduction", message, holds=True)


def _nowhere(host: Host) -> Finding:
    message = "it is at no site, so it has no providers and no networks: give its site"
    return Finding("no_site", host.dn, "enclumeAtSite", message)


def _remember(settled: Iterable[_Settled], remembered: Mapping[str, Remembered]) -> Mapping[str, Remembered]:
    """What libvirt shows now, over what it showed before: which hosts are guests, and where each last ran alone."""
    now = dict(remembered)
    for one in settled:
        if one.kind != "guest" or one.hardware is None:
            continue
        known = remembered.get(one.host.name)
        last = one.placement.hypervisor if one.placement.established else (known.hypervisor if known else None)
        if (new := Remembered("guest", last, one.hardware.uuid)) != known:
            now[one.host.name] = new
    return now if now != remembered else remembered
