"""What a host's own observer (`enclume-observe`) says of it: the body of `PUT /observations/CERTNAME`.

`docs/schemas/observation.json` is made of these types. Keys that are unknown here are ignored, so that an observer may
be newer than its service. Sizes in bytes; times in seconds since the epoch, by the clock of the host that observed.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

FORMAT = 1

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Time = Annotated[float, Meta(ge=0, le=1e11)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Text = Annotated[str, Meta(max_length=1024)]

T = TypeVar("T")
Few = Annotated[tuple[T, ...], Meta(max_length=64)]
Some = Annotated[tuple[T, ...], Meta(max_length=2_000)]
Many = Annotated[tuple[T, ...], Meta(max_length=20_000)]
"""How many of a thing one host may tell of: more is a fault, and would keep the verdicts on everybody waiting."""

BackupKind = Literal["data", "system", "container", "offsite"]
Schedule = Literal["daily", "weekly", "monthly"]
Use = Literal["nfs", "mirror", "ntp", "dns", "dhcp", "ldap", "log", "updates", "gateway", "puppet", "pool"]


def _distinct(what: str, names: Iterable[object]) -> None:
    """Raises `ValueError` for the first name that stands twice: nobody could say which of the two holds."""
    known = set[object]()
    for name in names:
        if name in known:
            raise ValueError(f"{what} {name} stands twice")
        known.add(name)


class Pool(Struct, frozen=True):
    """One thread pool of an NFS server: a line of /proc/fs/nfsd/pool_stats; counters since boot.

    Recent kernels enqueue every socket, also where a thread is idle: there only `threads_woken` (None where it is not
    known) tells how often none was.
    """

    pool: Name
    packets_arrived: Count = 0
    sockets_enqueued: Count = 0
    threads_woken: Count | None = None


class Client(Struct, frozen=True):
    """One NFSv4 client: a folder of /proc/fs/nfsd/clients. `renew_age`: seconds since it last renewed its lease."""

    address: Name
    name: Text = ""
    status: Text = ""
    renew_age: Time | None = None


class NfsServer(Struct, frozen=True):
    """/proc/net/rpc/nfsd and /proc/fs/nfsd; counters since boot. `requests` by operation, all NFS versions together."""

    threads: Count
    requests: Annotated[Mapping[Name, Count], Meta(max_length=500)]
    read_bytes: Count = 0
    written_bytes: Count = 0
    reply_cache_hits: Count = 0
    reply_cache_misses: Count = 0
    pools: Some[Pool] = ()
    clients: Many[Client] = ()

    def __post_init__(self) -> None:
        _distinct("the pool", (pool.pool for pool in self.pools))


class NfsClient(Struct, frozen=True):
    """A host's NFS client: /proc/net/rpc/nfs; counters since boot, all its mounts together."""

    calls: Count
    retransmissions: Count


class Mount(Struct, frozen=True):
    """An NFS mount of /proc/self/mountstats. `responding`: whether the server answered within the observer's deadline,
    None where that was not tried.
    """

    path: Text
    server: Name
    export: Text
    version: Text = ""
    read_bytes: Count = 0
    written_bytes: Count = 0
    responding: bool | None = None


class PeerVolume(Struct, frozen=True):
    """A volume as a mirror's peer has it, in DRBD's words."""

    volume: Count
    disk: Text
    replication: Text = ""
    out_of_sync_bytes: Count = 0


class Peer(Struct, frozen=True):
    """A mirror's peer, in DRBD's words: `connection` is Connected, StandAlone, Connecting…"""

    name: Name
    connection: Text
    role: Text
    volumes: Some[PeerVolume] = ()

    def __post_init__(self) -> None:
        _distinct(f"{self.name}'s volume", (volume.volume for volume in self.volumes))


class Volume(Struct, frozen=True):
    """A mirror's own volume: `disk` is UpToDate, Inconsistent, Outdated, Diskless…"""

    volume: Count
    disk: Text
    minor: Count | None = None


