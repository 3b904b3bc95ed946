"""An estate that has everything which metrics tell of: for the documented examples, the rules and the dashboards."""

from collections.abc import Iterator

from exporters.counts import Counts
from exporters.exposition import Exposition
from facts.directory.entries import Entry
from facts.inventory.domains import Disk
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import (
    Backup,
    BackupPool,
    Backups,
    Client,
    ContainerCopy,
    Logs,
    Mirror,
    NfsClient,
    NfsServer,
    Peer,
    PeerVolume,
    Pool,
    Volume,
)  # fmt: skip
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import told
from tests.factories import domain, guest, host, host_dn, kvm, service, service_dn, site, site_dn, uuid_of

GIB = 2**30
HOUR, DAY = 3600.0, 86400.0
KVM1, KVM2, NFS, MIRROR, ARCHIVE = (f"{name}.lab.test" for name in ("kvm1", "kvm2", "nfs1", "mirror1", "archive"))
WEB, MAIL, WIKI = (f"{name}.lab.test" for name in ("web", "mail", "wiki"))


def everything(turn: int = 0) -> Scene:
    """A site with two hypervisors and three guests: web is well, mail is down, wiki runs where its copy should be; and
    a domain that nobody declared. With each turn, what counts has grown.
    """
    scene = Scene(*_entries())
    disk = Disk("vda", "nfs", "/containers/web.raw", NFS, "/srv/containers")
    scene.see(
        KVM1, domain("web", disks=[disk]), domain("mail", "shutoff", "shutdown"), domain("wiki", "shutoff", "shutdown")
    )
    scene.see(
        KVM2, domain("web", "shutoff", "shutdown", disks=[disk]), domain("mail", "shutoff", "shutdown"),
        domain("wiki"), domain("stray", memory=2 * GIB),
    )  # fmt: skip
    scene.freshness = {
        SourceKey("directory", scene.settings.directory.base): Freshness(NOON - 2, took=0.004),
        SourceKey("inventory", KVM1): Freshness(NOON - 1),
        SourceKey("inventory", KVM2): Freshness(NOON - 90, NOON - 5, "connection refused"),
    }
    _storage(scene, turn)
    _backups(scene, turn)
    _puppet(scene)
    scene.observe(WEB, logs=Logs(2**20, remote=True))
    figures = DomainStatistics(
        uuid_of("web"), NOON - 5, (DiskStatistics("vda", 8 * GIB, 7000 * (turn + 1), 9000 * (turn + 1)),)
    )
    scene.statistics[KVM1] = HypervisorStatistics(NOON - 5, {uuid_of("web"): figures}, {}, {uuid_of("web"): 0.25})
    return scene


def whole(turn: int = 0) -> str:
    """All that there is to tell, old names included."""
    counts = Counts()
    for _ in range(turn + 1):
        counts.answered(3.0)
        counts.reports_rejected.labels("too large").inc()
    return told(everything(turn), exposition=Exposition(legacy_names=True, breathe=lambda: None), counts=counts)


def _entries() -> Iterator[Entry]:
    at = {"enclumeAtSite": site_dn("angers")}
    ages = ("system/daily=26", "system/weekly=192", "system/monthly=768", "container/monthly=768")
    yield site("angers")
    yield kvm(KVM1, "angers", enclumeRequires=service_dn("ldap"))
    yield kvm(KVM2, "angers")
    yield service("ldap", members=[MAIL], enclumeProvides="ldap")
    for name in (WEB, MAIL, WIKI):
        yield guest(name, **at, enclumeProduction=host_dn(KVM1), enclumeBackup=host_dn(KVM2), enclumeMaxAge=ages)
    yield from (host(name, **at) for name in (NFS, MIRROR, ARCHIVE))
    yield service("nfs", members=[NFS], enclumeProvides="nfs")
    yield service("mirror", members=[MIRROR], enclumeProvides="mirror")
    yield service("backup", members=[ARCHIVE], enclumeProvides="backup")
    yield service("web_hosting", members=[WEB], enclumeRequires=service_dn("ntp"))


def _storage(scene: Scene, turn: int) -> None:
    times = turn + 1
    pool = Pool("0", 4000 * times, 4000 * times, 3900 * times)
    clients = (Client("10.1.0.1", KVM1, "confirmed", 12.0), Client("10.1.0.2", KVM2, "courtesy", 240.0))
    nfsd = NfsServer(
        8, {"read": 3000 * times, "write": 500 * times}, 10**9 * times, 10**8 * times, 3 * times, 40, (pool,), clients
    )
    mine = Mirror(
        "r0",
        "Primary",
        (Volume(0, "UpToDate", 0),),
        (Peer("mirror1", "Connected", "Secondary", (PeerVolume(0, "UpToDate", "Established", 0),)),),
    )
    theirs = Mirror(
        "r0",
        "Secondary",
        (Volume(0, "UpToDate", 0),),
        (Peer("nfs1", "Connected", "Primary", (PeerVolume(0, "UpToDate", "Established", 0),)),),
    )
    scene.observe(NFS, nfsd=nfsd, mirrors=(mine,))
    scene.observe(MIRROR, mirrors=(theirs,))


def _backups(scene: Scene, turn: int) -> None:
    good = Backup(
        WEB, "system", NOON - HOUR, NOON - 2 * DAY, NOON - 9 * DAY, NOON - HOUR,
        last_duration_seconds=600, last_size_bytes=4 * GIB, previous_size_bytes=4 * GIB,
    )  # fmt: skip
    failed = Backup(
        MAIL,
        "system",
        NOON - 3 * DAY,
        NOON - 8 * DAY,
        NOON - 40 * DAY,
        NOON - HOUR,
        last_attempt_failed=True,
        last_errors=4,
        running=True,
    )
    scene.observe(ARCHIVE, backups=Backups((good, failed), (BackupPool("main", 900 * GIB),)), uses=None)
    copy = ContainerCopy(
        "web",
        uuid_of("web"),
        KVM2,
        NOON - 6 * DAY,
        NOON - 6 * DAY,
        last_duration_seconds=120,
        last_size_bytes=8 * GIB,
        verified=True,
    )
    scene.observe(KVM1, containers=(copy,), nfs=NfsClient(5000 * (turn + 1), 2 * (turn + 1)))


def _puppet(scene: Scene) -> None:
    for name, status, ago in ((WEB, "changed", 600), (MAIL, "failed", 900), (KVM1, "unchanged", 9000)):
        resources = {"total": 120, "changed": 2 if status == "changed" else 0, "failed": 3 if status == "failed" else 0}
        scene.runs[name] = Run(
            certname=name, ended_at=NOON - ago, last_success=NOON - ago - (DAY if status == "failed" else 0),
            status=status, duration=14.5, environment="production", resources=resources, cached_catalog=name == MAIL,  # type: ignore[arg-type]
            times={"config_retrieval": 2.5}, events={"total": 2, "success": 2}, changes=2, completed=True,
        )  # fmt: skip
