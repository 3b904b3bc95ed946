"""What a guest takes of its hypervisor, and where else it could run, as its picture tells."""

import pytest
from msgspec.structs import replace

from audit.load import Load
from facts.inventory.domains import Disk
from tests.audit.situations import Scene
from tests.factories import GIB, domain, guest, host, host_dn, kvm, site, site_dn

KVM1, KVM2, WEB = "kvm1.lab.test", "kvm2.lab.test", "web.lab.test"
LVM = Disk("vda", "lvm", "/dev/vg/web")
HERE = {"enclumeAtSite": site_dn("angers")}
PRODUCTION, BACKUP = {"enclumeProduction": host_dn(KVM1)}, {"enclumeBackup": host_dn(KVM2)}


@pytest.fixture
def scene() -> Scene:
    scene = Scene(site("angers"), kvm(KVM1, "angers"), kvm(KVM2, "angers"), guest(WEB, **HERE))
    shown(scene)
    return scene


def shown(scene: Scene, *disks: Disk) -> None:
    """kvm1 runs the guest, kvm2 has its copy."""
    scene.see(KVM1, replace(domain("web", memory=3 * GIB, disks=disks), vcpus=5))
    scene.see(KVM2, domain("web", "shutoff", "shutdown", disks=disks))


def load(scene: Scene, certname: str = WEB) -> Load | None:
    view = scene.audit().view
    assert view is not None
    return view.pictures.by_host[certname].load


def known(scene: Scene) -> Load:
    found = load(scene)
    assert found is not None
    return found


def test_it_is_what_the_domain_is_defined_with_where_it_belongs(scene: Scene) -> None:
    found = known(scene)
    assert (found.name, found.home, found.memory, found.vcpus) == (WEB, KVM1, 3 * GIB, 5)
    assert found.defined == (KVM1, KVM2)


@pytest.mark.parametrize(
    ("stated", "anywhere", "declared"),
    [
        ({}, True, ()),
        (BACKUP, True, ()),
        (PRODUCTION, False, ()),
        (PRODUCTION | {"enclumeBackup": host_dn(KVM1)}, False, ()),
        (PRODUCTION | BACKUP, False, (KVM1, KVM2)),
    ],
)
def test_where_ldap_lets_it_run(scene: Scene, stated: dict[str, str], anywhere: object, declared: object) -> None:
    scene.put(guest(WEB, **HERE, **stated))
    assert (known(scene).anywhere, known(scene).declared) == (anywhere, declared)


@pytest.mark.parametrize(
    ("disks", "local"),
    [
        ((), False),
        ((LVM,), True),
        ((Disk("vda", "file", "/srv/web.qcow2"),), True),
        ((Disk("vda", "nfs", "/pool/web", "nfs1", "/srv"),), False),
        ((Disk("vda", "file", "/pool/web", "nfs1", "/srv"),), False),
        ((Disk("vda", "network", "pool/web"),), False),
        ((Disk("vda", "nfs", "/pool/web", "nfs1", "/srv"), Disk("vdb", "lvm", "/dev/vg/web")), True),
    ],
)
def test_one_disk_of_the_hypervisors_own_ties_it_to_its_copies(
    scene: Scene, disks: tuple[Disk, ...], local: object
) -> None:
    shown(scene, *disks)
    assert (known(scene).local, known(scene).anywhere) == (local, not local)


def test_the_shortest_age_of_a_container_counts_and_no_other_kind(scene: Scene) -> None:
    shown(scene, LVM)
    assert known(scene).max_age is None
    scene.put(site("angers", enclumeMaxAge=("system/daily=1", "container/weekly=192", "container/monthly=768")))
    assert known(scene).max_age == 192 * 3600


@pytest.mark.parametrize("intent", ["off", "template", "retired"])
def test_only_a_guest_that_should_run_is_a_load(scene: Scene, intent: str) -> None:
    scene.put(guest(WEB, **HERE, enclumeIntent=intent))
    assert load(scene) is None
    scene.put(guest(WEB, **HERE, enclumeIntent="running"))
    assert load(scene) is not None


def test_a_guest_of_which_nothing_is_known_is_no_load_and_no_other_host_is(scene: Scene) -> None:
    scene.put(guest("new.lab.test", **HERE), guest("placed.lab.test", **PRODUCTION), host("nfs.lab.test", **HERE))
    assert {load(scene, name) for name in ("new.lab.test", "placed.lab.test", "nfs.lab.test", KVM1)} == {None}
