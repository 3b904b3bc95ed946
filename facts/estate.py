"""The estate: what is declared and what is observed, joined into one frozen value.

Everything is named in the estate's own words (`docs/glossary.md`). A value that did not change between two estates is
the same object in both, so that whatever was computed from it can be kept.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from facts.directory.entries import Directory
from facts.findings import Finding
from facts.fleet import Fleet
from facts.inventory.domains import HypervisorSeen, HypervisorTarget, Interface
from facts.observations import BackupKind, Schedule

Kind = Literal["guest", "hypervisor", "physical"]
Intent = Literal["running", "off", "template", "retired"]
Role = Literal["internal", "public"]
Aspect = Literal["class", "parameter", "variable", "environment"]


class Origin(Struct, frozen=True, gc=False):
    """Where a statement stands: a DN and its attribute, or a rules file with its line and the rule's name."""

    where: str
    what: str


class Statement(Struct, frozen=True, gc=False):
    """One thing that somebody states of a node: a class, a class parameter, a variable, an environment.

    `unites` tells `class::name+=JSON` from `class::name=JSON`. A class's value is True.
    """

    aspect: Aspect
    name: str
    value: Any
    origin: Origin
    unites: bool = False


class MaxAge(Struct, frozen=True, order=True):
    """How old a backup may be: `KIND/SCHEDULE=HOURS` of enclumeMaxAge, in seconds."""

    kind: BackupKind
    schedule: Schedule
    seconds: float


class Network(Struct, frozen=True):
    """A site's network: its role, its CIDR, and the libvirt network or bridge that guests reach it by."""

    name: str
    role: Role
    cidr: str
    attachment: str | None


class Stated(Struct, frozen=True, kw_only=True, gc=False):
    """What entries of every kind have: their DN, its normalised form, their name, what they state of nodes and of the
    age of backups, what is wrong in them.
    """

    dn: str
    key: str
    name: str
    statements: tuple[Statement, ...] = ()
    max_ages: tuple[MaxAge, ...] = ()
    findings: tuple[Finding, ...] = ()


class Host(Stated, frozen=True, kw_only=True, gc=False):
    """A host as declared in LDAP; `name` is its certname. References are normalised DNs."""

    kind: Kind | None = None
    layer: int | None = None
    site: str | None = None
    libvirt_uri: str | None = None
    domain_uuid: str | None = None
    production: str | None = None
    backup: str | None = None
    intent: Intent = "running"
    requires: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    profile: str | None = None
    offers: tuple[tuple[str, Any], ...] = ()


class Service(Stated, frozen=True, kw_only=True):
    """A service, or (with `of`, the service above it) what it states for one site. Its members stand in the estate."""

    of: str | None = None
    site: str | None = None
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    public: bool = False
    offers: tuple[tuple[str, Any], ...] = ()


class Profile(Stated, frozen=True, kw_only=True):
    """What `parentNode` names; `parent` is the name of the profile above it."""

    parent: str | None = None


class Site(Stated, frozen=True, kw_only=True):
    """A site and its networks."""

    networks: tuple[Network, ...] = ()


class Storage(Struct, frozen=True, order=True, gc=False):
    """What holds a guest's disks: an NFS server's export, a logical volume, a file."""

    kind: str
    path: str
    server: str | None = None


class Hardware(Struct, frozen=True, gc=False):
    """A guest's virtual hardware, as its domain is defined where it runs. `memory` in bytes."""

    uuid: str
    memory: int
    vcpus: int
    interfaces: tuple[Interface, ...]
    storage: tuple[Storage, ...]


class Placement(Struct, frozen=True, gc=False):
    """Which hypervisor a guest belongs to now, and the sentence that says why.

    `observed_on` are the hypervisors that define its domain; `established` says that it runs on one of them alone.
    """

    hypervisor: str | None
    because: str
    observed_on: tuple[str, ...] = ()
    established: bool = False


class Remembered(Struct, frozen=True, gc=False):
    """What libvirt once showed of a guest, and outlives what it shows now: where it last ran alone, its hardware."""

    kind: Kind
    hypervisor: str | None = None
    hardware: Hardware | None = None


class Node(Struct, frozen=True, gc=False):
    """All that the classification of one node may look at. `None` kind or an unknown placement stand as findings that
    hold.

    `services` are those it is a member of, `site_services` what those state for its site; `profiles` nearest first;
    `providers` maps what a service provides to the certnames of its members at the node's own site; `facts` holds the
    facts that rules name, by their dotted name.
    """

    host: Host
    kind: Kind | None
    layer: int
    site: Site | None
    placement: Placement
    hardware: Hardware | None
    services: tuple[Service, ...]
    site_services: tuple[Service, ...]
    profiles: tuple[Profile, ...]
    providers: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


class Declared(Struct, frozen=True):
    """What the directory means: its entries by normalised DN, and each service's members (normalised DNs)."""

    hosts: Mapping[str, Host]
    services: Mapping[str, Service]
    profiles: Mapping[str, Profile]
    sites: Mapping[str, Site]
    members: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]


class Estate(Struct, frozen=True):
    """Everything that is, at one instant.

    `nodes` by certname; `hypervisors` by the certname or name of the hypervisor, as last seen; `fleet` their domains;
    `unreadable` are those whose last reading failed; `targets` those that should be read; `remembered` by certname.
    """

    directory: Directory
    declared: Declared
    nodes: Mapping[str, Node]
    hypervisors: Mapping[str, HypervisorSeen]
    fleet: Fleet
    unreadable: frozenset[str]
    targets: tuple[HypervisorTarget, ...]
    remembered: Mapping[str, Remembered]
    findings: tuple[Finding, ...]

    def site_of(self, name: str) -> str:
        """The name of the site of a host, or of a hypervisor that may have no entry; "" for none."""
        node = self.nodes.get(name)
        return node.site.name if node and node.site else ""
