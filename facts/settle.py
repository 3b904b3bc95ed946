"""Settling: what libvirt's side of the join says of each host, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from facts.estate import Declared, Hardware, Host, Kind, Placement, Remembered, Site
from facts.findings import Finding
from facts.fleet import EMPTY, Fleet, Found, muster
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.placement import hardware, place

NO_GUEST = Placement(None, "it is no guest")


class Libvirt(Struct, frozen=True):
    """What libvirt shows. `watched`: the hypervisors that are read; `unread`: those that should be, and never were."""

    hypervisors: Mapping[str, HypervisorSeen]
    fleet: Fleet
    watched: frozenset[str]
    unread: frozenset[str]


def look(
    hypervisors: Mapping[str, HypervisorSeen],
    unreadable: Iterable[str],
    targets: Iterable[HypervisorTarget],
    wrong_uris: Iterable[Finding],
    before: Fleet = EMPTY,
) -> Libvirt:
    """Take what the hypervisors show that should be read now; others' last word counts no more."""
    watched = frozenset(target.name for target in targets)
    shown = {name: value for name, value in hypervisors.items() if name in watched}
    unread = watched.union(finding.certname for finding in wrong_uris) - shown.keys()
    return Libvirt(shown, muster(shown, unreadable, before), watched, unread)


class Settled(Struct, frozen=True):
    """What libvirt's side of the join says of a host."""

    host: Host
    kind: Kind | None
    placement: Placement
    hardware: Hardware | None
    site: Site | None
    findings: tuple[Finding, ...]


def settle(
    hosts: Iterable[Host], declared: Declared, libvirt: Libvirt, remembered: Mapping[str, Remembered], *, legacy: bool
) -> dict[str, Settled]:
    """Find each host's domain, kind, placement and site, by normalised DN."""
    known_hypervisors = libvirt.watched | libvirt.unread
    site_of_hypervisor = {
        host.name: host.site
        for host in hosts
        if host.site and (host.kind == "hypervisor" or host.name in known_hypervisors)
    }
    at_site: dict[str, frozenset[str]] = {}
    for name, site_key in site_of_hypervisor.items():
        at_site[site_key] = at_site.get(site_key, frozenset()) | {name}
    matched = {host.key: _match(host, libvirt, at_site) for host in hosts}
    claims = _claims(matched, declared.hosts)
    settled = {}
    for host in hosts:
        domains, known = matched[host.key], remembered.get(host.name)
        kind = _kind(host, domains, known, libvirt.watched)
        found = next(iter(domains.values())) if len(domains) == 1 else ()
        placement = NO_GUEST
        if kind == "guest":
            placement = place(found, known, _production(host, declared), libvirt.fleet.unreadable)
        site_key = host.site or site_of_hypervisor.get(placement.hypervisor or "", "")
        wrong: list[Finding] = []
        if not legacy:
            wrong += _wrong(host, kind, placement, domains, claims)
            wrong += _wrong_ground(host, placement, known, libvirt.unread)
            wrong += _wrong_site(host, placement, site_key, declared.sites)
        shown = hardware(found, placement.hypervisor) or (known.hardware if known and kind == "guest" else None)
        settled[host.key] = Settled(host, kind, placement, shown, declared.sites.get(site_key), tuple(wrong))
    return settled


def _match(host: Host, libvirt: Libvirt, at_site: Mapping[str, frozenset[str]]) -> dict[str, tuple[Found, ...]]:
    """The domains that a host could be, by UUID."""
    if host.kind in ("hypervisor", "physical") or host.name in libvirt.watched:
        return {}
    around = at_site.get(host.site, frozenset()) if host.site else None
    return libvirt.fleet.candidates(host.name, host.domain_uuid, around)


def _kind(host: Host, domains: Mapping[str, Any], known: Remembered | None, watched: frozenset[str]) -> Kind | None:
    if host.kind:
        return host.kind
    if host.name in watched:
        return "hypervisor"
    if domains:
        return "guest"
    return known.kind if known else None


def _production(host: Host, declared: Declared) -> str | None:
    production = declared.hosts.get(host.production) if host.production else None
    return production.name if production else None


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
        if len(claims[uuid]) > 1:
            others = ", ".join(other.dn for other in claims[uuid] if other is not host)
            message = f"domain {uuid} is also claimed by {others}; correct one enclumeDomainUUID"
            yield Finding("shared_domain", host.dn, "enclumeDomainUUID", message, holds=True)
    if kind == "guest" and placement.hypervisor is None:
        message = f"{placement.because}: start it, or declare where it should run"
        yield Finding("no_placement", host.dn, "enclumeProduction", message, holds=True)


def _wrong_ground(
    host: Host, placement: Placement, known: Remembered | None, unread: frozenset[str]
) -> Iterable[Finding]:
    """A guest that could still run where nobody looks: what is known of it now is no ground for a new answer."""
    where = None if placement.established else placement.hypervisor
    if where in unread:
        last = "last ran" if known and known.hypervisor else "should run"
        message = f"it {last} on {where}, which has not been read: correct its URI, or have it answer"
        yield Finding("unread_hypervisor", host.dn, "enclumeKind", message, holds=True)


def _wrong_site(host: Host, placement: Placement, site_key: str, sites: Mapping[str, Site]) -> Iterable[Finding]:
    """A host without a site; a dangling one of its own is found with its other references."""
    if host.site or site_key in sites:
        return
    if site_key:
        message = f"its hypervisor {placement.hypervisor} is at {site_key}, which is no site: correct that"
        yield Finding("dangling_reference", host.dn, "enclumeAtSite", message, holds=True)
    elif sites:
        message = "it is at no site, so it has no providers and no networks: give its site"
        yield Finding("no_site", host.dn, "enclumeAtSite", message)


def remember(settled: Iterable[Settled], remembered: Mapping[str, Remembered]) -> Mapping[str, Remembered]:
    """What libvirt shows now, over what it showed before: which hosts are guests, and where each last ran alone."""
    now = dict(remembered)
    for one in settled:
        if one.kind != "guest" or one.hardware is None:
            continue
        known = remembered.get(one.host.name)
        last = one.placement.hypervisor if one.placement.established else (known.hypervisor if known else None)
        if (new := Remembered("guest", last, one.hardware)) != known:
            now[one.host.name] = new
    return now if now != remembered else remembered
