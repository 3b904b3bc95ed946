"""What binds declared things to each other: memberships, profiles, sites, providers, and what dangles."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from facts.estate import Declared, Host, Profile, Service, Site, Stated
from facts.exact import differing
from facts.findings import Finding
from facts.members import Members, all_providers

Providers = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By the normalised DN of a site, what is provided there and by whom (certnames, sorted)."""
NOWHERE: Mapping[str, tuple[str, ...]] = {}


def distinct_hosts(declared: Declared) -> tuple[Mapping[str, Host], Mapping[str, Finding]]:
    """One host for each certname, by normalised DN; for each certname that stands twice, what to say of it."""
    by_name = {host.name: host for host in declared.hosts.values()}
    if len(by_name) == len(declared.hosts):
        return declared.hosts, {}
    same: dict[str, list[Host]] = {}
    for host in declared.hosts.values():
        same.setdefault(host.name, []).append(host)
    first = (min(hosts, key=_by_key) for hosts in same.values())
    return {host.key: host for host in first}, {name: _twice(name, hosts) for name, hosts in same.items() if hosts[1:]}


def _twice(name: str, hosts: list[Host]) -> Finding:
    dns = sorted(host.dn for host in hosts)
    return Finding("duplicate_certname", dns[0], "cn", f"{' and '.join(dns)} are both {name}; remove one", name, True)


