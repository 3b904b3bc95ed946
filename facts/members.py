"""Members: which hosts are members of which service, and where; what did not change since before is taken over."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from facts.estate import Declared, Host, Service, Site
from facts.findings import Finding

Entries = tuple[tuple[Service, tuple[str, ...]], ...]
"""The entries of a service, its own and those for one site, each with the normalised DNs that it names."""


class Bound(Struct, frozen=True):
    """A service with its members: the normalised DNs of those that are hosts, and their certnames by the normalised DN
    of their site; `findings` are of names that are no host.
    """

    service: Service
    entries: Entries
    dns: frozenset[str]
    at: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]

    def made_of(self, service: Service, entries: Entries) -> bool:
        """Whether these very objects are what it was made of."""
        return (
            self.service is service
            and len(self.entries) == len(entries)
            and all(old[0] is new[0] and old[1] is new[1] for old, new in zip(self.entries, entries, strict=True))
        )


class Members(Struct, frozen=True):
    """The services with their members, by normalised DN, and each host's services by its normalised DN, by name."""

    bound: Mapping[str, Bound] = {}
    services_of: Mapping[str, tuple[Service, ...]] = {}

    @property
    def findings(self) -> list[Finding]:
        """What names no host."""
        return [finding for bound in self.bound.values() for finding in bound.findings]

    def sites_of(self, service: str) -> frozenset[str]:
        """The sites (normalised DNs) at which a service has a member."""
        return frozenset(self.bound[service].at) if service in self.bound else frozenset()


NOBODY = Members()


def bind(
    declared: Declared,
    hosts: Mapping[str, Host],
    site_of: Mapping[str, Site | None],
    before: Members = NOBODY,
    moved: frozenset[str] = frozenset(),
) -> Members:
    """The members of every service, among these hosts (by normalised DN).

    `before` are the members of an estate with hosts of the same DNs and names, and `moved` the DNs of those whose site
    may be another one since.
    """
    bound = {}
    for key, entries in _entries(declared).items():
        service, known = declared.services[key], before.bound.get(key)
        same = known is not None and known.made_of(service, entries) and moved.isdisjoint(known.dns)
        bound[key] = known if known is not None and same else _bound(service, entries, declared, hosts, site_of)
    services_of = dict(before.services_of)
    for key in bound.keys() | before.bound.keys():
        _rebind(services_of, before.bound.get(key), bound.get(key))
    return Members(bound, services_of)


def _entries(declared: Declared) -> dict[str, Entries]:
    entries: dict[str, Entries] = {}
    for key, dns in declared.members.items():
        entry = declared.services[key]
        service = declared.services.get(entry.of or key, entry)
        entries[service.key] = (*entries.get(service.key, ()), (entry, dns))
    return entries


def _bound(
    service: Service,
    entries: Entries,
    declared: Declared,
    hosts: Mapping[str, Host],
    site_of: Mapping[str, Site | None],
) -> Bound:
    dns = dict.fromkeys(dn for _, named in entries for dn in named if dn in hosts)
    at: dict[str, list[str]] = {}
    for dn in dns:
        if (site := site_of.get(dn)) is not None:
            at.setdefault(site.key, []).append(hosts[dn].name)
    findings = tuple(_dangling(entry, dn) for entry, named in entries for dn in named if dn not in declared.hosts)
    return Bound(service, entries, frozenset(dns), {key: tuple(names) for key, names in at.items()}, findings)


def _dangling(entry: Service, dn: str) -> Finding:
    return Finding("dangling_reference", entry.dn, "member", f"{dn} is no host: remove it, or add the host")


def _rebind(services_of: dict[str, tuple[Service, ...]], old: Bound | None, new: Bound | None) -> None:
    """Bring the services of each host up to date, of whom something is different in one service."""
    if old is new:
        return
    was, now = old.dns if old else frozenset[str](), new.dns if new else frozenset[str]()
    same = old is not None and new is not None and old.service is new.service
    key = new.service.key if new else old.service.key if old else ""
    for dn in was ^ now if same else was | now:
        services = [one for one in services_of.get(dn, ()) if one.key != key]
        if new is not None and dn in now:
            services.append(new.service)
        if services:
            services_of[dn] = tuple(sorted(services, key=_by_name))
        else:
            services_of.pop(dn, None)


def _by_name(service: Service) -> tuple[str, str]:
    return service.name, service.key


def all_providers(members: Iterable[Bound]) -> dict[str, dict[str, tuple[str, ...]]]:
    """What is provided at each site (normalised DN), and by whom (certnames, sorted)."""
    providers: dict[str, dict[str, set[str]]] = {}
    for bound in members:
        for site, names in bound.at.items():
            for provided in bound.service.provides:
                providers.setdefault(site, {}).setdefault(provided, set()).update(names)
    return {
        site: {provided: tuple(sorted(names)) for provided, names in sorted(kinds.items())}
        for site, kinds in providers.items()
    }
