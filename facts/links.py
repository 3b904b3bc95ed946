"""What binds declared things to each other: memberships, profiles, sites, providers, and what dangles."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from facts.estate import Declared, Estate, Host, Profile, Service, Site, Stated
from facts.findings import Finding

NOWHERE: Mapping[str, tuple[str, ...]] = {}


def distinct_hosts(declared: Declared) -> tuple[tuple[Host, ...], Mapping[str, Finding]]:
    """One host for each certname, by DN; for each certname that stands twice, what to say of it."""
    by_name: dict[str, list[Host]] = {}
    for host in declared.hosts.values():
        by_name.setdefault(host.name, []).append(host)
    hosts = tuple(min(same, key=_by_key) for same in by_name.values())
    return hosts, {name: _twice(name, same) for name, same in by_name.items() if len(same) > 1}


def _twice(name: str, hosts: list[Host]) -> Finding:
    dns = sorted(host.dn for host in hosts)
    return Finding("duplicate_certname", dns[0], "cn", f"{' and '.join(dns)} are both {name}; remove one", name, True)


class Links:
    """Everything that binds the hosts, services, profiles and sites of one directory.

    `site_of` gives each host's site by the host's normalised DN. Provider maps that are equal to those of `before` are
    those same objects.
    """

    def __init__(
        self, declared: Declared, hosts: Iterable[Host], site_of: Mapping[str, Site | None], before: Estate | None
    ) -> None:
        self.declared, self.site_of = declared, site_of
        self.findings: list[Finding] = []
        self.services_of: dict[str, tuple[Service, ...]] = {}
        self._profiles: dict[str, list[Profile]] = {}
        for profile in declared.profiles.values():
            self._profiles.setdefault(profile.name.lower(), []).append(profile)
        self._chains: dict[str, tuple[tuple[Profile, ...], tuple[Finding, ...]]] = {}
        self._astray: dict[str, list[Finding]] = {}
        self._at_site: dict[tuple[str, str], tuple[Service, ...]] = {}
        self._members_at: dict[tuple[str, str], list[str]] = {}
        self._bind_sites()
        self._bind_members({host.key: host for host in hosts})
        self._providers = _same_objects(self._all_providers(), before)

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

    def _bind_members(self, hosts: Mapping[str, Host]) -> None:
        members: dict[str, dict[str, Service]] = {}
        for key, dns in self.declared.members.items():
            entry = self.declared.services[key]
            service = self.declared.services.get(entry.of or key, entry)
            for dn in dns:
                if dn in hosts:
                    members.setdefault(dn, {})[service.key] = service
                elif dn not in self.declared.hosts:
                    self._dangling(entry.dn, "member", f"{dn} is no host: remove it, or add the host")
        for dn, services in members.items():
            self.services_of[dn] = tuple(sorted(services.values(), key=_by_name))
            site = self.site_of.get(dn)
            if site is not None:
                for service in services.values():
                    self._members_at.setdefault((service.key, site.key), []).append(hosts[dn].name)

    def _dangling(self, dn: str, attribute: str, message: str) -> None:
        self.findings.append(Finding("dangling_reference", dn, attribute, message))

    def _all_providers(self) -> dict[str, dict[str, tuple[str, ...]]]:
        providers: dict[str, dict[str, set[str]]] = {}
        for (service, site), names in self._members_at.items():
            for provided in self.declared.services[service].provides:
                providers.setdefault(site, {}).setdefault(provided, set()).update(names)
        return {
            site: {provided: tuple(sorted(names)) for provided, names in sorted(kinds.items())}
            for site, kinds in providers.items()
        }

    def providers(self, site: Site | None) -> Mapping[str, tuple[str, ...]]:
        """What is provided at a site, and by whom (certnames, sorted)."""
        return self._providers.get(site.key, NOWHERE) if site else NOWHERE

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
            elif site and (dn, site.key) not in self._members_at:
                message = f"{service.name} has no member at {site.name}: assign one there"
                yield Finding("no_provider", stated.dn, "enclumeRequires", message)


def _not_one(name: str, profiles: list[Profile]) -> str:
    if not profiles:
        return f"{name!r} names no profile: correct it, or add the profile"
    return f"{name!r} names {' and '.join(sorted(profile.dn for profile in profiles))}: rename one"


def _by_key(stated: Stated) -> str:
    return stated.key


def _by_name(stated: Stated) -> tuple[str, str]:
    return stated.name, stated.key


def _same_objects(
    providers: dict[str, dict[str, tuple[str, ...]]], before: Estate | None
) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """The provider maps, as the very objects of the estate before where they are equal."""
    known = {node.site.key: node.providers for node in before.nodes.values() if node.site} if before else {}
    return {site: known[site] if known.get(site) == kinds else kinds for site, kinds in providers.items()}


def about(certname: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """These findings, as findings about one node."""
    return tuple(replace(finding, certname=certname) for finding in findings)
