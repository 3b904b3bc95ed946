"""What is declared to be used: `enclumeRequires` of hosts and services, resolved at each host's own site."""

from collections.abc import Iterable, Iterator, Mapping

from audit.needs import Need, Part, effect_of, takes_all
from facts.estate import Estate, Host, Node, Service


def part_of(certname: str, service: Service) -> Part:
    """A service as one host serves it."""
    return Part(certname, service.key, service.name)


def parts_of(node: Node) -> tuple[Part, ...]:
    """A host and the services that it serves."""
    return Part(node.host.name), *(part_of(node.host.name, service) for service in node.services)


class DeclaredUses:
    """The needs that an estate declares.

    What a service needs at a site is one object for all its members there. Only the members of services that somebody
    asked for are ever looked at: a service may have all hosts of the estate.
    """

    def __init__(self, estate: Estate) -> None:
        self._nodes, self._declared = estate.nodes, estate.declared
        self._entries: dict[str, list[str]] = {}
        for entry in estate.declared.services.values():
            if entry.of is not None:
                self._entries.setdefault(entry.of, []).append(entry.key)
        self._members: dict[str, Mapping[str, tuple[str, ...]]] = {}
        self._of_service: dict[tuple[str, str], tuple[Need, ...]] = {}

    def of_host(self, node: Node) -> Iterator[Need]:
        """What a host itself requires; what it serves itself is no need of others."""
        for need in self._required(node.host, node):
            others = tuple(one for one in need.providers if one.host != node.host.name)
            if len(others) == len(need.providers):
                yield need
            elif others:
                yield Need(need.what, need.effect, others, need.origin, need.where, need.all_of, elsewhere=True)

    def of_service(self, node: Node, service: Service) -> tuple[Need, ...]:
        """What a service of a host's requires at its site."""
        key = service.key, node.site.key if node.site else ""
        if key not in self._of_service:
            stated = (service, *(entry for entry in node.site_services if entry.of == service.key))
            self._of_service[key] = tuple(need for one in stated for need in self._required(one, node, service.key))
        return self._of_service[key]

    def _required(self, stated: Host | Service, node: Node, but: str = "") -> Iterator[Need]:
        for dn in dict.fromkeys(stated.requires):
            named = self._declared.services.get(dn)
            service = self._declared.services.get(named.of, named) if named and named.of else named
            if service is not None and service.key != but and node.site is not None:
                providers = self.providers(service, node.site.key)
                if providers:
                    yield Need(
                        what=service.name,
                        effect=effect_of(service.provides),
                        providers=providers,
                        where=f"{stated.dn} enclumeRequires",
                        all_of=takes_all(service.provides),
                        together="mirror" in service.provides,
                    )

    def providers(self, service: Service, site: str) -> tuple[Part, ...]:
        """A service's members at a site (its normalised DN)."""
        return tuple(part_of(name, service) for name in self._members_of(service).get(site, ()))

    def _members_of(self, service: Service) -> Mapping[str, tuple[str, ...]]:
        if service.key not in self._members:
            self._members[service.key] = self._by_site(service)
        return self._members[service.key]

    def _by_site(self, service: Service) -> Mapping[str, tuple[str, ...]]:
        hosts, members = self._declared.hosts, self._declared.members
        found: dict[str, dict[str, None]] = {}
        for key in (service.key, *self._entries.get(service.key, ())):
            for dn in members.get(key, ()):
                host = hosts.get(dn)
                node = self._nodes.get(host.name) if host else None
                if node is not None and node.site is not None and node.host.key == dn:
                    found.setdefault(node.site.key, {})[node.host.name] = None
        return {site: tuple(sorted(names)) for site, names in found.items()}


def kinds_declared(node: Node, services: Mapping[str, Service]) -> frozenset[str]:
    """What the services provide that a host and its own services require."""
    stated: Iterable[Host | Service] = (node.host, *node.services, *node.site_services)
    required = (services.get(dn) for one in stated for dn in one.requires)
    return frozenset(kind for service in required if service for kind in service.provides)