class Mirror(Struct, frozen=True):
    """A DRBD resource as one of its nodes sees it."""

    resource: Name
    role: Text
    volumes: Some[Volume] = ()
    peers: Few[Peer] = ()

    def __post_init__(self) -> None:
        _distinct(f"the volume of {self.resource}", (volume.volume for volume in self.volumes))
        _distinct(f"the peer of {self.resource}", (peer.name for peer in self.peers))

    @property
    def in_sync(self) -> bool:
        """Whether it is connected to every peer, and every volume is the same and whole on all of them."""
        theirs = [volume for peer in self.peers for volume in peer.volumes]
        disks = [*(one.disk for one in self.volumes), *(one.disk for one in theirs)]
        same = not any(one.out_of_sync_bytes for one in theirs)
        connected = all(peer.connection == "Connected" for peer in self.peers)
        return bool(theirs) and connected and same and all(disk == "UpToDate" for disk in disks)


class Backup(Struct, frozen=True):
    """What a backup server keeps of one of its hosts (BackupPC), or what one line of a plain file says.

    `host` is the backup server's own name for it; `kind` where the server knows it. `last_success` is the end of the
    newest backup without a failure, `last_full` that of the newest full one, `kept_full` that of the newest full one
    that is still kept. `last_attempt_failed` tells the last attempt's outcome. `previous_size_bytes` is the size of the
    full backup before the last one.
    """

    host: Name
    kind: BackupKind | None = None
    last_success: Time = 0.0
    last_full: Time = 0.0
    kept_full: Time = 0.0
    last_attempt: Time = 0.0
    last_attempt_failed: bool = False
    last_duration_seconds: Time = 0.0
    last_size_bytes: Count = 0
    previous_size_bytes: Count = 0
    last_errors: Count = 0
    running: bool = False
    message: Text = ""


class BackupPool(Struct, frozen=True):
    """A backup server's store."""

    pool: Name
    size_bytes: Count


class Backups(Struct, frozen=True):
    """All that a backup server keeps."""

    hosts: Many[Backup] = ()
    pools: Few[BackupPool] = ()

    def __post_init__(self) -> None:
        _distinct("the backup pool", (pool.pool for pool in self.pools))


class ContainerCopy(Struct, frozen=True):
    """The last copies of one guest's container, from the journal of container copies (docs/container-copies.md).

    `guest` is the domain's name, `uuid` its UUID where it is known; `verified` says that the copy was compared with
    its snapshot.
    """

    guest: Name
    uuid: Text = ""
    peer: Text = ""
    last_success: Time = 0.0
    last_attempt: Time = 0.0
    last_attempt_failed: bool = False
    last_duration_seconds: Time = 0.0
    last_size_bytes: Count = 0
    previous_size_bytes: Count = 0
    last_errors: Count = 0
    verified: bool = False
    running: bool = False
    message: Text = ""


class Used(Struct, frozen=True):
    """Something that the host really uses: as what, by the name that its configuration has, at which addresses.

    `source` is where that stands: a file, a mount, a libvirt pool.
    """

    what: Use
    name: Name
    addresses: Few[Name] = ()
    source: Text = ""


class Logs(Struct, frozen=True):
    """Logs that the host keeps on its own disks: their size, and whether they also (or only) go to a log server."""

    bytes: Count
    remote: bool


class Kinds(Struct, frozen=True):
    """What an observation may hold; None for what the observer did not look at, or could not read in whole."""

    nfsd: NfsServer | None = None
    nfs: NfsClient | None = None
    mounts: Some[Mount] | None = None
    mirrors: Some[Mirror] | None = None
    backups: Backups | None = None
    containers: Some[ContainerCopy] | None = None
    uses: Some[Used] | None = None
    logs: Logs | None = None

    def __post_init__(self) -> None:
        _distinct("the mirror", (mirror.resource for mirror in self.mirrors or ()))


KINDS: tuple[str, ...] = Kinds.__struct_fields__


class Observed(Struct, frozen=True):
    """The body of `PUT /observations/CERTNAME`.

    `looked_at` are the kinds that were looked at: of these, one that is None is not there; of all others the last that
    was said stays. `problems` are sentences about what could not be read.
    """

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)]
    certname: Name
    observed_at: Time
    kinds: Kinds
    problems: Some[Text] = ()
    looked_at: Few[Text] = KINDS
    observer: Text = ""


def is_of(problem: str, kind: str) -> bool:
    """Whether a problem is with this kind: an observer begins each with the kind that it was met at."""
    return problem.startswith(f"{kind}: ")


def problems_of(problems: Iterable[str], kind: str) -> tuple[str, ...]:
    """The problems with one kind, without its name."""
    return tuple(problem.removeprefix(f"{kind}: ") for problem in problems if is_of(problem, kind))
