"""Mounts: whether a host has the data that LDAP says it gets over NFS, and whether its servers answer."""

from collections.abc import Iterator

from audit.addressed import is_address
from audit.picture import DataSource
from audit.words import names
from facts.observations import Kinds, Mount


def silent_mounts(mounts: tuple[Mount, ...]) -> str:
    """The mounts that do not respond, in words; "" for none."""
    silent = [f"{one.path} ({one.server}:{one.export})" for one in mounts if one.responding is False]
    return names(silent) if silent else ""


def has_all(sources: tuple[DataSource, ...], mounts: tuple[Mount, ...]) -> bool:
    """Whether each data source is mounted under a name that LDAP gives its servers, which is how it mostly is."""
    servers = {one.server for one in mounts}
    return not any(servers.isdisjoint(one.names) for one in sources)


class Missing:
    """The data sources that no mount is of: `certain` ones, and those of which a mount's server may be one under a name
    that nobody knows.
    """

    def __init__(self, sources: tuple[DataSource, ...], kinds: Kinds) -> None:
        self._kinds, self._mounts = kinds, kinds.mounts or ()
        self._known_as = {one.server: self._identity(one.server) for one in self._mounts}
        missing = [one for one in sources if not any(known & one.names for known in self._known_as.values())]
        self.certain = tuple(one for one in missing if all(self._is_other(one, server) for server in self._known_as))
        self.doubtful = tuple(one for one in missing if one not in self.certain)

    @property
    def servers(self) -> tuple[str, ...]:
        """What the mounts are of."""
        return tuple(sorted(self._known_as))

    def _identity(self, server: str) -> frozenset[str]:
        """All that a mount's server is known by: its name there, and the addresses that the host found for that."""
        return frozenset((server.lower(), *self._addresses(server)))

    def _addresses(self, server: str) -> Iterator[str]:
        for used in self._kinds.uses or ():
            if used.name.lower() == server.lower():
                yield from (address.lower() for address in used.addresses)

    def _is_other(self, source: DataSource, server: str) -> bool:
        """Whether a mount's server is known to be none of a source's: both have addresses, and none is the same."""
        return any(map(is_address, self._known_as[server])) and any(map(is_address, source.names))
