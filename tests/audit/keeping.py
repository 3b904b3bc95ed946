"""A guest and who keeps its backups, for tests of what is said of them."""

from typing import Any

from audit.verdict import Verdict
from facts.directory.entries import Entry
from facts.observations import Backup, Backups, ContainerCopy
from tests.audit.situations import Scene
from tests.factories import domain, guest, host, host_dn, kvm, service, site, site_dn

KVM1, KVM2 = "kvm1.lab.test", "kvm2.lab.test"
WEB, SAVE, OTHER, AWAY = "web.lab.test", "save.lab.test", "save2.lab.test", "save.away.test"
HOUR = 3600.0
AT_ANGERS = {"enclumeAtSite": site_dn("angers")}


def web(*ages: str, **attributes: str) -> Entry:
    """A guest with these ages."""
    stated = {"enclumeProduction": host_dn(KVM1), "enclumeBackup": host_dn(KVM2)} | attributes
    return guest(WEB, enclumeMaxAge=ages, **stated)


def kept() -> Scene:
    """Two sites, each with a backup server; a guest at one of them, on two hypervisors."""
    scene = Scene(
        site("angers"),
        site("lyon"),
        kvm(KVM1, "angers"),
        kvm(KVM2, "angers"),
        host(SAVE, **AT_ANGERS),
        host(AWAY, enclumeAtSite=site_dn("lyon")),
        service("backup", members=(SAVE, AWAY), enclumeProvides="backup"),
        web("system/daily=26"),
    )
    scene.see(KVM1, domain("web"))
    scene.see(KVM2, domain("web", "shutoff", "shutdown"))
    return scene


def keep(scene: Scene, hours: float, *, by: str = SAVE, at: float | None = None, **others: Any) -> None:
    """A backup server says that it made a full backup of the guest so many hours ago."""
    last = scene.at - hours * HOUR
    told = {"last_success": last, "last_full": last, "kept_full": last, "last_attempt": last} | others
    scene.observe(by, at=at, backups=Backups((Backup("web.lab.test", **told),)))


def copy(scene: Scene, hours: float, by: str = KVM1, **others: Any) -> None:
    """A hypervisor says that it copied the guest's container so many hours ago."""
    last = scene.at - hours * HOUR
    scene.observe(by, containers=(ContainerCopy("web", **({"last_success": last, "last_attempt": last} | others)),))


def of(scene: Scene, what: str) -> Verdict:
    """The first verdict about one kind and schedule."""
    return scene.verdicts("backup", f"{WEB} {what}")[0]


def wrong(scene: Scene) -> dict[str, str]:
    return scene.wrong("backup", WEB)
