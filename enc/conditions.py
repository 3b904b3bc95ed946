"""Rule conditions: what a rule's `when` may ask of a node.

A list means any of its values; all keys must hold; `not` turns its own conditions round. A value that is unknown (a
guest that no hypervisor has shown, a fact that is not there) matches nothing.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from facts.estate import Node

_SIZE = re.compile(r"\s*(<=|>=|<|>|=)?\s*(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)\s*")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


class Condition(Struct, frozen=True):
    """One key of a `when` with the values that satisfy it; for `not`, with the conditions that must not all hold."""

    key: str
    values: tuple[Any, ...] = ()
    inner: tuple["Condition", ...] = ()

    def holds(self, node: Node) -> bool:
        """Whether the node satisfies it."""
        if self.key == "not":
            return not all(condition.holds(node) for condition in self.inner)
        if self.key.startswith("facts."):
            return _same(node.facts.get(self.key.removeprefix("facts.")), self.values)
        return CONDITIONS[self.key](node, self.values)


def _same(value: Any, values: Iterable[Any]) -> bool:
    return any(type(value) is type(wanted) and value == wanted for wanted in values)


def _any(found: Iterable[str | None], values: Iterable[Any]) -> bool:
    wanted = {str(value).lower() for value in values}
    return any(one is not None and one.lower() in wanted for one in found)


def _kind(node: Node, values: tuple[Any, ...]) -> bool:
    """guest, hypervisor or physical."""
    return node.kind in values


def _site(node: Node, values: tuple[Any, ...]) -> bool:
    """The name of the node's site."""
    return _any([node.site.name if node.site else None], values)


def _layer(node: Node, values: tuple[Any, ...]) -> bool:
    """1 or 2."""
    return node.layer in values


def _hypervisor(node: Node, values: tuple[Any, ...]) -> bool:
    """The certname of the guest's hypervisor, or a pattern of it with `*` and `?`."""
    return node.placement.hypervisor is not None and _glob(node.placement.hypervisor, values)


def _certname(node: Node, values: tuple[Any, ...]) -> bool:
    """The node's certname, or a pattern of it with `*` and `?`."""
    return _glob(node.host.name, values)


def _services(node: Node, values: tuple[Any, ...]) -> bool:
    """The name of a service that the node is a member of."""
    return _any((service.name for service in node.services), values)


def _providers(node: Node, values: tuple[Any, ...]) -> bool:
    """What somebody provides at the node's site: nfs, ntp, dns, …"""
    return any(value in node.providers for value in values)


def _networks(node: Node, values: tuple[Any, ...]) -> bool:
    """The name or the role (internal, public) of a network that the guest has an interface on."""
    networks = node.site.networks if node.site else ()
    interfaces = node.hardware.interfaces if node.hardware else ()
    attached = {name for interface in interfaces for name in (interface.network, interface.bridge) if name}
    found = [name for network in networks if network.attachment in attached for name in (network.name, network.role)]
    return _any(found, values)


def _storage(node: Node, values: tuple[Any, ...]) -> bool:
    """What holds one of the guest's disks: nfs, lvm, file, network."""
    return node.hardware is not None and any(storage.kind in values for storage in node.hardware.storage)


def _memory(node: Node, values: tuple[Any, ...]) -> bool:
    """The guest's memory compared, as `>= 2 GiB`."""
    return node.hardware is not None and any(compare(node.hardware.memory, value) for value in values)


def _glob(text: str, values: Iterable[Any]) -> bool:
    return any(fnmatch.fnmatchcase(text, str(value).lower()) for value in values)


def size(value: Any) -> tuple[str, float]:
    """A comparison such as `>= 2 GiB` as its operator and its bytes. Raises ValueError on anything else."""
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r} is no size: write it as `>= 2 GiB`")
    return match[1] or "=", float(match[2]) * _UNITS[match[3]]


def compare(bytes_: int, value: Any) -> bool:
    """Whether a size in bytes satisfies a comparison."""
    operator, limit = size(value)
    return _COMPARISONS[operator](bytes_, limit)


CONDITIONS: Mapping[str, Callable[[Node, tuple[Any, ...]], bool]] = {
    "kind": _kind,
    "site": _site,
    "layer": _layer,
    "hypervisor": _hypervisor,
    "certname": _certname,
    "services": _services,
    "providers": _providers,
    "networks": _networks,
    "storage": _storage,
    "memory": _memory,
}
