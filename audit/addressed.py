"""Who is meant: hosts by the names and addresses that other hosts use them by."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from facts.certname import short_name
from facts.estate import Node

SELF = "self"
"""The address of whoever asks: loopback, or none at all."""

_OWN_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})


class Addressed:
    """Finds those hosts of an estate that are meant by some names and addresses, all of which are given beforehand: so
    one look at every host is enough, and no index of them all is made.
    """

    def __init__(self, nodes: Mapping[str, Node], wanted: Iterable[str]) -> None:
        self._nodes = nodes
        self._found: dict[str, list[Node]] = {}
        words = set(map(canonical, wanted)) - {SELF}
        # Who is named by the certname is at hand: mostly nobody is left to look for.
        self._look(frozenset(word for word in words if word not in nodes))

    def _look(self, wanted: frozenset[str]) -> None:
        if not wanted:
            return
        short = frozenset(name for name in wanted if "." not in name)
        for name, node in self._nodes.items():
            addresses = node.host.addresses
            if addresses and not wanted.isdisjoint(addresses):
                for address in wanted.intersection(addresses):
                    self._found.setdefault(address, []).append(node)
            if short and short_name(name) in short:
                self._found.setdefault(short_name(name), []).append(node)

    def meant(self, user: Node, name: str, addresses: Iterable[str] = ()) -> tuple[Node, ...]:
        """The hosts that a host means: by the addresses that it reaches, else by the name; itself for loopback. None
        for what is outside. Where sites use the same private addresses or short names, the user's own site counts.
        """
        reached = {node.host.name: node for address in addresses for node in self._named(user, canonical(address))}
        return tuple(reached.values()) or self._named(user, canonical(name))

    def only(self, name: str) -> Node | None:
        """The one host of this name, None for none or several."""
        word = canonical(name)
        found = [self._nodes[word]] if word in self._nodes else self._found.get(word, [])
        return found[0] if len(found) == 1 else None

    def _named(self, user: Node, word: str) -> tuple[Node, ...]:
        if word == SELF:
            return (user,)
        if word in self._nodes:
            return (self._nodes[word],)
        found = self._found.get(word, [])
        near = [node for node in found if _site(node) == _site(user)]
        return tuple(near or (found if len(found) == 1 else ()))


def _site(node: Node) -> str | None:
    return node.site.key if node.site else None


@lru_cache(maxsize=8192)
def canonical(name: str) -> str:
    """An address in the form that the directory's have, a name in lower case, `SELF` for loopback."""
    plain = name.strip().strip("[]").partition("%")[0].rstrip(".").lower()
    try:
        address = ip_address(plain)
    except ValueError:
        return SELF if plain in _OWN_NAMES else plain
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return SELF if address.is_loopback or address.is_unspecified else str(address)


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