class Links:
    """Everything that binds the hosts, services, profiles and sites of one directory.

    `site_of` gives each host's site by the host's normalised DN; `presence` are the sites (normalised DNs) at which
    each service that somebody requires has a member; `all_providers` is what is provided at each site, and by whom:
    maps that are equal to those of `before` are those same objects.
    """

    def __init__(
        self, declared: Declared, site_of: Mapping[str, Site | None], members: Members, before: "Links | None" = None
    ) -> None:
        self.declared, self.site_of, self.members = declared, site_of, members
        self.findings: list[Finding] = members.findings
        self._profiles: dict[str, list[Profile]] = {}
        for profile in declared.profiles.values():
            self._profiles.setdefault(profile.name.lower(), []).append(profile)
        self._chains: dict[str, tuple[tuple[Profile, ...], tuple[Finding, ...]]] = {}
        self._astray: dict[str, list[Finding]] = {}
        self._at_site: dict[tuple[str, str], tuple[Service, ...]] = {}
        self._bind_sites()
        self.presence = {key: members.sites_of(key) for key in _required(declared)}
        known: Providers = before.all_providers if before else {}
        self.all_providers: Providers = _same_objects(all_providers(members.bound.values()), known)

    def _bind_sites(self) -> None:
        for service in sorted(self.declared.services.values(), key=_by_key):
            if service.of is None:
                continue
            if service.of not in self.declared.services:
                self._lead_astray(service, service.key, "it stands below no service: move it below one")
            elif service.site is None or service.site not in self.declared.sites:
                self._lead_astray(service, service.of, f"{service.site} is no site: correct it")
            else:
                key = (service.of, service.site)
                self._at_site[key] = (*self._at_site.get(key, ()), service)

    def _lead_astray(self, entry: Service, service: str, message: str) -> None:
        """What an entry states for one site reaches nobody: whoever it may be meant for keeps its last good answer."""
        finding = Finding("dangling_reference", entry.dn, "enclumeAtSite", message, holds=True)
        self.findings.append(finding)
        self._astray.setdefault(service, []).append(finding)

    def binds_as(self, before: "Links") -> bool:
        """Whether a host that has the same site, services and providers as before is bound as it was, given hosts of
        the same DNs.
        """
        now, was = self.declared, before.declared
        return (
            not differing(now.profiles, was.profiles)
            and not differing(now.sites, was.sites)
            and not differing(_for_sites(now), _for_sites(was))
            and _names(now) == _names(was)
            and self.presence == before.presence
        )

    def services_of(self, host: Host) -> tuple[Service, ...]:
        """The services that a host is a member of, by name."""
        return self.members.services_of.get(host.key, ())

    def providers(self, site: Site | None) -> Mapping[str, tuple[str, ...]]:
        """What is provided at a site, and by whom (certnames, sorted)."""
        return self.all_providers.get(site.key, NOWHERE) if site else NOWHERE

    def at_site(self, services: Iterable[Service], site: Site | None) -> tuple[Service, ...]:
        """What services state for one site."""
        if site is None or not self._at_site:
            return ()
        return tuple(entry for service in services for entry in self._at_site.get((service.key, site.key), ()))

    def profiles_of(self, host: Host) -> tuple[tuple[Profile, ...], tuple[Finding, ...]]:
        """The profiles that a host's parentNode leads to, nearest first, and what is wrong with the way."""
        if host.profile is None:
            return (), ()
        known = self._chains.get(host.profile.lower())
        if known is None:
            known = self._chains[host.profile.lower()] = self._chain(host.profile)
        chain, wrong = known
        return chain, tuple(finding if finding.where else replace(finding, where=host.dn) for finding in wrong)

    def _chain(self, name: str) -> tuple[tuple[Profile, ...], tuple[Finding, ...]]:
        """The profiles from this one up. What is wrong with the name itself is found nowhere yet: where it is used."""
        chain: list[Profile] = []
        above: str | None = name
        while above is not None:
            dn = chain[-1].dn if chain else ""
            named = self._profiles.get(above.lower(), [])
            if len(named) != 1:
                return (), (Finding("missing_parent", dn, "parentNode", _not_one(above, named), holds=True),)
            if named[0] in chain:
                way = " → ".join(one.name for one in [*chain, *named])
                return (), (Finding("parent_loop", dn, "parentNode", f"{way}: break the loop", holds=True),)
            chain += named
            above = chain[-1].parent
        return tuple(chain), ()

    def wrong_with(self, host: Host, services: Iterable[Service], profiles: Iterable[Profile]) -> list[Finding]:
        """What is wrong in a host's own entry and in all that applies to it."""
        site = self.site_of[host.key]
        findings = [*host.findings, *self._dangling_of(host)]
        applying = (*services, *self.at_site(services, site), *profiles, *((site,) if site else ()))
        findings += [finding for stated in applying for finding in stated.findings if finding.holds]
        findings += [finding for service in services for finding in self._astray.get(service.key, ())]
        requiring: tuple[Host | Service, ...] = (host, *services)
        findings += [finding for stated in requiring for finding in self._unmet(stated, site)]
        return findings

    def _dangling_of(self, host: Host) -> Iterable[Finding]:
        hosts, sites = self.declared.hosts, self.declared.sites
        for attribute, dn, known in (
            ("enclumeAtSite", host.site, sites),
            ("enclumeProduction", host.production, hosts),
            ("enclumeBackup", host.backup, hosts),
        ):
            if dn is not None and dn not in known:
                holds = attribute == "enclumeAtSite"
                message = f"{dn} is no {'site' if holds else 'host'}: correct it"
                yield Finding("dangling_reference", host.dn, attribute, message, holds=holds)

    def _unmet(self, stated: Host | Service, site: Site | None) -> Iterable[Finding]:
        for dn in stated.requires:
            service = self.declared.services.get(dn)
            if service is None:
                yield Finding("dangling_reference", stated.dn, "enclumeRequires", f"{dn} is no service: correct it")
            elif site and site.key not in self.presence[dn]:
                message = f"{service.name} has no member at {site.name}: assign one there"
                yield Finding("no_provider", stated.dn, "enclumeRequires", message)


def _not_one(name: str, profiles: list[Profile]) -> str:
    if not profiles:
        return f"{name!r} names no profile: correct it, or add the profile"
    return f"{name!r} names {' and '.join(sorted(profile.dn for profile in profiles))}: rename one"


def _for_sites(declared: Declared) -> dict[str, Service]:
    """What services state for one site."""
    return {key: service for key, service in declared.services.items() if service.of is not None}


def _required(declared: Declared) -> set[str]:
    """The services that a host or a service requires."""
    requiring: tuple[Host | Service, ...] = (*declared.hosts.values(), *declared.services.values())
    return {dn for stated in requiring for dn in stated.requires}


def _names(declared: Declared) -> dict[str, str]:
    return {key: service.name for key, service in declared.services.items()}


def _by_key(stated: Stated) -> str:
    return stated.key


def _same_objects(providers: Providers, known: Providers) -> Providers:
    """The provider maps, as the very objects of before where they are equal."""
    return {site: known[site] if known.get(site) == kinds else kinds for site, kinds in providers.items()}


def about(certname: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """These findings, as findings about one node."""
    return tuple(replace(finding, certname=certname) for finding in findings)
