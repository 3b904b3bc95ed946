"""Placement: copies, definitions, entries and domains, shown going bad and good again."""

import pytest
from msgspec.structs import replace

from facts.inventory.domains import Definition, Interface
from tests.audit.placed import (
    ANY,
    DEFINED,
    KVM1,
    KVM2,
    KVM3,
    LVM,
    NFS,
    PLACED,
    WEB,
    goes_bad_and_good_again,
    is_unknown,
    off,
    one_guest,
    problems_of,
    up,
    well,
)
from tests.audit.situations import Scene, sentences
from tests.factories import GIB, guest, host_dn, settings, site_dn, uuid_of


@pytest.fixture
def scene() -> Scene:
    return one_guest()


def test_a_guest_without_its_copy(scene: Scene) -> None:
    scene.see(KVM2)
    assert problems_of(scene) == ["missing_backup_copy"]
    goes_bad_and_good_again(scene, "missing_backup_copy", "warning", f"no copy on {KVM2}")


def test_a_copy_under_another_uuid_is_no_copy(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeDomainUUID=uuid_of("web"), **PLACED))
    scene.see(KVM2, off(uuid=uuid_of("another")))
    goes_bad_and_good_again(scene, "missing_backup_copy", "warning", "a domain of its name with another UUID")


def test_a_domain_of_its_name_elsewhere_is_no_hint(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeDomainUUID=uuid_of("web"), **PLACED))
    scene.see(KVM2)
    scene.see(KVM3, off(uuid=uuid_of("another")))
    assert "of its name" not in sentences(scene.verdicts("placement", WEB))["missing_backup_copy"]


def test_a_retired_guest_needs_no_copy_and_none_that_is_alike(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeIntent="retired", **PLACED))
    scene.see(KVM1, off(definition=DEFINED))
    scene.see(KVM2, off(definition=replace(DEFINED, vcpus=9)))
    assert scene.wrong("placement", WEB) == {}
    scene.see(KVM2)
    assert scene.wrong("placement", WEB) == {}


def test_it_is_the_copy_that_differs_wherever_the_guest_runs(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeProduction=host_dn(KVM2), enclumeBackup=host_dn(KVM1)))
    scene.see(KVM1, off(definition=replace(DEFINED, vcpus=9)))
    scene.see(KVM2, up(definition=DEFINED))
    assert f"9 vCPUs instead of 2 on {KVM1}" in sentences(scene.verdicts("placement", WEB))["definition_drift"]


def test_a_guest_that_moved_with_its_definition_has_left_no_copy(scene: Scene) -> None:
    scene.see(KVM1)
    scene.see(KVM2, up(disks=(NFS,)))
    assert scene.wrong("placement", WEB) == {"wrong_hypervisor": "warning", "missing_backup_copy": "warning"}


@pytest.mark.parametrize(
    ("backup", "words"),
    [
        ({}, "LDAP names no hypervisor for its copy"),
        ({"enclumeBackup": host_dn(KVM1)}, "is its enclumeProduction"),
        ({"enclumeBackup": host_dn("gone.lab.test")}, "is no host"),
    ],
)
def test_a_guest_that_is_tied_to_one_hypervisor(scene: Scene, backup: dict[str, str], words: str) -> None:
    scene.see(KVM2)
    scene.put(guest(WEB, enclumeProduction=host_dn(KVM1), **backup))
    assert words in sentences(scene.verdicts("placement", WEB))["missing_backup_copy"]
    scene.see(KVM2, off())
    assert scene.wrong("placement", WEB) == {}


def test_a_guest_of_any_hypervisor_needs_no_copy(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers")))
    scene.see(KVM2)
    (fine,) = scene.verdicts("placement", WEB)
    assert (fine.status, fine.sentence) == ("ok", f"{WEB} runs on {KVM1}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory": 2 * GIB}, "2048 MiB of memory instead of 1024"),
        ({"vcpus": 4}, "4 vCPUs instead of 2"),
        ({"disks": (replace(LVM, path="/dev/vg/old"),)}, "other disks"),
        ({"disks": ()}, "other disks"),
        ({"interfaces": (Interface("52:54:00:00:00:02", "internal"),)}, "other interfaces"),
        ({"interfaces": (Interface("52:54:00:00:00:01", "public"),)}, "other interfaces"),
        ({"digest": "other"}, "another part of the definition"),
        ({"memory": 2 * GIB, "vcpus": 4, "digest": "other"}, "memory instead of 1024 and 4 vCPUs instead of 2"),
    ],
)
def test_two_definitions_that_differ(scene: Scene, change: dict[str, object], words: str) -> None:
    scene.see(KVM1, up(definition=DEFINED))
    scene.see(KVM2, off(definition=replace(DEFINED, **change)))
    assert problems_of(scene) == ["definition_drift"]
    goes_bad_and_good_again(scene, "definition_drift", "warning", f"{words} on {KVM2}", KVM1)


