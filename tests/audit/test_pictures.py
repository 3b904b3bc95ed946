"""Pictures: what is declared, seen and said of one host, joined; the same object again where nothing changed."""

import pytest

from audit.pictures import NONE, Pictures, develop
from audit.touched import touched
from facts.facter.node_facts import NodeFacts
from facts.inventory.domains import Disk
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Backup, Backups, ContainerCopy, Logs
from facts.puppet import Run
from tests.audit.situations import NOON, Scene
from tests.factories import domain, guest, host, host_dn, kvm, service, settings, site, site_dn, uuid_of

KVM1, KVM2, KVM3 = "kvm1.lab.test", "kvm2.lab.test", "kvm3.lab.test"
WEB, SAVE, AWAY = "web.lab.test", "save.lab.test", "save.away.test"
BASE = (
    site("angers"),
    site("lyon"),
    kvm(KVM1, "angers"),
    kvm(KVM2, "angers"),
    kvm(KVM3, "lyon"),
    host(SAVE, enclumeAtSite=site_dn("angers")),
    host(AWAY, enclumeAtSite=site_dn("lyon")),
    service("backup", members=(SAVE, AWAY), enclumeProvides="backup"),
    guest(WEB, enclumeProduction=host_dn(KVM1), enclumeBackup=host_dn(KVM2)),
)


@pytest.fixture
def scene() -> Scene:
    scene = Scene(*BASE)
    scene.see(KVM1, domain("web"))
    scene.see(KVM2, domain("web", "shutoff", "unknown"))
    scene.see(KVM3)
    return scene


def pictures(scene: Scene, before: Pictures = NONE) -> Pictures:
    return develop(scene.situation(), before)


def test_a_picture_has_what_is_declared_and_every_copy(scene: Scene) -> None:
    picture = pictures(scene).by_host[WEB]
    assert (picture.site, picture.production, picture.backup) == ("angers", KVM1, KVM2)
    assert [one.hypervisor for one in picture.copies] == [KVM1, KVM2]
    assert picture.running_on == (KVM1,)


def test_a_picture_stays_the_same_object_until_something_of_it_changes(scene: Scene) -> None:
    first = pictures(scene)
    second = pictures(scene, first)
    assert all(second.by_host[name] is picture for name, picture in first.by_host.items())
    scene.observe(WEB, logs=Logs(5, remote=True))
    third = pictures(scene, second)
    assert [name for name, picture in third.by_host.items() if picture is not second.by_host[name]] == [WEB]


def test_a_run_or_facts_of_a_guest_touch_nobody_else_whatever_its_domain_is_called(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeProduction=host_dn(KVM1), enclumeDomainUUID=uuid_of("web")))
    scene.put(guest("web.away.test", enclumeProduction=host_dn(KVM3), enclumeDomainUUID=uuid_of("another")))
    scene.see(KVM3, domain("web", uuid=uuid_of("another")))
    scene.runs[WEB] = Run(certname=WEB, ended_at=NOON - 60, last_success=NOON, status="changed")
    before = scene.situation()
    scene.runs[WEB] = Run(certname=WEB, ended_at=NOON, last_success=NOON, status="changed")
    ran = scene.situation()
    assert touched(ran, before, set()) == {WEB}
    scene.facts_of[WEB] = NodeFacts(NOON)
    assert touched(scene.situation(), ran, set()) == {WEB}


def test_a_hypervisor_that_cannot_be_read_blinds_those_that_it_may_hold(scene: Scene) -> None:
    scene.put(
        guest("any.lab.test", enclumeAtSite=site_dn("angers")), guest("far.lab.test", enclumeAtSite=site_dn("lyon"))
    )
    scene.fail(KVM2)
    found = pictures(scene).by_host
    assert {name: picture.blind for name, picture in found.items() if picture.blind} == {
        WEB: (KVM2,),
        "any.lab.test": (KVM2,),
    }


