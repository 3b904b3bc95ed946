"""Whose backups the hosts that keep them speak of: their own names turned into certnames and kinds."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from audit.picture import BackupSeen
from facts.authority import may_say
from facts.estate import Estate, Node
from facts.observations import Backup, BackupKind, ContainerCopy
from facts.observatory import HostSeen
from settings.backups import BackupSettings


class Kept(Struct, frozen=True):
    """What one host keeps of others: the node and the observation that it was read from, backups with their hosts'
    certnames, and the names that nobody has, or that are not this host's to speak of.
    """

    node: Node
    seen: HostSeen
    backups: tuple[tuple[str, BackupSeen], ...]
    unknown: tuple[str, ...]


Archive = Mapping[str, Kept]
"""By the certname of the host that keeps them."""
ByHost = Mapping[str, tuple[BackupSeen, ...]]
"""By the certname of the host that they are of."""


def archive(estate: Estate, observations: Mapping[str, HostSeen], settings: BackupSettings, before: Archive) -> Archive:
    """Read what every host that may speak of backups keeps; what did not change stays the same object."""
    found: dict[str, Kept] = {}
    reader = None
    for certname, seen in observations.items():
        node = estate.nodes.get(certname)
        if node is None or (seen.kinds.backups is None and seen.kinds.containers is None):
            continue
        known = before.get(certname)
        if known is None or known.seen is not seen or known.node is not node:
            reader = reader or _Reader(estate, settings)
            known = reader.read(node, seen)
        found[certname] = known
    return found


def by_host(now: Archive, before: Archive, known: ByHost) -> tuple[ByHost, set[str]]:
    """The backups of each host, made of what was `known` when the archive was as `before`; and the hosts concerned."""
    found, concerned = dict(known), set[str]()
    for keeper in now.keys() | before.keys():
        old, new = before.get(keeper), now.get(keeper)
        if old is new:
            continue
        fresh: dict[str, list[BackupSeen]] = {name: [] for name, _ in old.backups} if old else {}
        for name, backup in new.backups if new else ():
            fresh.setdefault(name, []).append(backup)
        for name, backups in fresh.items():
            others = (backup for backup in found.get(name, ()) if backup.by != keeper)
            found[name] = tuple(sorted((*others, *backups), key=_by_keeper))
        concerned |= fresh.keys()
    return found, concerned


def _by_keeper(backup: BackupSeen) -> tuple[str, str]:
    return backup.by, backup.kind


class _Reader:
    def __init__(self, estate: Estate, settings: BackupSettings) -> None:
        self._nodes, self._settings = estate.nodes, settings
        self._by_uuid = {node.hardware.uuid: node for node in estate.nodes.values() if node.hardware}
        self._on = estate.fleet.on

    def read(self, node: Node, seen: HostSeen) -> Kept:
        allowed, kinds = may_say(node), seen.kinds
        backups: list[tuple[str, BackupSeen]] = []
        unknown: list[str] = []
        if kinds.backups is not None and "backups" in allowed:
            for one in kinds.backups.hosts:
                target, kind = self._host_of(node, one)
                if target is None:
                    unknown.append(one.host)
                else:
                    backups.append((target.host.name, _backup(kind, node.host.name, seen.seen_at["backups"], one)))
        if kinds.containers is not None and "containers" in allowed:
            for copy in kinds.containers:
                guest = self._guest_of(node, copy)
                if guest is None:
                    unknown.append(copy.guest)
                else:
                    backups.append((guest.host.name, _copy(node.host.name, seen.seen_at["containers"], copy)))
        return Kept(node, seen, tuple(backups), tuple(unknown))

    def _host_of(self, keeper: Node, one: Backup) -> tuple[Node | None, BackupKind]:
        """Whose backup it is, and of which kind. A site's own provider keeps every kind but the off-site one, which is
        another site's.
        """
        stated = self._settings.hosts.get(one.host)
        node = self._nodes.get(stated.certname if stated else one.host.lower())
        home = node is not None and node.site is not None and node.site is keeper.site
        kind = one.kind or (stated.kind if stated else self._settings.kind if home else "offsite")
        return (node if home != (kind == "offsite") else None), kind

    def _guest_of(self, keeper: Node, copy: ContainerCopy) -> Node | None:
        """The guest whose container was copied: only a hypervisor that shows its domain may say so."""
        name = copy.guest.lower()
        uuids: Iterator[str] = (
            found.domain.uuid
            for found in self._on.get(keeper.host.name, ())
            if (found.domain.uuid == copy.uuid if copy.uuid else found.domain.name.lower() == name)
        )
        return next((self._by_uuid[uuid] for uuid in uuids if uuid in self._by_uuid), None)


def _backup(kind: BackupKind, by: str, seen_at: float, one: Backup) -> BackupSeen:
    return BackupSeen(
        kind=kind,
        by=by,
        seen_at=seen_at,
        last_success=one.last_success,
        last_full=one.last_full,
        kept_full=one.kept_full,
        last_attempt=one.last_attempt,
        last_attempt_failed=one.last_attempt_failed,
        last_duration_seconds=one.last_duration_seconds,
        last_size_bytes=one.last_size_bytes,
        previous_size_bytes=one.previous_size_bytes,
        last_errors=one.last_errors,
        running=one.running,
        message=one.message,
    )


def _copy(by: str, seen_at: float, copy: ContainerCopy) -> BackupSeen:
    """A container's copy is always a whole one."""
    return BackupSeen(
        kind="container",
        by=by,
        seen_at=seen_at,
        last_success=copy.last_success,
        last_full=copy.last_success,
        kept_full=copy.last_success,
        last_attempt=copy.last_attempt,
        last_attempt_failed=copy.last_attempt_failed,
        last_duration_seconds=copy.last_duration_seconds,
        last_size_bytes=copy.last_size_bytes,
        previous_size_bytes=copy.previous_size_bytes,
        last_errors=copy.last_errors,
        verified=copy.verified,
        running=copy.running,
        message=copy.message,
    )
