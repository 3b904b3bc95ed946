"""What holds a domain's disk, as its hypervisor's storage pools and the disk's own XML show it.

A file on an NFS mount that is no libvirt pool (mounted by /etc/fstab) looks like a local file to libvirt:
only the hypervisor's own observer can tell.
"""

import re
from xml.etree.ElementTree import Element

from msgspec import Struct
from msgspec.structs import replace

from facts.inventory.domains import Disk, StorageKind

_MAPPER = re.compile(r"/dev/mapper/(?!luks-|mpath)[^/]*[^-/]-[^-/][^/]*")
_LOGICAL = re.compile(r"/dev/(?!mapper/|disk/|block/|drbd/|zvol/|md/|loop/|shm/|nbd/)[^/]+/[^/]+")
_POOLS: dict[str, StorageKind] = {
    "dir": "file", "fs": "file", "logical": "lvm", "netfs": "nfs",
    "rbd": "network", "sheepdog": "network", "gluster": "network", "iscsi": "network", "iscsi-direct": "network",
}  # fmt: skip


class Pool(Struct, frozen=True):
    """A storage pool: what it is, the folder it is seen at, and, for NFS, the server and what it exports."""

    name: str
    storage: StorageKind
    path: str
    server: str | None = None
    export: str | None = None

    def holds(self, target: str, below: str, storage: StorageKind) -> Disk:
        """The disk at a path below its folder."""
        disk = Disk(target, storage, f"{self.path}/{below}", self.server, self.export)
        return disk if self.export is None else replace(disk, below=below)


def parse_pool(element: Element) -> Pool:
    """The pool that a `<pool>` element describes."""
    kind = _POOLS.get(element.get("type", ""), "other")
    if kind == "nfs" and _attribute(element, "source/format", "type") not in (None, "auto", "nfs"):
        kind = "network"
    export = _attribute(element, "source/dir", "path") if kind == "nfs" else None
    return Pool(
        name=element.findtext("name", ""),
        storage=kind,
        path=element.findtext("target/path", "").rstrip("/"),
        server=_attribute(element, "source/host", "name") if kind in ("nfs", "network") else None,
        export=export,
    )


def parse_disk(element: Element, pools: tuple[Pool, ...]) -> Disk | None:
    """The disk that a `<disk>` element describes; None for a CD-ROM or floppy drive."""
    if element.get("device", "disk") not in ("disk", "lun"):
        return None
    disk = _held(element, pools)
    may_be_shared = element.find("shareable") is not None or element.find("readonly") is not None
    return replace(disk, shareable=True) if may_be_shared else disk


def _held(element: Element, pools: tuple[Pool, ...]) -> Disk:
    target = _attribute(element, "target", "dev") or ""
    source = element.find("source")
    if source is None:
        return Disk(target, "other", "")
    match element.get("type"):
        case "file":
            return _on_path(target, source.get("file", ""), "file", pools)
        case "block":
            path = source.get("dev", "")
            return _on_path(target, path, "lvm" if _is_logical(path) else "other", pools)
        case "volume":
            return _volume(target, source, pools)
        case "network":
            return _network(target, source)
    return Disk(target, "other", source.get("dir") or source.get("dev") or "")


def _on_path(target: str, path: str, default: StorageKind, pools: tuple[Pool, ...]) -> Disk:
    """A disk at a path: what its innermost pool says, else what the path itself shows."""
    holding = [pool for pool in pools if pool.path and path.startswith(pool.path + "/")]
    if not holding:
        return Disk(target, default, path)
    pool = max(holding, key=lambda pool: len(pool.path))
    storage = default if pool.storage == "other" else pool.storage
    return pool.holds(target, path[len(pool.path) + 1 :], storage)


def _volume(target: str, source: Element, pools: tuple[Pool, ...]) -> Disk:
    wanted, volume = source.get("pool", ""), source.get("volume", "")
    for pool in pools:
        if pool.name == wanted:
            return pool.holds(target, volume, pool.storage)
    return Disk(target, "other", f"{wanted}/{volume}")


def _network(target: str, source: Element) -> Disk:
    """A disk that QEMU itself reaches over the network (RBD, iSCSI, or NFS by its own client)."""
    path, server = source.get("name", ""), _attribute(source, "host", "name")
    if source.get("protocol") == "nfs":
        export, _, below = path.rpartition("/")
        return Disk(target, "nfs", path, server, export or None, below=below if export else None)
    return Disk(target, "network", path, server)


def _is_logical(path: str) -> bool:
    """Whether a device's name is a logical volume's: /dev/GROUP/VOLUME or /dev/mapper/GROUP-VOLUME."""
    return bool(_LOGICAL.fullmatch(path) or _MAPPER.fullmatch(path))


def _attribute(element: Element, path: str, name: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get(name)
