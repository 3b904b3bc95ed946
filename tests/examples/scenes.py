"""The examples as scenes that can be judged: what LDAP and libvirt would show of them, by the product's own readers."""

import xml.etree.ElementTree as ET
from pathlib import Path

from facts.directory.apply import apply
from facts.directory.entries import Directory
from facts.directory.ldif import parse
from facts.inventory.definition import parse_definition
from facts.inventory.domains import Domain, HypervisorSeen
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.inventory.xml import Surroundings, parse_domain, parse_network, parse_pool_text
from settings import parse as parse_settings
from tests.audit.situations import Scene
from tests.examples.reading import Example

_RUNNING = "{http://libvirt.org/schemas/domain/test/1.0}runstate"


def scene_of(estate: Example) -> Scene:
    """An example under way: every hypervisor is read, and libvirt's statistics know the sizes of disks."""
    text = (estate.folder / "directory.ldif").read_text(encoding="utf-8")
    scene = Scene(settings=parse_settings({"directory": {"uri": "ldapi://x", "base": estate.base}}))
    scene.entries = dict(apply(Directory(estate.base, {}), parse(text)).entries)
    for name, node in estate.nodes.items():
        seen = scene.hypervisors[name] = _hypervisor(name, node.file)
        scene.statistics[name] = HypervisorStatistics(
            scene.at, {one.uuid: _statistics(one, node.volumes, scene.at) for one in seen.domains}
        )
    return scene


def _hypervisor(name: str, file: Path) -> HypervisorSeen:
    root = ET.parse(file).getroot()  # noqa: S314  # our own files
    networks = (parse_network(ET.tostring(one, encoding="unicode")) for one in root.iterfind("network"))
    bridges = {network: bridge for network, bridge in networks if bridge}
    pools = tuple(parse_pool_text(ET.tostring(one, encoding="unicode")) for one in root.iterfind("pool"))
    domains = [_domain(one, Surroundings(bridges, pools)) for one in root.iterfind("domain")]
    memory, cpus = int(root.findtext("memory", "0")) * 1024, int(root.findtext("cpu/active", "0"))
    return HypervisorSeen(name, cpus, memory, "9.0.0", tuple(sorted(domains, key=lambda one: one.uuid)))


def _domain(element: ET.Element, around: Surroundings) -> Domain:
    """A domain as libvirt's test driver would show it: what its XML says of the driver is not told again."""
    running = element.findtext(_RUNNING) == "1"
    for state in element.findall(_RUNNING):
        element.remove(state)
    text = ET.tostring(element, encoding="unicode")
    said = parse_domain(text, around)
    return Domain(
        uuid=element.findtext("uuid", ""),
        name=element.findtext("name", ""),
        state="running" if running else "shutoff",
        reason="booted" if running else "shutdown",
        memory=said.memory,
        vcpus=said.vcpus,
        autostart=False,
        persistent=True,
        interfaces=said.interfaces,
        disks=said.disks,
        definition=parse_definition(text, around),
    )


def _statistics(domain: Domain, gib: dict[str, int], at: float) -> DomainStatistics:
    disks = (DiskStatistics(disk.target, gib[disk.path] * 2**30) for disk in domain.disks)
    return DomainStatistics(domain.uuid, at, tuple(disks))
