"""Settling: what libvirt's side of the join says of each host, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from facts.estate import Declared, Hardware, Host, Kind, Placement, Remembered, Site
from facts.exact import differing
from facts.findings import Finding
from facts.fleet import EMPTY, Fleet, Found, muster
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.placement import hardware, place

Domains = Mapping[str, tuple[Found, ...]]
"""Domains on the hypervisors that show them, by UUID."""

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


class Settled(Struct, frozen=True, gc=False):
    """What libvirt's side of the join says of a host."""

    host: Host
    kind: Kind | None
    placement: Placement
    hardware: Hardware | None
    site: Site | None
    findings: tuple[Finding, ...]


class Ground(Struct, frozen=True):
    """What every host is settled on, beside its own entry and domains.

    `names`: the certnames of all hosts by normalised DN; `sites` by the same; `site_of_hypervisor`: the sites that
    hypervisors declare, by certname, and `at_site` the other way round; `legacy`: the old schema says nothing of
    placement, so nothing is found wrong with it.
    """

    names: Mapping[str, str]
    sites: Mapping[str, Site]
    watched: frozenset[str]
    unread: frozenset[str]
    unreadable: frozenset[str]
    site_of_hypervisor: Mapping[str, str]
    at_site: Mapping[str, frozenset[str]]
    legacy: bool

    def same_as(self, other: "Ground") -> bool:
        """Whether it is the same, to the very objects."""
        return self == other and not differing(self.sites, other.sites)


def ground(hosts: Iterable[Host], declared: Declared, libvirt: Libvirt, *, legacy: bool) -> Ground:
    """The ground that all hosts are settled on."""
    known_hypervisors = libvirt.watched | libvirt.unread
    site_of_hypervisor = {
        host.name: host.site
        for host in hosts
        if host.site and (host.kind == "hypervisor" or host.name in known_hypervisors)
    }
    at_site: dict[str, frozenset[str]] = {}
    for name, site_key in site_of_hypervisor.items():
        at_site[site_key] = at_site.get(site_key, frozenset()) | {name}
    names = {key: host.name for key, host in declared.hosts.items()}
    unreadable = libvirt.fleet.unreadable
    return Ground(
        names, declared.sites, libvirt.watched, libvirt.unread, unreadable, site_of_hypervisor, at_site, legacy
    )


def settle(
    host: Host, domains: Domains, others: Mapping[str, tuple[str, ...]], known: Remembered | None, on: Ground
) -> Settled:
    """Find a host's kind, placement and site. `domains`: those that it could be, by UUID; `others`: the DNs of other
    hosts that claim them; `known`: what was once established of it.
    """
    kind = _kind(host, domains, known, on.watched)
    found = next(iter(domains.values())) if len(domains) == 1 else ()
    placement = NO_GUEST
    if kind == "guest":
        placement = place(found, known, on.names.get(host.production or ""), on.unreadable)
    site_key = host.site or on.site_of_hypervisor.get(placement.hypervisor or "", "")
    wrong: list[Finding] = []
    if not on.legacy:
        wrong += _wrong(host, kind, placement, domains, others)
        wrong += _wrong_ground(host, placement, known, on.unread)
        wrong += _wrong_site(host, placement, site_key, on.sites)
    shown = hardware(found, placement.hypervisor) or (known.hardware if known and kind == "guest" else None)
    return Settled(host, kind, placement, shown, on.sites.get(site_key), tuple(wrong))


def match(host: Host, fleet: Fleet, on: Ground) -> Domains:
    """The domains that a host could be, by UUID."""
    if host.kind in ("hypervisor", "physical") or host.name in on.watched:
        return {}
    around = on.at_site.get(host.site, frozenset()) if host.site else None
    return fleet.candidates(host.name, host.domain_uuid, around)


def _kind(host: Host, domains: Mapping[str, Any], known: Remembered | None, watched: frozenset[str]) -> Kind | None:
    if host.kind:
        return host.kind
    if host.name in watched:
        return "hypervisor"
    if domains:
        return "guest"
    return known.kind if known else None


def _wrong(
    host: Host,
    kind: Kind | None,
    placement: Placement,
    matched: Domains,
    others: Mapping[str, tuple[str, ...]],
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
        if others.get(uuid):
            message = f"domain {uuid} is also claimed by {', '.join(others[uuid])}; correct one enclumeDomainUUID"
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