@pytest.mark.parametrize(
    "copy",
    [
        None,
        DEFINED,
        replace(DEFINED, interfaces=(Interface("52:54:00:00:00:01", "internal", "virbr7"),)),
        replace(DEFINED, disks=(replace(LVM, storage="other"),)),
    ],
)
def test_what_only_the_hypervisor_does_otherwise_is_no_drift(scene: Scene, copy: Definition | None) -> None:
    """Nor is anything while a definition has not been read."""
    scene.see(KVM1, up(definition=DEFINED))
    scene.see(KVM2, off(definition=copy))
    assert scene.wrong("placement", WEB) == {}


@pytest.mark.parametrize(("intent", "status"), [("running", "critical"), ("off", "warning"), ("template", "warning")])
def test_an_entry_without_a_domain(scene: Scene, intent: str, status: str) -> None:
    scene.put(guest(WEB, enclumeIntent=intent, **PLACED))
    scene.see(KVM1)
    scene.see(KVM2)
    assert scene.wrong("placement", WEB) == {"no_domain": status}
    assert problems_of(scene) == (["no_domain", "not_running"] if intent == "running" else ["no_domain"])
    scene.put(guest(WEB, enclumeIntent="retired", **PLACED))
    assert scene.wrong("placement", WEB) == {}


def test_a_uuid_that_no_domain_has(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeDomainUUID=uuid_of("mistyped"), **PLACED))
    said = sentences(scene.verdicts("placement", WEB))
    assert said.keys() == {"no_domain"}
    assert f"{KVM1} and {KVM2} has a domain of its name with another UUID" in said["no_domain"]


def test_no_domain_is_known_only_once_everybody_was_looked_at(scene: Scene) -> None:
    scene.see(KVM1)
    scene.see(KVM2)
    scene.fail(KVM2)
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}
    scene.put(guest(ANY))
    assert scene.wrong("placement", ANY) == {"placement_unknown": "unknown"}
    scene.see(KVM2)
    assert scene.wrong("placement", ANY) == {"no_domain": "critical"}


def test_domains_without_an_entry(scene: Scene) -> None:
    scene.see(KVM1, up(), up("old"))
    scene.see(KVM2, off(), off("old"))
    (stray,) = scene.verdicts("placement", "old")
    assert (stray.code, stray.status, stray.site) == ("unmanaged", "warning", "angers")
    assert f"(running (booted) on {KVM1}, shutoff (shutdown) on {KVM2})" in stray.sentence
    assert uuid_of("old") in stray.sentence
    scene.fail(KVM1)
    assert scene.wrong("placement", "old") == {"unmanaged": "warning"}
    scene.fail(KVM2)
    assert scene.wrong("placement", "old") == {"unmanaged": "unknown"}
    well(scene)
    (fine,) = (one for one in scene.verdicts("placement", "angers") if one.code == "unmanaged")
    assert (fine.status, fine.sentence) == ("ok", "every domain at angers has an entry")


def test_an_entry_makes_a_stray_a_guest(scene: Scene) -> None:
    scene.see(KVM1, up(), up("any"))
    assert scene.wrong("placement") == {"unmanaged": "warning"}
    scene.put(guest(ANY, enclumeAtSite=site_dn("angers")))
    assert scene.wrong("placement") == {}


def test_domains_on_hypervisors_without_an_entry() -> None:
    scene = Scene(settings=settings(hypervisors={"uris": {"kvm9": "qemu+unix:///system"}}))
    scene.see("kvm9", up("old"))
    (stray,) = scene.verdicts("placement", "old")
    assert (stray.code, stray.site) == ("unmanaged", "")


def test_hosts_that_are_no_guests_have_no_placement(scene: Scene) -> None:
    assert {one.subject for one in scene.verdicts("placement")} == {WEB, "angers"}
    assert problems_of(scene, KVM1) == []
    assert not is_unknown(scene, KVM1)