def test_a_domain_of_the_same_name_counts_at_the_same_site_only(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeProduction=host_dn(KVM1), enclumeDomainUUID=uuid_of("web")))
    scene.see(KVM2, domain("web", uuid=uuid_of("another")))
    scene.see(KVM3, domain("web", uuid=uuid_of("a third")))
    assert [one.hypervisor for one in pictures(scene).by_host[WEB].namesakes] == [KVM2]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (Disk("vda", "nfs", "/pool/a", "nfs1", "/srv"), Disk("vda", "nfs", "/pool/a", "nfs1", "/srv"), True),
        (Disk("vda", "nfs", "/pool/a", "nfs1", "/srv"), Disk("vda", "nfs", "/pool/b", "nfs1", "/srv"), False),
        (Disk("vda", "nfs", "/pool/a", "nfs1", "/srv"), Disk("vda", "nfs", "/pool/a", "nfs2", "/srv"), False),
        (Disk("vda", "lvm", "/dev/vg/a"), Disk("vda", "lvm", "/dev/vg/a"), False),
        (
            Disk("vda", "nfs", "/pool/a", "nfs1", "/srv", shareable=True),
            Disk("vda", "nfs", "/pool/a", "nfs1", "/srv", shareable=True),
            False,
        ),
    ],
)
def test_two_running_guests_may_write_to_one_disk(scene: Scene, one: Disk, other: Disk, shared: bool) -> None:
    scene.see(KVM1, domain("web", disks=[one]))
    scene.see(KVM2, domain("mail", disks=[other]))
    sharing = pictures(scene).by_host[WEB].sharing
    assert [found.domain.name for found in sharing] == (["mail"] if shared else [])


def test_a_guests_disks_have_the_size_that_the_statistics_gave(scene: Scene) -> None:
    uuid = uuid_of("web")
    disks = (DiskStatistics("vda", 4096), DiskStatistics("vdb"))
    scene.statistics[KVM1] = HypervisorStatistics(NOON, {uuid: DomainStatistics(uuid, NOON, disks)})
    assert pictures(scene).by_host[WEB].sizes == (("vda", 4096),)


def test_a_backup_server_speaks_of_its_own_site_and_keeps_the_off_site_copy_of_others(scene: Scene) -> None:
    one = Backup("web.lab.test", last_success=5.0)
    scene.observe(SAVE, backups=Backups((one,)))
    scene.observe(AWAY, backups=Backups((one, Backup("nobody"))))
    found = pictures(scene)
    assert [(one.by, one.kind) for one in found.by_host[WEB].backups] == [(AWAY, "offsite"), (SAVE, "system")]
    assert found.unknown[AWAY] == ("nobody",)


def test_another_sites_server_cannot_say_that_a_backup_is_this_sites(scene: Scene) -> None:
    scene.observe(AWAY, backups=Backups((Backup("web.lab.test", "system", last_success=5.0),)))
    scene.observe(SAVE, backups=Backups((Backup("web.lab.test", "offsite", last_success=5.0),)))
    found = pictures(scene)
    assert found.by_host[WEB].backups == ()
    assert found.unknown == {SAVE: (WEB,), AWAY: (WEB,)}


def test_a_backup_that_is_to_come_is_none(scene: Scene) -> None:
    scene.observe(SAVE, backups=Backups((Backup("web.lab.test", last_success=NOON + 1800),)))
    (little,) = pictures(scene).by_host[WEB].backups
    assert (little.last_success, little.to_come) == (NOON + 1800, 0.0)
    scene.at += 60
    scene.observe(SAVE, backups=Backups((Backup("web.lab.test", last_success=NOON + 86400),)))
    (far,) = pictures(scene).by_host[WEB].backups
    assert (far.last_success, far.to_come) == (0.0, NOON + 86400)


def test_names_of_a_backup_server_are_mapped_by_the_settings(scene: Scene) -> None:
    scene.settings = settings(backups={"hosts": {"www-data": {"certname": WEB, "kind": "data"}}})
    scene.observe(SAVE, backups=Backups((Backup("www-data"),)))
    (backup,) = pictures(scene).by_host[WEB].backups
    assert (backup.kind, backup.by) == ("data", SAVE)


def test_who_is_no_backup_server_any_more_says_nothing_of_backups(scene: Scene) -> None:
    scene.observe(SAVE, backups=Backups((Backup("web.lab.test"),)))
    before = pictures(scene)
    assert before.by_host[WEB].backups
    scene.put(service("backup", members=(AWAY,), enclumeProvides="backup"))
    assert pictures(scene, before).by_host[WEB].backups == ()


def test_a_hypervisor_speaks_of_copies_of_the_guests_that_it_shows(scene: Scene) -> None:
    copies = (ContainerCopy("web", last_success=7.0, verified=True), ContainerCopy("mail"))
    for name in (KVM1, KVM3, SAVE):
        scene.observe(name, containers=copies)
    found = pictures(scene)
    (backup,) = found.by_host[WEB].backups
    assert (backup.kind, backup.by, backup.kept_full, backup.verified) == ("container", KVM1, 7.0, True)
    assert found.unknown[KVM3] == ("mail", "web")
