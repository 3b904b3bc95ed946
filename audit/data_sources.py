"""Data sources: whose NFS exports a host's data come from, by what LDAP declares."""

from collections.abc import Mapping

from audit.picture import DataSource
from facts.estate import Estate, Node

NONE: tuple[DataSource, ...] = ()


class DataSources:
    """The data sources of the hosts of one estate. While `stated` is as it was, so are those of a host that is as it
    was.
    """

    def __init__(self, estate: Estate) -> None:
        declared = estate.declared
        self._nodes, self._declared = estate.nodes, declared
        self._nfs = frozenset(key for key, service in declared.services.items() if "nfs" in service.provides)
        self._requiring: dict[str, tuple[str, ...]] = {
            key: wanted
            for key, service in declared.services.items()
            if (wanted := tuple(dn for dn in service.requires if dn in self._nfs))
        }
        serving = (key for key, one in declared.services.items() if not {"nfs", "mirror"}.isdisjoint(one.provides))
        members = {key: self._members(key) for key in serving}
        names = {one: self._names(one) for some in members.values() for one in some}
        self.stated = (self._requiring, members, names)
        self._found: dict[tuple[str, str], DataSource | None] = {}

    def of(self, node: Node) -> tuple[DataSource, ...]:
        """The services that a host, or a service of it, requires and that provide nfs; without those that it is a
        member of itself, and those without a member at its site (which is a finding).
        """
        wanted = [dn for dn in node.host.requires if dn in self._nfs]
        for service in (*node.services, *node.site_services):
            wanted += self._requiring.get(service.key, ())
        if not wanted or node.site is None:
            return NONE
        found = (self._source(dn, node.site.key, node.providers) for dn in dict.fromkeys(wanted))
        return tuple(one for one in found if one is not None and node.host.name not in one.servers)

    def _source(self, service: str, site: str, providers: Mapping[str, tuple[str, ...]]) -> DataSource | None:
        """A service's members at a site; a mirror of these is known by the same names once it has taken over."""
        key = (service, site)
        if key not in self._found:
            _, members, names = self.stated
            servers = tuple(name for name in providers.get("nfs", ()) if name in members[service])
            standing_in = (name for name in providers.get("mirror", ()) if name in names)
            known = frozenset(name.lower() for one in (*servers, *standing_in) for name in names[one])
            self._found[key] = DataSource(self._declared.services[service].name, servers, known) if servers else None
        return self._found[key]

    def _members(self, service: str) -> frozenset[str]:
        """The certnames of the members of a service, those included that it has for one site."""
        declared = self._declared
        entries = (key for key, one in declared.services.items() if service in (key, one.of))
        members = (dn for key in entries for dn in declared.members.get(key, ()))
        return frozenset(declared.hosts[dn].name for dn in members if dn in declared.hosts)

    def _names(self, certname: str) -> tuple[str, ...]:
        """Its certname, cut off at any dot as a resolver's search list completes it, and its addresses."""
        labels, node = certname.split("."), self._nodes.get(certname)
        names = (".".join(labels[:count]) for count in range(1, len(labels) + 1))
        return (*names, *(node.host.addresses if node else ()))
