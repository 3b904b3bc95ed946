"""A guest costs Prometheus at most 50 samples, with everything that the estate's principles ask of it."""

from msgspec.structs import replace

from facts.inventory.domains import Disk
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Backup, Backups, ContainerCopy
from facts.puppet import Run
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import samples, told
from tests.factories import domain, guest, host, host_dn, kvm, service, site, site_dn, uuid_of

WEB, KVM1, KVM2, ARCHIVE = "web.lab.test", "kvm1.lab.test", "kvm2.lab.test", "archive.lab.test"
MOST = 50


def scene() -> Scene:
    at = {"enclumeAtSite": site_dn("angers")}
    ages = ("system/daily=26", "system/weekly=192", "system/monthly=768", "container/monthly=768")
    made = Scene(
        site("angers"), kvm(KVM1, "angers"), kvm(KVM2, "angers"), host(ARCHIVE, **at),
        guest(WEB, enclumeProduction=host_dn(KVM1), enclumeBackup=host_dn(KVM2), enclumeMaxAge=ages, **at),
        service("backup", members=[ARCHIVE], enclumeProvides="backup"),
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
    return made


def test_a_guest_with_everything_costs_at_most_50_samples() -> None:
    of_guest = [key for key in samples(told(scene())) if WEB in dict(key[1]).values()]
    assert 40 < len(of_guest) <= MOST, sorted(name for name, _ in of_guest)
