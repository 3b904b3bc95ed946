"""A guest costs Prometheus at most 50 samples, with everything that the estate's principles ask of it."""

from msgspec.structs import replace

from facts.inventory.domains import Disk
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Backup, Backups, Client, ContainerCopy, Logs, Mount, NfsClient, NfsServer, Used
from facts.puppet import Run
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import samples, told
from tests.factories import domain, guest, host, host_dn, kvm, service, service_dn, site, site_dn, uuid_of

WEB, KVM1, KVM2, ARCHIVE, NFS = (f"{name}.lab.test" for name in ("web", "kvm1", "kvm2", "archive", "nfs1"))
ADDRESS = "10.1.2.3"
MOST = 50


def scene() -> Scene:
    at = {"enclumeAtSite": site_dn("angers")}
    ages = ("system/daily=26", "system/weekly=192", "system/monthly=768", "container/monthly=768")
    made = Scene(
        site("angers"), kvm(KVM1, "angers"), kvm(KVM2, "angers"), host(ARCHIVE, **at), host(NFS, **at),
        guest(WEB, enclumeProduction=host_dn(KVM1), enclumeBackup=host_dn(KVM2), enclumeMaxAge=ages,
              enclumeRequires=service_dn("nfs"), ipHostNumber=ADDRESS, **at),
        service("backup", members=[ARCHIVE], enclumeProvides="backup"),
        service("nfs", members=[NFS], enclumeProvides="nfs"),
    )  # fmt: skip
    disk = Disk("vda", "lvm", "/dev/vg0/web")
    made.see(KVM1, domain("web", disks=[disk]))
    made.see(KVM2, replace(domain("web", "shutoff", "shutdown", disks=[disk]), autostart=False))
    made.observe(ARCHIVE, backups=Backups((Backup(WEB, "system", NOON, NOON, NOON, NOON),)))
    made.observe(KVM1, containers=(ContainerCopy("web", uuid_of("web"), KVM2, NOON, NOON),))
    figures = DomainStatistics(uuid_of("web"), NOON, (DiskStatistics("vda", 0, 7, 9),))
    made.statistics[KVM1] = HypervisorStatistics(NOON, {uuid_of("web"): figures}, {}, {uuid_of("web"): 0.0})
    counted = {"total": 120, "changed": 2, "out_of_sync": 2, "failed": 0, "skipped": 0, "restarted": 0}
    made.runs[WEB] = Run(certname=WEB, ended_at=NOON, last_success=NOON, status="changed", resources=counted)
    paths = ("/home", "/var/mail", "/srv/www")
    mounts = tuple(Mount(path, NFS, f"/srv{path}", "4.2", responding=True) for path in paths)
    used = tuple(Used(what, NFS) for what in ("dns", "ntp", "log", "puppet"))
    made.observe(WEB, mounts=mounts, logs=Logs(2**20, remote=True), uses=used, nfs=NfsClient(5000, 2))
    made.observe(NFS, nfsd=NfsServer(8, {"read": 7}, clients=(Client(ADDRESS, WEB, "confirmed", 12.0),)))
    return made


def test_a_guest_with_everything_costs_at_most_50_samples() -> None:
    at = scene()
    assert at.wrong(subject=WEB) == {}
    of_guest = [key for key in samples(told(at)) if {WEB, ADDRESS} & set(dict(key[1]).values())]
    assert 40 < len(of_guest) <= MOST, sorted(name for name, _ in of_guest)
