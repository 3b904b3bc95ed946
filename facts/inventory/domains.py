"""What libvirt says of a hypervisor and its domains, as values."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

State = Literal["nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended"]
StorageKind = Literal["nfs", "lvm", "file", "network", "other"]


class Interface(Struct, frozen=True, gc=False):
    """A domain's network interface: its libvirt network or its bridge, and its MAC in lower case."""

    mac: str
    network: str | None = None
    bridge: str | None = None


class Disk(Struct, frozen=True, gc=False):
    """A domain's disk: what holds it. `path` is the file or device, `server` the NFS server when there is one.

    `export` is what that server exports (the pool's source directory), and `below` the file's path below it, whatever
    folder the hypervisor has the export at; None otherwise. `shareable`: its definition says that several guests may
    use it, or that nobody writes to it.
    """

    target: str
    storage: StorageKind
    path: str
    server: str | None = None
    export: str | None = None
    shareable: bool = False
    below: str | None = None


class Definition(Struct, frozen=True):
    """A persistent domain as its hypervisor will start it next time (its inactive XML), for comparing two copies.

    `memory` in bytes; `digest` covers everything else that the XML says, but what each hypervisor fills in by itself.
    """

    memory: int
    vcpus: int
    interfaces: tuple[Interface, ...]
    disks: tuple[Disk, ...]
    digest: str


class Domain(Struct, frozen=True, gc=False):
    """A libvirt domain. `memory` is its maximum in bytes; `metadata` the XML below <metadata>, "" for none.

    `reason` is libvirt's word for why it is in its state, such as "booted", "migrated", "ioerror".
    An interface on a libvirt network names that network's bridge too, when it is on one. `definition` is None for a
    domain that is not persistent, and while it has not been read.
    """

    uuid: str
    name: str
    state: State
    reason: str
    memory: int
    vcpus: int
    autostart: bool
    persistent: bool
    interfaces: tuple[Interface, ...] = ()
    disks: tuple[Disk, ...] = ()
    metadata: str = ""
    definition: Definition | None = None

    @property
    def running(self) -> bool:
        """Whether it is here that it runs: running, blocked, or paused with all its memory here.

        A migration shows as "paused" by "starting-up", then "migration", where it arrives, and by "migration" (or
        "postcopy") where it leaves: the paused side is never the one that writes to the disks.
        """
        if self.state == "paused":
            return self.reason not in ("starting-up", "migration", "postcopy", "postcopy-failed")
        return self.state in ("running", "blocked", "shutdown", "pmsuspended")


class HypervisorSeen(Struct, frozen=True):
    """One hypervisor as libvirt shows it. `memory` in bytes; `domains` sorted by UUID; Domain-0 is never among them."""

    hostname: str
    cpus: int
    memory: int
    libvirt_version: str
    domains: tuple[Domain, ...]

    def after(self, before: "HypervisorSeen") -> "HypervisorSeen":
        """The same, made of the very objects of `before` where nothing is different: what was made of those stays, and
        nothing is in memory twice.
        """
        if self == before:
            return before
        known = {domain.uuid: domain for domain in before.domains}
        return replace(self, domains=tuple([_same(known.get(domain.uuid), domain) for domain in self.domains]))


def _same(known: Domain | None, now: Domain) -> Domain:
    return known if known is not None and known == now else now


class HypervisorTarget(Struct, frozen=True, order=True):
    """A hypervisor to observe: the certname (or host name) it is known by, and its libvirt URI, parsed and accepted."""

    name: str
    uri: str
