"""What is kept in memory of a node's facts: those that rules name, what it claims of itself, what the module told.

A node has some thirty kilobytes of facts; of ten thousand nodes only these few hundred bytes each are wanted again.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from math import isfinite
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from facts.facter.document import Document
from facts.observations import Count, Few, Logs, Mount, Name, Some
from facts.puppet import dig

LONGEST = 4096
"""Letters of a fact that a rule may compare: Puppet itself warns of longer ones."""

_MOST_ADDRESSES = 256
_NAME = 255
_UUID = ("dmi.product.uuid", "uuid")
_VIRTUAL = ("virtual",)
_IS_VIRTUAL = ("is_virtual",)
_ADDRESSES = (("bindings", "ip"), ("bindings6", "ip6"))

T = TypeVar("T")


class Claims(Struct, frozen=True):
    """What a node's facts say that the estate knows better; None or empty where they say nothing.

    `uuid` is its machine's, as its firmware has it; `virtual` Facter's word for what it runs on; `addresses` those of
    its interfaces, without loopback and link-local ones, sorted.
    """

    uuid: str = ""
    virtual: str = ""
    is_virtual: bool | None = None
    site: str = ""
    hypervisor: str = ""
    layer: int | None = None
    addresses: tuple[str, ...] = ()


class DiskSize(Struct, frozen=True):
    """A disk as the guest sees it: the name of its device, and its size in bytes."""

    name: Name
    size_bytes: Count


class Shipped(Struct, frozen=True):
    """What the fact `enclume_host` of the module `enclume` says, gathered `at` (seconds since the epoch); None for what
    it could not read.
    """

    at: float
    nfs_mounts: Some[Mount] | None = None
    disks: Few[DiskSize] | None = None
    logs: Logs | None = None


class NodeFacts(Struct, frozen=True):
    """What is kept of one node's facts: when they were gathered (seconds since the epoch), those that rules name (the
    facts as they stand, without all the others), what they claim, and what the module shipped.
    """

    at: float
    named: Mapping[str, Any] = {}
    claims: Claims = Claims()
    shipped: Shipped | None = None


class _Told(Struct, frozen=True):
    nfs_mounts: Some[Mount] | None = None
    disks: Few[DiskSize] | None = None
    logs: Logs | None = None


def kept_of(document: Document, names: tuple[str, ...], received_at: float) -> NodeFacts:
    """What is kept of a document that was there at `received_at`, for rules that name these facts."""
    at, values = document.gathered_at(received_at), document.values
    return NodeFacts(at, _pruned(values, names), _claims(values), _shipped(values.get("enclume_host"), at))


def _pruned(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The facts of these dotted names and nothing else, as they are nested. What no rule can be equal to is left out:
    hashes, lists, endless texts, numbers without an end.
    """
    pruned: dict[str, Any] = {}
    for name in names:
        value = dig(values, name)
        if _is_plain(value):
            *path, last = name.split(".")
            inner = pruned
            for part in path:
                inner = inner.setdefault(part, {})
            inner[last] = value
    return pruned


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= LONGEST)


def _claims(values: Mapping[str, Any]) -> Claims:
    return Claims(
        uuid=(_first(values, _UUID, _word) or "").lower(),
        virtual=(_first(values, _VIRTUAL, _word) or "").lower(),
        is_virtual=_first(values, _IS_VIRTUAL, _boolean),
        site=_first(values, _claimed("site"), _word) or "",
        hypervisor=(_first(values, _claimed("hypervisor"), _word) or "").lower(),
        layer=_first(values, _claimed("layer"), _integer),
        addresses=tuple(sorted(set(_addresses(values)))[:_MOST_ADDRESSES]),
    )


def _claimed(what: str) -> tuple[str, ...]:
    """The facts by which a node may claim a site, a hypervisor, a layer: its certificate's extension first."""
    return f"trusted.extensions.enclume_{what}", f"enclume_{what}", f"enclume.{what}"


def _first(values: Mapping[str, Any], names: tuple[str, ...], read: Callable[[Any], T | None]) -> T | None:
    return next((found for name in names if (found := read(dig(values, name))) is not None), None)


def _word(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= _NAME and text.isprintable() else None


def _boolean(value: Any) -> bool | None:
    """Puppet 3 makes a text of every fact."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _integer(value: Any) -> int | None:
    """A small number, also as Puppet 3 has it."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if re.fullmatch(r"\d{1,9}", str(value), re.ASCII) else None


def _addresses(values: Mapping[str, Any]) -> Iterator[str]:
    interfaces = dig(values, "networking.interfaces")
    found = _structured(interfaces) if isinstance(interfaces, Mapping) else _flat(values)
    for one in found:
        try:
            address = ip_address(one.partition("%")[0])
        except (ValueError, AttributeError):
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast):
            yield str(address)


def _structured(interfaces: Mapping[str, Any]) -> Iterator[Any]:
    for interface in interfaces.values():
        if isinstance(interface, Mapping):
            for many, one in _ADDRESSES:
                yield interface.get(one)
                bindings = interface.get(many)
                for binding in bindings if isinstance(bindings, list) else ():
                    yield binding.get("address") if isinstance(binding, Mapping) else None


def _flat(values: Mapping[str, Any]) -> Iterator[Any]:
    """Facter 2 has a fact for each address."""
    return (value for name, value in values.items() if name.startswith(("ipaddress_", "ipaddress6_")))


def _shipped(told: Any, at: float) -> Shipped | None:
    """What the module's fact says; nothing where it is none of ours."""
    try:
        found = msgspec.convert(told, _Told)
    except (msgspec.ValidationError, ValueError, TypeError):
        return None
    return Shipped(at, found.nfs_mounts, found.disks, found.logs)
