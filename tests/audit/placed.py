"""A guest as it should be on two hypervisors, and what placement says once it is not."""

from collections.abc import Iterable

from msgspec.structs import replace

from audit.placement import placement_unknown, problems
from facts.inventory.domains import Definition, Disk, Domain, Interface, State
from tests.audit.situations import Scene, sentences
from tests.factories import GIB, domain, guest, host_dn, kvm, site

KVM1, KVM2, KVM3 = "kvm1.lab.test", "kvm2.lab.test", "kvm3.lab.test"
WEB, ANY = "web.lab.test", "any.lab.test"
PLACED = {"enclumeProduction": host_dn(KVM1), "enclumeBackup": host_dn(KVM2)}
LVM, NFS = Disk("vda", "lvm", "/dev/vg/web"), Disk("vda", "nfs", "/pool/web", "nfs1", "/srv")
DEFINED = Definition(GIB, 2, (Interface("52:54:00:00:00:01", "internal", "virbr0"),), (LVM,), "digest")


def up(name: str = "web", state: State = "running", reason: str = "booted", **changes: object) -> Domain:
    disk = replace(LVM, path=f"/dev/vg/{name}")
    return replace(domain(name, state, reason, disks=[disk]), autostart=False, **changes)


def off(name: str = "web", state: State = "shutoff", reason: str = "shutdown", **changes: object) -> Domain:
    return up(name, state, reason, **changes)


def one_guest() -> Scene:
    """The guest `web` as it should be: it runs on its production hypervisor, with a copy on its backup."""
    scene = Scene(
        site("angers"), *(kvm(name, "angers") for name in (KVM1, KVM2, KVM3)), guest(WEB, **PLACED),
    )  # fmt: skip
    well(scene)
    return scene


def well(scene: Scene) -> None:
    """Everything as it should be."""
    scene.see(KVM1, up())
    scene.see(KVM2, off())
    scene.see(KVM3)


def goes_bad_and_good_again(scene: Scene, code: str, status: str, *words: str) -> None:
    """The guest has this one verdict; with everything as it should be again, it is fine."""
    assert scene.wrong("placement", WEB) == {code: status}
    said = sentences(scene.verdicts("placement", WEB))[code]
    assert all(word in said for word in words), said
    well(scene)
    (fine,) = scene.verdicts("placement", WEB)
    assert (fine.code, fine.status, fine.sentence) == (
        "placement_ok", "ok", f"{WEB} runs on {KVM1}, with a copy on {KVM2}",
    )  # fmt: skip


def problems_of(scene: Scene, certname: str = WEB) -> Iterable[str]:
    view = scene.audit().view
    assert view is not None
    return sorted(problems(view.pictures.by_host[certname]))


def is_unknown(scene: Scene, certname: str = WEB) -> bool:
    view = scene.audit().view
    assert view is not None
    return placement_unknown(view.pictures.by_host[certname])
