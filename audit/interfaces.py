"""Interfaces: one internal one for each guest, at most one public one, and that only for a public service."""

from audit.words import names
from facts.estate import Network, Node
from facts.inventory.domains import Interface


class Interfaces:
    """A guest's interfaces on the networks of its site. Each method says what is wrong and what to do, "" for nothing;
    nothing is where its domain, or what its site's networks are attached to, is not known.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        networks = [one for one in node.site.networks if one.attachment] if node.site else []
        self._known = bool(networks) and node.hardware is not None
        shown = node.hardware.interfaces if node.hardware is not None and networks else ()
        on = [(interface, _network(interface, networks)) for interface in shown]
        self._internal = [network.name for _, network in on if network is not None and network.role == "internal"]
        self._public = [network.name for _, network in on if network is not None and network.role == "public"]
        self._stray = [_attached(interface) for interface, network in on if network is None]

    def internal(self) -> str:
        """Exactly one is internal."""
        internal, name = self._internal, self._node.host.name
        if not self._known or len(internal) == 1:
            return ""
        has = f"{len(internal)} internal interfaces ({names(internal)})" if internal else "no internal interface"
        return f"{name} has {has}, where a guest has exactly one: change its domain"

    def public(self) -> str:
        """None is public but one of a member of a public service."""
        public, name = self._public, self._node.host.name
        if public and not any(service.public for service in (*self._node.services, *self._node.site_services)):
            return (
                f"{name} has a public interface ({names(public)}) and is in no public service: remove the interface "
                "from its domain, or set enclumePublic on its service"
            )
        if len(public) > 1:
            return f"{name} has {len(public)} public interfaces ({names(public)}), where a guest has at most one"
        return ""

    def stray(self) -> str:
        """Each is on a network of the site."""
        if not self._stray or self._node.site is None:
            return ""
        return (
            f"{self._node.host.name} has an interface on {names(self._stray)}, which is no network of "
            f"{self._node.site.name}: change its domain, or state enclumeNetwork"
        )


def _network(interface: Interface, networks: list[Network]) -> Network | None:
    for one in networks:
        if one.attachment in (interface.network, interface.bridge):
            return one
    return None


def _attached(interface: Interface) -> str:
    return interface.network or interface.bridge or f"nothing that is known ({interface.mac})"
