"""A site of hypervisors and its guests, and what capacity says of them."""

from msgspec.structs import replace

from audit.capacity import SiteLoad
from facts.directory.entries import Entry
from facts.inventory.domains import Disk, Domain
from tests.audit.situations import Scene
from tests.factories import GIB, domain, guest, host_dn, kvm, settings, site, site_dn

KVM1, KVM2, KVM3 = "kvm1.lab.test", "kvm2.lab.test", "kvm3.lab.test"
NFS = Disk("vda", "nfs", "/pool/a", "nfs1", "/srv", shareable=True)


def vm(name: str, gib: int = 8, vcpus: int = 2, *, on: bool = True, local: bool = False) -> Domain:
    disk = Disk("vda", "lvm", f"/dev/vg/{name}") if local else NFS
    made = domain(name, *(("running", "booted") if on else ("shutoff", "shutdown")), memory=gib * GIB, disks=[disk])
    return replace(made, vcpus=vcpus, autostart=False)


def placed(name: str, production: str = KVM1, backup: str = KVM2) -> Entry:
    return guest(f"{name}.lab.test", enclumeProduction=host_dn(production), enclumeBackup=host_dn(backup))


def anywhere(name: str) -> Entry:
    return guest(f"{name}.lab.test", enclumeAtSite=site_dn("angers"))


def pair(*entries: Entry, hypervisors: tuple[str, ...] = (KVM1, KVM2), **thresholds: float) -> Scene:
    """A site of hypervisors with 64 GiB and 16 CPUs each."""
    scene = Scene(
        site("angers"),
        *(kvm(name, "angers") for name in hypervisors),
        *entries,
        settings=settings(thresholds=thresholds),
    )
    for name in hypervisors:
        scene.see(name)
    return scene


def wrong(scene: Scene) -> dict[tuple[str, str], str]:
    return {(one.code, one.subject): one.status for one in scene.verdicts("capacity") if one.status != "ok"}


def said(scene: Scene, code: str, subject: str) -> str:
    (found,) = (one for one in scene.verdicts("capacity") if (one.code, one.subject) == (code, subject))
    return found.sentence


def details(scene: Scene) -> SiteLoad:
    found = scene.audit().groups["capacity", "angers"].judged.details
    assert isinstance(found, SiteLoad)
    return found
