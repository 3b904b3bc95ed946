"""Who keeps backups: other sites for the off-site copy, hypervisors for containers; and the servers themselves."""

import pytest

from audit.backup_servers import BackupServer
from facts.observations import Backup, BackupPool, Backups, ContainerCopy
from tests.audit.keeping import AT_ANGERS, AWAY, KVM1, KVM2, OTHER, SAVE, WEB, copy, keep, kept, of, web, wrong
from tests.audit.situations import Scene, sentences
from tests.factories import guest, host, service, settings, site, site_dn


@pytest.fixture
def scene() -> Scene:
    return kept()


def test_the_off_site_copy_is_another_sites_to_speak_of(scene: Scene) -> None:
    scene.put(web("offsite/weekly=192"))
    keep(scene, 1)
    assert wrong(scene) == {"backup_unknown": "unknown"}
    assert AWAY in of(scene, "offsite/weekly").sentence
    keep(scene, 200, by=AWAY)
    assert wrong(scene) == {"backup_late": "warning"}
    keep(scene, 100, by=AWAY)
    assert wrong(scene) == {}
    scene.at += 601
    assert wrong(scene) == {"backup_unknown": "unknown"}


def test_another_site_that_never_knew_the_host_need_not_speak_of_its_off_site_copy(scene: Scene) -> None:
    scene.put(site("lille"), host(OTHER, enclumeAtSite=site_dn("lille")), web("offsite/weekly=192"))
    scene.put(service("backup", members=(SAVE, OTHER, AWAY), enclumeProvides="backup"))
    keep(scene, 200, by=AWAY)
    assert wrong(scene) == {"backup_late": "warning"}
    scene.observe(AWAY, backups=Backups())
    assert wrong(scene) == {"backup_unknown": "unknown"}
    scene.observe(OTHER, backups=Backups())
    assert wrong(scene) == {"backup_missing": "critical"}


def test_no_other_site_with_a_backup_server_is_said(scene: Scene) -> None:
    scene.put(web("offsite/weekly=192"), service("backup", members=(SAVE,), enclumeProvides="backup"))
    assert wrong(scene) == {"backup_nobody": "critical"}


def test_of_a_container_the_hypervisors_that_hold_it_speak(scene: Scene) -> None:
    scene.put(web("container/monthly=768"))
    assert wrong(scene) == {"backup_unknown": "unknown"}
    assert KVM1 in of(scene, "container/monthly").sentence
    assert KVM2 in of(scene, "container/monthly").sentence
    copy(scene, 100)
    assert wrong(scene) == {}
    copy(scene, 800)
    assert wrong(scene) == {"backup_unknown": "unknown"}
    scene.observe(KVM2, containers=())
    assert wrong(scene) == {"backup_late": "warning"}
    copy(scene, 3, by=KVM2)
    assert wrong(scene) == {}


def test_a_container_that_no_hypervisor_copied_is_critical(scene: Scene) -> None:
    scene.put(web("container/monthly=768"))
    for name in (KVM1, KVM2):
        scene.observe(name, containers=())
    assert wrong(scene) == {"backup_missing": "critical"}


def test_copies_cannot_be_told_apart_while_the_hypervisor_cannot_be_read(scene: Scene) -> None:
    scene.put(web("container/monthly=768"))
    for name in (KVM1, KVM2):
        scene.observe(name, containers=())
    scene.fail(KVM2)
    assert wrong(scene) == {"backup_unknown": "unknown"}
    assert f"{KVM2} cannot be read" in of(scene, "container/monthly").sentence


def test_a_guest_that_nobody_holds_has_no_one_to_copy_its_container(scene: Scene) -> None:
    scene.put(guest("lost.lab.test", **AT_ANGERS, enclumeMaxAge="container/monthly=768"))
    assert scene.wrong("backup", "lost.lab.test") == {"backup_nobody": "critical"}


def test_a_backup_server_tells_of_hosts_that_nobody_has_and_of_its_pools(scene: Scene) -> None:
    pools = (BackupPool("cpool", 5 * 2**30),)
    scene.observe(SAVE, backups=Backups((Backup(WEB), Backup("old"), Backup("older")), pools))
    assert scene.wrong("backup", SAVE) == {"backup_of_nobody": "warning"}
    said = sentences(scene.verdicts("backup", SAVE))
    assert f"{SAVE} keeps backups of old and older, whom nobody has" in said["backup_of_nobody"]
    assert said["backup_server"] == f"{SAVE} keeps 1 backup in 5 GiB"
    details = scene.audited.groups["backup", SAVE].judged.details
    assert isinstance(details, BackupServer)
    assert (details.site, details.unknown, details.pools) == ("angers", ("old", "older"), pools)
    scene.observe(SAVE, backups=Backups((Backup(WEB),), pools))
    assert scene.wrong("backup", SAVE) == {}


def test_a_name_that_the_settings_map_is_somebodys(scene: Scene) -> None:
    scene.observe(SAVE, backups=Backups((Backup("www"),)))
    assert scene.wrong("backup", SAVE) == {"backup_of_nobody": "warning"}
    scene.settings = settings(backups={"hosts": {"www": {"certname": WEB, "kind": "system"}}})
    scene.observe(SAVE, backups=Backups((Backup("www"),)))
    assert scene.wrong("backup", SAVE) == {}


def test_a_silent_backup_server_is_unknown_until_it_speaks(scene: Scene) -> None:
    assert scene.wrong("backup", SAVE) == {"backup_server_silent": "unknown"}
    scene.observe(SAVE, backups=Backups())
    assert scene.wrong("backup", SAVE) == {}
    scene.at += 601
    assert scene.wrong("backup", SAVE) == {"backup_server_silent": "unknown"}


def test_who_keeps_backups_no_more_is_not_missed(scene: Scene) -> None:
    """Its observer is gone with its role, so that it never says that it has none."""
    keep(scene, 1)
    assert {one.code for one in scene.verdicts("backup", SAVE)} == {"backup_server"}
    scene.put(service("backup", members=(AWAY,), enclumeProvides="backup"))
    scene.at += 601
    assert scene.verdicts("backup", SAVE) == []
    assert SAVE not in scene.audited.view.pictures.archive  # type: ignore[union-attr]
    scene.put(service("backup", members=(SAVE, AWAY), enclumeProvides="backup"))
    assert scene.wrong("backup", SAVE) == {"backup_server_silent": "unknown"}


def test_a_hypervisor_that_kept_backups_tells_of_its_copies_alone(scene: Scene) -> None:
    scene.put(service("backup", members=(SAVE, KVM1), enclumeProvides="backup"))
    pools = (BackupPool("cpool", 5 * 2**30),)
    scene.observe(KVM1, backups=Backups((Backup("old"),), pools), containers=(ContainerCopy("web"),))
    assert scene.wrong("backup", KVM1) == {"backup_of_nobody": "warning"}
    scene.put(service("backup", members=(SAVE,), enclumeProvides="backup"))
    (verdict,) = scene.verdicts("backup", KVM1)
    assert verdict.sentence == f"{KVM1} keeps 1 backup"


def test_a_hypervisor_with_copies_of_guests_that_nobody_has_is_a_warning(scene: Scene) -> None:
    scene.observe(KVM1, containers=(ContainerCopy("web"), ContainerCopy("gone")))
    assert scene.wrong("backup", KVM1) == {"backup_of_nobody": "warning"}
    scene.observe(KVM1, containers=(ContainerCopy("web"),))
    assert scene.wrong("backup", KVM1) == {}
