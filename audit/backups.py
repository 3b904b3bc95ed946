"""Whose backups the hosts that keep them speak of: their own names matched with certnames and kinds."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from audit.picture import BackupSeen
from facts.authority import may_say
from facts.estate import Estate, Node
from facts.fleet import Found
from facts.observations import Backup, BackupKind, BackupPool, ContainerCopy
from facts.observatory import HostSeen, permitted
from settings.backups import BackupOf, BackupSettings

_SLACK = 3600.0
"""Seconds by which a backup may be ahead of the time at which it was told: clocks that are a little off."""


class Kept(Struct, frozen=True):
    """What one host keeps of others: itself, the observation that it was read from, the backups by the certname that
    the settings or their own name give, its pools, and copies of containers by domain name (in lower case) and by
    UUID.
    """

    node: Node
    seen: HostSeen
    backups: Mapping[str, tuple[Backup, ...]] = {}
    containers: Mapping[str, ContainerCopy] = {}
    pools: tuple[BackupPool, ...] = ()


Archive = Mapping[str, Kept]
"""By the certname of the host that keeps them."""
Names = Mapping[str, tuple[str, ...]]
"""Who keeps backups under each certname, sorted."""


def archive(estate: Estate, observations: Mapping[str, HostSeen], settings: BackupSettings, before: Archive) -> Archive:
    """Read what every host that may speak of backups keeps; what did not change stays the same object."""
    found: dict[str, Kept] = {}
    for certname, seen in observations.items():
        node = estate.nodes.get(certname)
        if node is None or (seen.kinds.backups is None and seen.kinds.containers is None):
            continue
        known = before.get(certname)
        same = known is not None and known.seen is seen and known.node is node
        kept = known if known is not None and same else _read(node, seen, settings)
        if kept is not None:
            found[certname] = kept
    return found


def _read(node: Node, seen: HostSeen, settings: BackupSettings) -> Kept | None:
    """None of a host that keeps nothing which is its to tell: it did once, and has said nothing since."""
    kinds = permitted(seen, may_say(node)).kinds
    if kinds.backups is None and kinds.containers is None:
        return None
    backups: dict[str, list[Backup]] = {}
    containers: dict[str, ContainerCopy] = {}
    if kinds.backups is not None:
        for one in kinds.backups.hosts:
            stated = settings.hosts.get(one.host)
            name = stated.certname if stated else one.host.lower()
            backups.setdefault(name, []).append(one)
    for copy in kinds.containers or ():
        containers[copy.uuid.lower() or copy.guest.lower()] = copy
    pools = kinds.backups.pools if kinds.backups else ()
    return Kept(node, seen, {name: tuple(same) for name, same in backups.items()}, containers, pools)


def named(now: Archive, before: Archive, known: Names) -> tuple[Names, set[str]]:
    """Who keeps backups under each certname, made of what was `known` when the archive was as `before`; and the
    certnames concerned.
    """
    found, concerned = dict(known), set[str]()
    for keeper in now.keys() | before.keys():
        old, new = before.get(keeper), now.get(keeper)
        if old is new:
            continue
        was, is_now = old.backups if old else {}, new.backups if new else {}
        for name in was.keys() - is_now.keys():
            found[name] = tuple(one for one in found[name] if one != keeper)
        for name in is_now.keys() - was.keys():
            found[name] = tuple(sorted((*found.get(name, ()), keeper)))
        concerned |= was.keys() | is_now.keys()
    return found, concerned


def backups_of(
    node: Node, copies: tuple[Found, ...], kept: Archive, by: tuple[str, ...], settings: BackupSettings
) -> tuple[BackupSeen, ...]:
    """What is known of one host's backups: `by` are those that keep some under its certname, `copies` its domain on
    every hypervisor that shows it.
    """
    return (*_from_servers(node, kept, by, settings), *_from_hypervisors(copies, kept))


def _from_servers(node: Node, kept: Archive, by: tuple[str, ...], settings: BackupSettings) -> Iterator[BackupSeen]:
    for keeper in by:
        for one in kept[keeper].backups[node.host.name]:
            kind = kind_of(node, kept[keeper].node, one, settings.hosts.get(one.host), settings.kind)
            if kind is not None:
                yield _past(_backup(kind, keeper, one), kept[keeper].seen.seen_at["backups"])


def _from_hypervisors(copies: tuple[Found, ...], kept: Archive) -> Iterator[BackupSeen]:
    """Only a hypervisor that shows a guest's domain may speak of its container."""
    for found in copies:
        keeper = kept.get(found.hypervisor)
        if keeper is not None and keeper.containers:
            copy = keeper.containers.get(found.domain.uuid) or keeper.containers.get(found.domain.name.lower())
            if copy is not None:
                yield _past(_copy(found.hypervisor, copy), keeper.seen.seen_at["containers"])


def kind_of(node: Node, keeper: Node, one: Backup, stated: BackupOf | None, default: BackupKind) -> BackupKind | None:
    """Of which kind a backup is. A site's own server keeps every kind but the off-site one, which is another site's:
    None where it says otherwise.
    """
    home = node.site is not None and keeper.site is not None and node.site.key == keeper.site.key
    kind = one.kind or (stated.kind if stated else default if home else "offsite")
    return kind if home != (kind == "offsite") else None


def unknown(kept: Kept, estate: Estate, settings: BackupSettings) -> tuple[str, ...]:
    """The names under which a host keeps backups that are of no host, or not its to speak of; sorted."""
    found = set()
    for name, backups in kept.backups.items():
        node = estate.nodes.get(name)
        for one in backups:
            stated = settings.hosts.get(one.host)
            if node is None or kind_of(node, kept.node, one, stated, settings.kind) is None:
                found.add(one.host)
    shown = {
        name
        for one in estate.fleet.on.get(kept.node.host.name, ())
        for name in (one.domain.uuid, one.domain.name.lower())
    }
    return tuple(sorted(found | {copy.guest for name, copy in kept.containers.items() if name not in shown}))


def _past(backup: BackupSeen, observed_at: float) -> BackupSeen:
    """A backup as it is said to be, but of one that is to come nobody knows when it was made."""
    claimed = max(backup.last_success, backup.last_full, backup.kept_full)
    if claimed <= observed_at + _SLACK:
        return backup
    return replace(backup, last_success=0.0, last_full=0.0, kept_full=0.0, to_come=claimed)


def _backup(kind: BackupKind, by: str, one: Backup) -> BackupSeen:
    return BackupSeen(
        kind=kind,
        by=by,
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


def _copy(by: str, copy: ContainerCopy) -> BackupSeen:
    """A container's copy is always a whole one."""
    return BackupSeen(
        kind="container",
        by=by,
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
        peer=copy.peer,
        running=copy.running,
        message=copy.message,
    )
