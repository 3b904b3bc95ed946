"""One read-only libvirt connection to one hypervisor."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import libvirt  # type: ignore[import-untyped]

from facts.inventory.child_errors import is_unsupported
from facts.inventory.child_events import Changed, subscribe, unsubscribe
from facts.inventory.domains import State
from facts.inventory.states import words
from facts.inventory.uri import HypervisorURI, Scheme
from facts.inventory.xml import Surroundings, parse_network, parse_pool_text

T = TypeVar("T")
NOBODY = "00000000-0000-0000-0000-000000000000"


class Glimpse(NamedTuple):
    """What one bulk call says of a domain. `run` is its number on this hypervisor, -1 while it is off."""

    uuid: str
    name: str
    state: State
    reason: str
    run: int
    handle: libvirt.virDomain


class Host(NamedTuple):
    """What libvirt says of the hypervisor itself; `memory` in bytes."""

    hostname: str
    cpus: int
    memory: int
    libvirt_version: str


class Connection:
    """A connection whose every call tells `answered` that it has returned.

    Raises libvirt.libvirtError from every method. A call may also never return: the caller's thread is made for that.
    """

    def __init__(self, uri: HypervisorURI, deadline: float, changed: Changed, answered: Callable[[], None]) -> None:
        self._answered = answered
        self._scheme = uri.scheme
        self._bulk = True
        self._subscriptions: list[int] = []
        self.libvirt = self._call(libvirt.openReadOnly, uri.address)
        try:
            self._watch_over(deadline, changed)
        except libvirt.libvirtError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; a broken one cannot say goodbye."""
        unsubscribe(self.libvirt, self._subscriptions)
        with suppress(libvirt.libvirtError):
            self.libvirt.unregisterCloseCallback()
        with suppress(libvirt.libvirtError):
            self.libvirt.close()

    def glimpses(self) -> list[Glimpse]:
        """Every guest's state, in one call where the driver has it; Domain-0 is no guest."""
        try:
            found = self._bulk_states() if self._bulk else self._single_states()
        except libvirt.libvirtError as error:
            if not (self._bulk and is_unsupported(error)):
                raise
            self._bulk = False
            found = self._single_states()
        return [glimpse for glimpse in found if not is_the_host(self._scheme, glimpse)]

    def flags(self) -> tuple[frozenset[str], frozenset[str]]:
        """The UUIDs of the guests that start with their hypervisor, and of those whose definition is kept."""
        return (
            self._listed(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART),
            self._listed(libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT),
        )

    def xml(self, glimpse: Glimpse) -> str:
        """A domain's XML: what runs while it runs, else its definition; never with its secrets."""
        return str(self._call(glimpse.handle.XMLDesc, 0))

    def definition(self, glimpse: Glimpse) -> str | None:
        """A persistent domain's XML for its next start; None when libvirt does not tell."""
        with suppress(libvirt.libvirtError):
            return str(self._call(glimpse.handle.XMLDesc, libvirt.VIR_DOMAIN_XML_INACTIVE))
        # What tells a broken line, or a domain that has gone, from a definition that libvirt keeps for itself.
        self._call(glimpse.handle.isPersistent)
        return None

    def host(self) -> Host:
        """The hypervisor's own name, size and version."""
        _model, megabytes, cpus, *_rest = self._call(self.libvirt.getInfo)
        version = self._call(self.libvirt.getLibVersion)
        numbers = f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
        return Host(str(self._call(self.libvirt.getHostname)), cpus, megabytes << 20, numbers)

    def _watch_over(self, deadline: float, changed: Changed) -> None:
        """Hear of changes, of a broken line, and (by keepalive) of a line whose other end is silent."""
        self._subscriptions = subscribe(self.libvirt, changed)
        self._answered()
        self._optional(self.libvirt.registerCloseCallback, lambda *_: changed(None), None)
        self._optional(self.libvirt.setKeepAlive, max(1, round(deadline / 2)), 2)

    def _bulk_states(self) -> list[Glimpse]:
        found = self._call(self.libvirt.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_STATE, 0)
        return [_glimpse(handle, stats.get("state.state", 0), stats.get("state.reason", 0)) for handle, stats in found]

    def _single_states(self) -> list[Glimpse]:
        found = []
        for handle in self._call(self.libvirt.listAllDomains, 0):
            state, reason = self._call(handle.state)
            found.append(_glimpse(handle, state, reason))
        return found

    def _listed(self, flag: int) -> frozenset[str]:
        return frozenset(handle.UUIDString() for handle in self._call(self.libvirt.listAllDomains, flag))

    def _optional(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            self._call(function, *arguments)
        except libvirt.libvirtError as error:
            if not is_unsupported(error):
                raise

    def _call(self, function: Callable[..., T], *arguments: object) -> T:
        try:
            return function(*arguments)
        finally:
            self._answered()


def is_the_host(scheme: Scheme, glimpse: Glimpse) -> bool:
    """Whether a domain is Xen's Domain-0, which is the hypervisor itself."""
    return glimpse.uuid == NOBODY or (scheme == "xen" and (glimpse.run == 0 or glimpse.name == "Domain-0"))


def _glimpse(handle: libvirt.virDomain, state: int, reason: int) -> Glimpse:
    return Glimpse(handle.UUIDString(), handle.name(), *words(state, reason), handle.ID(), handle)


def read_surroundings(connection: libvirt.virConnect) -> Surroundings:
    """The hypervisor's networks and pools; without those that its driver does not have.

    A pool on a dead server can keep libvirt's storage driver, and so this call, waiting for as long as it is dead.
    """
    bridges = {}
    for network in _all(connection.listAllNetworks):
        name, bridge = parse_network(network.XMLDesc(0))
        if bridge:
            bridges[name] = bridge
    pools = [parse_pool_text(pool.XMLDesc(0)) for pool in _all(connection.listAllStoragePools)]
    return Surroundings(bridges, tuple(sorted(pools, key=lambda pool: pool.name)))


def _all(function: Callable[[int], list[T]]) -> list[T]:
    try:
        return function(0)
    except libvirt.libvirtError as error:
        if is_unsupported(error):
            return []
        raise
