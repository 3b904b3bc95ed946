"""The examples as plain values, read without any server and without the product's own readers."""

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_RUNNING = "{http://libvirt.org/schemas/domain/test/1.0}runstate"
_GIB = 1024**3


@dataclass(frozen=True)
class Record:
    """One LDIF record: attribute names in lower case."""

    dn: str
    attributes: dict[str, list[str]]

    def all(self, name: str) -> list[str]:
        return self.attributes.get(name.lower(), [])

    def one(self, name: str, default: str = "") -> str:
        return (self.all(name) or [default])[0]

    def is_a(self, object_class: str) -> bool:
        return object_class in self.all("objectClass")

    @property
    def name(self) -> str:
        return self.dn.split(",")[0].split("=")[1]


@dataclass(frozen=True)
class Definition:
    """A domain as one node file defines it; sizes in GiB."""

    name: str
    uuid: str
    running: bool
    memory: int
    networks: tuple[str, ...]
    bridges: tuple[str, ...]
    macs: tuple[str, ...]
    disks: tuple[str, ...]
    hardware: str


@dataclass(frozen=True)
class NodeFile:
    """A hypervisor for libvirt's test driver; `volumes` maps paths to GiB."""

    file: Path
    memory: int
    domains: dict[str, Definition]
    pool_type: str
    pool_server: str
    volumes: dict[str, int]


@dataclass(frozen=True)
class Example:
    """One folder of examples."""

    folder: Path
    base: str
    records: list[Record]
    nodes: dict[str, NodeFile]
    by_dn: dict[str, Record] = field(default_factory=dict)

    def of(self, object_class: str) -> list[Record]:
        return [record for record in self.records if record.is_a(object_class)]

    @cached_property
    def hosts(self) -> dict[str, Record]:
        return {record.name: record for record in self.of("enclumeHost")}

    @cached_property
    def services(self) -> list[Record]:
        """The services themselves, without what they state for one site."""
        return [record for record in self.of("enclumeService") if not record.all("enclumeAtSite")]

    @cached_property
    def guests(self) -> list[Record]:
        return [host for host in self.hosts.values() if host.one("enclumeKind") == "guest"]

    def domain_name(self, guest: Record) -> str:
        """The domain that the guest is: by UUID where one is declared, else by its first label."""
        uuid = guest.one("enclumeDomainUUID")
        if not uuid:
            return guest.name.split(".")[0]
        return next(d.name for node in self.nodes.values() for d in node.domains.values() if d.uuid == uuid)

    def runs_on(self, guest: Record) -> list[str]:
        name = self.domain_name(guest)
        return [hv for hv, node in self.nodes.items() if name in node.domains and node.domains[name].running]

    def defined_on(self, guest: Record) -> list[str]:
        name = self.domain_name(guest)
        return [hv for hv, node in self.nodes.items() if name in node.domains]

    def hardware(self, guest: Record) -> Definition:
        """The guest's domain as its first node file defines it."""
        return self.nodes[self.defined_on(guest)[0]].domains[self.domain_name(guest)]

    def site(self, host: Record) -> str:
        """DN of the host's site; a guest without one is where its production hypervisor is."""
        return host.one("enclumeAtSite") or self.by_dn[host.one("enclumeProduction")].one("enclumeAtSite")

    def layer(self, host: Record) -> int:
        return int(host.one("enclumeLayer", "2" if host.one("enclumeKind") == "guest" else "1"))

    def members(self, service: Record) -> list[Record]:
        """The service's members that exist."""
        return [self.by_dn[dn] for dn in service.all("member") if dn in self.by_dn]

    def used_by(self, host: Record) -> list[Record]:
        """The services that the host's own services require, and those that it requires itself."""
        wanted = list(host.all("enclumeRequires"))
        for service in self.services:
            if host.dn in service.all("member"):
                wanted += service.all("enclumeRequires")
        return [self.by_dn[dn] for dn in dict.fromkeys(wanted)]

    def providers(self, service: Record, host: Record) -> list[Record]:
        """The service's members at the host's site."""
        return [member for member in self.members(service) if self.site(member) == self.site(host)]

    def profiles(self, host: Record) -> list[Record]:
        """The host's profiles, nearest first."""
        found: list[Record] = []
        name = host.one("parentNode")
        while name:
            found.append(self.by_dn[f"cn={name},ou=profiles,{self.base}"])
            name = found[-1].one("parentNode")
        return found


@cache
def example(name: str) -> Example:
    """The example of that folder: "lab" or "platform"."""
    folder = EXAMPLES / name
    demo = yaml.safe_load((folder / "demo.yaml").read_text(encoding="utf-8"))
    records = list(_records((folder / demo["directory"]).read_text(encoding="utf-8")))
    nodes = {hypervisor: _node(folder / file) for hypervisor, file in demo["hypervisors"].items()}
    return Example(folder, demo["base"], records, nodes, {record.dn: record for record in records})


def _records(ldif: str) -> Iterator[Record]:
    lines = "\n".join(line for line in ldif.replace("\n ", "").splitlines() if not line.startswith("#"))
    for block in re.split(r"\n\n+", lines.strip()):
        attributes: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, _, rest = line.partition(":")
            value = base64.b64decode(rest[1:]).decode() if rest.startswith(":") else rest.strip()
            attributes.setdefault(name.lower(), []).append(value)
        yield Record(attributes.pop("dn")[0], attributes)


def _node(file: Path) -> NodeFile:
    root = ET.parse(file).getroot()  # noqa: S314  # our own files
    pool = _found(root, "pool")
    volumes = {_text(v, "target/path"): int(_text(v, "capacity")) for v in pool.findall("volume")}
    host = pool.find("source/host")
    domains = [_definition(domain) for domain in root.findall("domain")]
    return NodeFile(
        file,
        int(_text(root, "memory")) * 1024 // _GIB,
        {domain.name: domain for domain in domains},
        pool.attrib["type"],
        "" if host is None else host.attrib["name"],
        volumes,
    )


def _definition(domain: ET.Element) -> Definition:
    running = _text(domain, _RUNNING) == "1"
    hardware = ET.tostring(domain, encoding="unicode").replace(">1</ns0:runstate>", ">5</ns0:runstate>")
    sources = [_found(disk, "source").attrib for disk in domain.findall("devices/disk")]
    interfaces = domain.findall("devices/interface")
    attached = [_found(interface, "source").attrib for interface in interfaces]
    return Definition(
        name=_text(domain, "name"),
        uuid=_text(domain, "uuid"),
        running=running,
        memory=int(_text(domain, "memory")),
        networks=tuple(source["network"] for source in attached if "network" in source),
        bridges=tuple(source["bridge"] for source in attached if "bridge" in source),
        macs=tuple(_found(interface, "mac").attrib["address"] for interface in interfaces),
        disks=tuple(source.get("dev") or source["file"] for source in sources),
        hardware=hardware.strip(),
    )


def _found(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path)
    assert found is not None, f"<{element.tag}> has no {path}"
    return found


def _text(element: ET.Element, path: str) -> str:
    return (_found(element, path).text or "").strip()
