"""A domain's definition, made comparable: two hypervisors that define the same guest give equal definitions.

The digest covers the inactive XML (https://libvirt.org/formatdomain.html) without

- what stands beside it in `Domain` and `Definition`: name, UUID, memory, vCPUs, what disks and interfaces are on;
- what libvirt or QEMU fills in when a guest is defined, in other words on other versions: device addresses, aliases,
  default controllers, input devices and audio, the emulator's path, the firmware's files, the version of the machine
  type (`pc` becomes `pc-i440fx-7.2` or `pc-i440fx-rhel7.6.0`), the default CPU model and the defaults of a chosen one;
- what belongs to the hypervisor: security labels, cgroup, ports and listen addresses of its consoles, the host's side
  (`<source>`) of serial ports, channels and passed-through devices, the names of its taps.

A default that only a newer libvirt writes and that is not listed here shows as a difference until both copies were
defined from the same XML. Metadata is compared as the text that it is; autostart is no part of libvirt's XML.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from xml.etree.ElementTree import Element

from facts.inventory.domains import Definition
from facts.inventory.xml import Surroundings, parse_root, read_domain

ANYWHERE = frozenset({"address", "alias"})
_HOST_SIDE = frozenset({"source", "log", "protocol"})
# What is left out below an element of this name, wherever that stands.
LEFT_OUT: dict[str, frozenset[str]] = {
    "domain": frozenset({"name", "uuid", "genid", "memory", "metadata", "resource", "seclabel", "iothreadids"}),
    "os": frozenset({"loader", "nvram", "firmware"}),
    "devices": frozenset({"emulator", "audio"}),
    "disk": frozenset({"source", "backingStore", "mirror"}),
    "interface": frozenset({"mac", "source", "target", "virtualport"}),
    "graphics": frozenset({"listen"}),
    "vsock": frozenset({"cid"}),
    "hostdev": frozenset({"source"}),
    **dict.fromkeys(("serial", "parallel"), _HOST_SIDE | {"target"}),
    **dict.fromkeys(("console", "channel", "redirdev"), _HOST_SIDE),
}
ATTRIBUTES: dict[str, frozenset[str]] = {
    "domain": frozenset({"id"}),
    "os": frozenset({"firmware"}),
    "disk": frozenset({"type"}),
    "console": frozenset({"tty"}),
    "graphics": frozenset({"port", "tlsPort", "websocket", "autoport", "listen", "socket"}),
    "cpu": frozenset({"match", "check", "migratable"}),
    "model": frozenset({"fallback", "ram", "vram", "vram64", "vgamem", "heads", "primary"}),
}
_DEFAULTS = {
    ("vcpu", "placement"): "static",
    ("topology", "dies"): "1",
    ("topology", "clusters"): "1",
}
_CONTROLLERS = frozenset({"pci", "usb", "ide", "sata", "fdc", "virtio-serial"})
_CPUS = frozenset({"qemu64", "qemu32", "kvm64", "kvm32"})
_VERSION = re.compile(r"-(?:[a-z]+)?\d[\w.]*\Z")


def parse_definition(text: str, around: Surroundings) -> Definition:
    """The definition that a domain's inactive XML is; raises ValueError for anything that is none."""
    root = parse_root(text, "domain")
    said = read_domain(root, text, around)
    lines = "\n".join((*_lines(root, ""), said.metadata))
    digest = blake2b(lines.encode(), digest_size=16).hexdigest()
    return Definition(said.memory, said.vcpus, said.interfaces, said.disks, digest)


def _lines(element: Element, indent: str) -> Iterator[str]:
    """One line for each element that counts: its depth, its name, its attributes in order, its text."""
    attributes = sorted(_attributes(element))
    text = "" if element.tag == "vcpu" else (element.text or "").strip()
    yield f"{indent}{element.tag} {attributes} {text!r}"
    dropped = LEFT_OUT.get(element.tag, frozenset())
    for child in element:
        if child.tag not in ANYWHERE and child.tag not in dropped and not _is_filled_in(element, child):
            yield from _lines(child, indent + " ")


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    dropped = ATTRIBUTES.get(element.tag, frozenset())
    for name, value in element.attrib.items():
        if name == "machine":
            yield name, _machine(value)
        elif name not in dropped and _DEFAULTS.get((element.tag, name)) != value:
            yield name, value
    if element.tag == "os":
        yield "firmware", _firmware(element)


def _is_filled_in(parent: Element, child: Element) -> bool:
    """Whether libvirt adds this by itself to a guest that does not speak of it."""
    match child.tag:
        case "currentMemory":
            memory = parent.find("memory")
            return memory is not None and (memory.get("unit"), memory.text) == (child.get("unit"), child.text)
        case "cpu":
            # XML that was taken from a running guest names the features that the default model turned out to have.
            return child.findtext("model") in _CPUS and {part.tag for part in child} <= {"model", "feature"}
        case "controller":
            return child.get("type") in _CONTROLLERS
        case "console":
            return child.find("target[@type='serial']") is not None
        case "input":
            return child.get("bus") == "ps2"
        case "watchdog":
            return child.get("model") == "itco"
    return False


def _machine(name: str) -> str:
    """The family of a machine type: pc for all of i440fx, q35, else the name without its version."""
    if name == "q35" or name.startswith("pc-q35"):
        return "q35"
    if name == "pc" or name.startswith(("pc-", "rhel")):
        return "pc"
    return _VERSION.sub("", name)


def _firmware(os: Element) -> str:
    """What the guest boots by: efi or bios. Which file holds it is the hypervisor's business."""
    loader = os.find("loader")
    flash = loader is not None and loader.get("type") == "pflash"
    return os.get("firmware") or ("efi" if flash else "bios")
