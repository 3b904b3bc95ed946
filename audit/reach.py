"""Reach: where each hypervisor's disks lie, whichever way and under whatever name it reaches them."""

from collections.abc import Iterator, Mapping
from posixpath import normpath
from typing import NamedTuple

from msgspec import Struct

from audit.addressed import SELF, Addressed, canonical
from audit.situation import Situation
from facts.estate import Estate, Storage
from facts.inventory.domains import Disk
from facts.observations import Mount
from facts.observatory import HostSeen


class Place(NamedTuple):
    """Where a disk lies: at this path of this machine, by its certname where it is a host of the estate. Two disks at
    one place are one.
    """

    machine: str
    path: str


class Mounted(NamedTuple):
    """An NFS mount of a hypervisor: its folder there with a last slash, the server as it calls it, and the export."""

    folder: str
    server: str
    export: str


class Reach(Struct, frozen=True):
    """How a hypervisor reaches disks that are not its own: which machine each server is that its pools and mounts name,
    and its NFS mounts, the innermost first.
    """

    hypervisor: str
    machines: Mapping[str, str] = {}
    mounts: tuple[Mounted, ...] = ()

    def place(self, disk: Disk) -> Place:
        """Where a disk lies: on the server that libvirt's pool says, else on that of the mount that holds its file,
        else on the hypervisor itself.
        """
        if disk.server:
            at = disk.path if disk.export is None or disk.below is None else f"{disk.export}/{disk.below}"
            return self._on(disk.server, at)
        mount = self._mount(disk.storage, disk.path)
        if mount is not None:
            return self._on(mount.server, f"{mount.export}/{disk.path[len(mount.folder) :]}")
        return Place(self.hypervisor, normpath(disk.path))

    def is_elsewhere(self, disk: Disk) -> bool:
        """Whether a disk is known to lie on a server."""
        return bool(disk.server) or self._mount(disk.storage, disk.path) is not None

    def is_own(self, storage: Storage | Disk) -> bool:
        """Whether a disk is the hypervisor's alone, as far as libvirt and its own mounts show."""
        kind = storage.storage if isinstance(storage, Disk) else storage.kind
        if storage.server is not None or kind not in {"lvm", "file"}:
            return False
        return self._mount(kind, storage.path) is None

    def server_of(self, disk: Disk) -> str | None:
        """The NFS server that a disk is on, None for none."""
        if disk.server:
            return self._machine(disk.server) if disk.storage == "nfs" else None
        mount = self._mount(disk.storage, disk.path)
        return self._machine(mount.server) if mount else None

    def _mount(self, kind: str, path: str) -> Mounted | None:
        if kind != "file":
            return None
        return next((mount for mount in self.mounts if path.startswith(mount.folder)), None)

    def _on(self, server: str, path: str) -> Place:
        return Place(self._machine(server), normpath(path.replace("//", "/")))

    def _machine(self, server: str) -> str:
        return self.machines.get(server) or canonical(server)


Reaches = Mapping[str, Reach]
"""The reach of each hypervisor that was ever read, by its name."""


def reaches(situation: Situation, estate: Estate, before: Reaches) -> Reaches:
    """Every hypervisor's reach; the same object again where it is as it was."""
    shown = {name: _Shown(estate, name, situation.observations.get(name)) for name in estate.fleet.on}
    addressed = Addressed(estate.nodes, (word for one in shown.values() for word in one.words()))
    found = {}
    for name, one in shown.items():
        reach = Reach(name, {server: one.machine(server, addressed) for server in one.servers}, one.mounts)
        known = before.get(name)
        found[name] = known if known == reach else reach
    return found


class _Shown:
    """What a hypervisor calls its servers, and the addresses at which it says that it reaches them."""

    def __init__(self, estate: Estate, name: str, seen: HostSeen | None) -> None:
        self._name, self._node = name, estate.nodes.get(name)
        kinds = seen.kinds if seen is not None else None
        self.mounts = _mounts(kinds.mounts or ()) if kinds is not None else ()
        self.servers = {*estate.fleet.servers.get(name, ()), *(mount.server for mount in self.mounts)}
        self._addresses: dict[str, tuple[str, ...]] = {}
        if self.servers and kinds is not None:
            for used in kinds.uses or ():
                if used.what in {"nfs", "pool"}:
                    word = canonical(used.name)
                    self._addresses[word] = (*self._addresses.get(word, ()), *used.addresses)

    def words(self) -> Iterator[str]:
        """Every name and address by which its servers may be found."""
        for server in self.servers:
            yield server
            yield from self._addresses.get(canonical(server), ())

    def machine(self, server: str, addressed: Addressed) -> str:
        """The certname of the host that it means by a server, else the word itself in one form."""
        word = canonical(server)
        if word == SELF:
            return self._name
        if self._node is None:
            only = addressed.only(word)
            return only.host.name if only else word
        meant = addressed.meant(self._node, word, self._addresses.get(word, ()))
        return meant[0].host.name if len(meant) == 1 else word


def _mounts(told: tuple[Mount, ...]) -> tuple[Mounted, ...]:
    """The innermost first; of two at one folder, the one that was mounted last hides the other."""
    mounts = (Mounted(f"{one.path.rstrip('/')}/", one.server, one.export) for one in reversed(told))
    return tuple(sorted(mounts, key=lambda mount: -len(mount.folder)))
