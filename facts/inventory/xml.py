"""libvirt's XML of domains, networks and pools, as values (https://libvirt.org/formatdomain.html)."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, fromstring

from msgspec import Struct

from facts.inventory.domains import Disk, Interface
from facts.inventory.storage import Pool, parse_disk, parse_pool

UNITS = {
    "b": 1, "bytes": 1, "KB": 1000, "k": 1024, "KiB": 1024, "MB": 1000**2, "M": 1024**2, "MiB": 1024**2,
    "GB": 1000**3, "G": 1024**3, "GiB": 1024**3, "TB": 1000**4, "T": 1024**4, "TiB": 1024**4,
}  # fmt: skip


class Surroundings(Struct, frozen=True):
    """What a domain's XML refers to on its hypervisor: the bridges of its networks by name, and its storage pools."""

    bridges: Mapping[str, str] = {}
    pools: tuple[Pool, ...] = ()


class DomainXML(Struct, frozen=True):
    """What a domain's XML says; `memory` in bytes, `metadata` the text below <metadata>."""

    memory: int
    vcpus: int
    interfaces: tuple[Interface, ...]
    disks: tuple[Disk, ...]
    metadata: str


def parse_domain(text: str, around: Surroundings) -> DomainXML:
    """What a domain's XML says; raises ValueError for anything that is not a domain's XML."""
    return read_domain(parse_root(text, "domain"), text, around)


def read_domain(root: Element, text: str, around: Surroundings) -> DomainXML:
    """What a domain's XML says, with `root` what `parse_root` made of it."""
    memory = root.find("memory")
    vcpus = root.findtext("vcpu", "1").strip()
    if memory is None or not vcpus.isdecimal():
        raise ValueError("the domain's XML has no <memory> or no number of <vcpu>")
    disks = (parse_disk(element, around.pools) for element in root.iterfind("devices/disk"))
    return DomainXML(
        memory=_bytes(memory),
        vcpus=int(vcpus),
        interfaces=tuple(_interface(element, around.bridges) for element in root.iterfind("devices/interface")),
        disks=tuple(disk for disk in disks if disk is not None),
        metadata=_metadata(text),
    )


def parse_network(text: str) -> tuple[str, str | None]:
    """A network's name, and the bridge that it is on if it is on one."""
    root = parse_root(text, "network")
    bridge = root.find("bridge")
    return root.findtext("name", ""), None if bridge is None else bridge.get("name")


def parse_pool_text(text: str) -> Pool:
    """The pool that a pool's XML describes."""
    return parse_pool(parse_root(text, "pool"))


def parse_root(text: str, expected: str) -> Element:
    """The XML's root. libvirt writes no document type: one that is there could expand entities without end."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(f"the {expected}'s XML has a document type, which libvirt never writes")
    try:
        root = fromstring(text)  # noqa: S314 (no document type, so no entities)
    except ParseError as error:
        raise ValueError(f"the {expected}'s XML cannot be read: {error}") from error
    if root.tag != expected:
        raise ValueError(f"expected a {expected}'s XML, got <{root.tag}>")
    return root


def _bytes(element: Element) -> int:
    unit = element.get("unit", "KiB")
    number = (element.text or "").strip()
    if unit not in UNITS or not number.isdecimal():
        raise ValueError(f"the domain's XML has a memory of {number!r} {unit!r}")
    return int(number) * UNITS[unit]


def _interface(element: Element, bridges: Mapping[str, str]) -> Interface:
    """An interface; its network's bridge is named even while the domain is off, so that both say the same."""
    mac, source = element.find("mac"), element.find("source")
    network = None if source is None else source.get("network")
    bridge = None if source is None else source.get("bridge")
    if bridge is None and network is not None:
        bridge = bridges.get(network)
    return Interface("" if mac is None else mac.get("address", "").lower(), network, bridge)


def _metadata(text: str) -> str:
    """What stands between <metadata> and </metadata>, untouched: its prefixes belong to whoever wrote it."""
    start, end = text.find("<metadata>"), text.rfind("</metadata>")
    return text[start + len("<metadata>") : end].strip() if 0 <= start < end else ""
