"""Placement: where guests run, shown going bad and good again, and unknown where nobody can look."""

import pytest
from msgspec.structs import replace

from audit.placement import PROBLEMS
from facts.inventory.domains import Disk, State
from facts.inventory.statistics import HypervisorStatistics
from tests.audit.placed import (
    ANY,
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
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import guest, host, settings, site_dn, uuid_of


@pytest.fixture
def scene() -> Scene:
    return one_guest()


def test_a_guest_that_runs_on_two_hypervisors(scene: Scene) -> None:
    scene.see(KVM2, up())
    assert problems_of(scene) == ["backup_copy_running", "split_brain"]
    goes_bad_and_good_again(scene, "split_brain", "critical", KVM1, KVM2, "at once")
    assert problems_of(scene) == []


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (("running", "booted"), ("paused", "migration")),
        (("running", "booted"), ("paused", "starting-up")),
        (("paused", "migration"), ("paused", "migration")),
        (("paused", "postcopy"), ("running", "postcopy")),
    ],
)
def test_a_migration_is_no_split_brain_and_stops_no_guest(
    scene: Scene, here: tuple[State, str], there: tuple[State, str]
) -> None:
    scene.see(KVM1, up("web", *here))
    scene.see(KVM2, up("web", *there))
    assert not {"split_brain", "not_running"} & scene.wrong("placement", WEB).keys()


def test_a_migration_that_failed_half_way_left_nothing_that_runs(scene: Scene) -> None:
    for name in (KVM1, KVM2):
        scene.see(name, up("web", "paused", "postcopy-failed"))
    assert scene.wrong("placement", WEB) == {"not_running": "critical"}
    assert "paused (postcopy-failed)" in sentences(scene.verdicts("placement", WEB))["not_running"]


def test_a_double_where_nobody_can_look_is_unknown(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeDomainUUID=uuid_of("web"), **PLACED))
    scene.see(KVM3, up(uuid=uuid_of("another")))
    assert scene.wrong("placement", WEB) == {"split_brain": "critical"}
    scene.fail(KVM3)
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}


def test_a_guest_that_runs_a_second_time_under_another_uuid(scene: Scene) -> None:
    """Somebody defined it anew on the other hypervisor instead of copying its definition."""
    scene.put(guest(WEB, enclumeDomainUUID=uuid_of("web"), **PLACED))
    scene.see(KVM2, up(uuid=uuid_of("another web")))
    assert scene.wrong("placement", WEB) == {"split_brain": "critical", "missing_backup_copy": "warning"}
    assert "with different UUIDs" in sentences(scene.verdicts("placement", WEB))["split_brain"]
    well(scene)
    assert scene.wrong("placement", WEB) == {}


def test_two_domains_that_a_guest_could_be_and_that_both_run(scene: Scene) -> None:
    """LDAP names it by its certname only, and it was never seen before."""
    scene.put(guest(ANY, enclumeAtSite=site_dn("angers")))
    scene.see(KVM1, up(), up("any"))
    scene.see(KVM2, off(), up("any", uuid=uuid_of("another")))
    assert scene.wrong("placement", ANY) == {"split_brain": "critical", "placement_unknown": "unknown"}
    assert is_unknown(scene, ANY)
    scene.see(KVM2, off(), off("any", uuid=uuid_of("another")))
    assert scene.wrong("placement", ANY) == {"placement_unknown": "unknown"}
    assert sentences(scene.verdicts("placement", ANY))["placement_unknown"] == (
        f"several domains could be {ANY}: give its enclumeDomainUUID"
    )
    assert scene.wrong("placement", "any") == {}
    scene.see(KVM2, off())
    assert scene.wrong("placement", ANY) == {}


def test_another_guest_whose_domain_has_the_same_name_is_no_double(scene: Scene) -> None:
    scene.put(
        guest(WEB, enclumeDomainUUID=uuid_of("web"), **PLACED),
        guest("web.dept.test", enclumeDomainUUID=uuid_of("theirs"), enclumeAtSite=site_dn("angers")),
    )
    scene.see(KVM3, up(uuid=uuid_of("theirs")))
    assert scene.wrong("placement") == {}


@pytest.mark.parametrize("reason", ["shutdown", "destroyed", "crashed", "saved", "failed"])
def test_a_guest_that_should_run_and_does_not(scene: Scene, reason: str) -> None:
    scene.see(KVM1, off(reason=reason))
    assert problems_of(scene) == ["not_running"]
    goes_bad_and_good_again(scene, "not_running", "critical", f"shutoff ({reason}) on {KVM1}", f"start it on {KVM1}")


def test_a_guest_that_is_off_while_its_double_runs_is_told_of_it(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeDomainUUID=uuid_of("web"), **PLACED))
    scene.see(KVM1, off())
    scene.see(KVM3, up(uuid=uuid_of("another")))
    said = sentences(scene.verdicts("placement", WEB))["not_running"]
    assert f"though a domain of its name with another UUID runs on {KVM3}: it is" in said
    scene.see(KVM3)
    assert "though" not in sentences(scene.verdicts("placement", WEB))["not_running"]


def test_a_guest_of_any_hypervisor_is_to_be_started_where_it_last_ran(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers")))
    scene.see(KVM1, off())
    scene.see(KVM2, up())
    assert scene.wrong("placement", WEB) == {}
    scene.see(KVM2, off())
    assert sentences(scene.verdicts("placement", WEB))["not_running"].endswith(f"start it on {KVM2}")


@pytest.mark.parametrize(("intent", "status"), [("off", "warning"), ("template", "warning"), ("retired", "critical")])
def test_a_guest_that_runs_though_it_should_not(scene: Scene, intent: str, status: str) -> None:
    scene.put(guest(WEB, enclumeIntent=intent, **PLACED))
    assert scene.wrong("placement", WEB) == {"runs_unintended": status}
    assert problems_of(scene) == ["runs_unintended"]
    scene.see(KVM1, off())
    (fine,) = scene.verdicts("placement", WEB)
    assert (fine.status, fine.sentence) == ("ok", f"{WEB} runs nowhere (enclumeIntent {intent})")


@pytest.mark.parametrize("intent", ["off", "template", "retired"])
def test_where_a_guest_runs_that_should_not_is_no_matter(scene: Scene, intent: str) -> None:
    scene.put(guest(WEB, enclumeIntent=intent, **PLACED))
    scene.statistics[KVM2] = HypervisorStatistics(NOON, {}, busy={uuid_of("web"): 60.0})
    scene.see(KVM1, off())
    scene.see(KVM2, up("web", "paused", "user"))
    assert scene.wrong("placement", WEB).keys() == {"runs_unintended"}
    assert problems_of(scene) == ["runs_unintended"]


def test_a_guest_on_a_third_hypervisor(scene: Scene) -> None:
    scene.see(KVM1, off())
    scene.see(KVM3, up())
    assert problems_of(scene) == ["wrong_hypervisor"]
    goes_bad_and_good_again(scene, "wrong_hypervisor", "warning", f"runs on {KVM3}", f"production hypervisor {KVM1}")


@pytest.mark.parametrize(("disk", "code"), [(LVM, "backup_copy_running"), (NFS, "wrong_hypervisor")])
def test_a_guest_on_its_backup_is_one_verdict_and_two_problems(scene: Scene, disk: Disk, code: str) -> None:
    """On disks of its own the copy has become the original; on shared ones it only runs at the wrong place."""
    scene.see(KVM1, off(disks=(disk,)))
    scene.see(KVM2, up(disks=(disk,)))
    assert problems_of(scene) == ["backup_copy_running", "wrong_hypervisor"]
    goes_bad_and_good_again(scene, code, "warning", KVM2, KVM1)


def test_a_guest_paused_by_an_io_error(scene: Scene) -> None:
    scene.see(KVM1, up("web", "paused", "ioerror"))
    assert problems_of(scene) == ["paused_io_error"]
    goes_bad_and_good_again(scene, "paused_io_error", "critical", KVM1, "virsh resume web")


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("paused", "user", "is paused (user) on kvm1.lab.test: virsh resume web"),
        ("paused", "crashed", "is paused (crashed)"),
        ("pmsuspended", "unknown", "is pmsuspended on kvm1.lab.test: virsh dompmwakeup web"),
    ],
)
def test_a_guest_that_somebody_paused(scene: Scene, state: State, reason: str, words: str) -> None:
    scene.see(KVM1, up("web", state, reason))
    assert problems_of(scene) == []
    goes_bad_and_good_again(scene, "paused", "warning", words)


def test_a_guest_that_does_not_answer_its_hypervisor(scene: Scene) -> None:
    uuid = uuid_of("web")
    scene.statistics[KVM1] = HypervisorStatistics(NOON, {}, busy={uuid: 11.0})
    assert scene.wrong("placement", WEB) == {"stuck": "critical"}
    scene.statistics[KVM1] = HypervisorStatistics(NOON, {}, busy={uuid: 0.0})
    assert scene.wrong("placement", WEB) == {}


def test_a_guest_that_hung_when_its_hypervisor_was_last_asked_is_not_said_to_hang_for_ever(scene: Scene) -> None:
    scene.statistics[KVM1] = HypervisorStatistics(NOON, {}, busy={uuid_of("web"): 11.0})
    for seconds, expected in ((100, {"stuck": "critical"}), (1, {})):
        scene.at += seconds
        assert scene.wrong("placement", WEB) == expected
    scene.statistics[KVM1] = HypervisorStatistics(scene.at, {}, busy={uuid_of("web"): 111.0})
    assert scene.wrong("placement", WEB) == {"stuck": "critical"}


def test_how_long_a_monitor_may_be_busy_is_a_threshold_of_the_host(scene: Scene) -> None:
    scene.settings = settings(thresholds={"hosts": {WEB: {"monitor_seconds": 12}}})
    scene.statistics[KVM1] = HypervisorStatistics(NOON, {}, busy={uuid_of("web"): 11.0})
    assert scene.wrong("placement", WEB) == {}
    scene.statistics[KVM1] = HypervisorStatistics(NOON, {}, busy={uuid_of("web"): 13.0})
    assert scene.wrong("placement", WEB) == {"stuck": "critical"}


def test_a_disk_that_another_guest_writes_to(scene: Scene) -> None:
    scene.put(guest("mail.lab.test", enclumeAtSite=site_dn("angers")))
    scene.see(KVM1, up(disks=(NFS,)))
    scene.see(KVM3, up("mail", disks=(NFS,)))
    assert problems_of(scene, "mail.lab.test") == ["shared_disk"]
    goes_bad_and_good_again(scene, "shared_disk", "critical", f"mail on {KVM3}")
    scene.see(KVM1, up(disks=(NFS,)))
    scene.see(KVM3, up("mail", disks=(NFS,)))
    scene.fail(KVM3)
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}
    unread = f"{KVM3} cannot be read, where a domain of the same name, or one on a disk of {WEB}, was last seen"
    assert sentences(scene.verdicts("placement", WEB))["placement_unknown"] == (
        f"{unread}; enclume check sources says why"
    )


def test_a_guest_that_starts_by_itself_on_two_hypervisors(scene: Scene) -> None:
    scene.see(KVM1, replace(up(), autostart=True))
    assert scene.wrong("placement", WEB) == {}
    scene.see(KVM2, replace(off(), autostart=True))
    assert problems_of(scene) == ["double_autostart"]
    goes_bad_and_good_again(scene, "double_autostart", "warning", f"{KVM1} and {KVM2}", f"all but {KVM1}")


def test_what_a_hypervisor_that_cannot_be_read_holds_is_unknown(scene: Scene) -> None:
    scene.fail(KVM1)
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}
    assert f"it last ran on {KVM1}" in sentences(scene.verdicts("placement", WEB))["placement_unknown"]
    assert problems_of(scene) == []
    assert is_unknown(scene)
    well(scene)
    assert not is_unknown(scene)
    scene.fail(KVM2)
    assert "last ran" not in sentences(scene.verdicts("placement", WEB))["placement_unknown"]
    well(scene)
    scene.see(KVM2)
    scene.fail(KVM2)
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}


def test_a_split_brain_is_not_there_no_more_because_one_side_cannot_be_read(scene: Scene) -> None:
    scene.see(KVM2, up())
    scene.fail(KVM2)
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}


def test_what_is_wrong_where_one_can_look_is_said_although_another_cannot_be_read(scene: Scene) -> None:
    """The production hypervisor died, and somebody started the copy."""
    scene.fail(KVM1)
    scene.see(KVM2, up())
    assert scene.wrong("placement", WEB) == {"backup_copy_running": "warning", "placement_unknown": "unknown"}


@pytest.mark.parametrize("uri", ["qemu+tcp://kvm2/system", ""])
def test_a_hypervisor_that_nobody_can_read_for_want_of_a_uri(scene: Scene, uri: str) -> None:
    stated = {"enclumeLibvirtURI": uri} if uri else {}
    scene.put(host(KVM2, enclumeKind="hypervisor", enclumeAtSite=site_dn("angers"), **stated))
    assert scene.wrong("placement", WEB) == {"placement_unknown": "unknown"}


def test_the_problems_are_those_of_the_catalogue_and_one_more() -> None:
    assert set(PROBLEMS) == {
        "split_brain", "not_running", "wrong_hypervisor", "missing_backup_copy", "backup_copy_running",
        "definition_drift", "unmanaged", "no_domain", "paused_io_error", "shared_disk", "double_autostart",
        "runs_unintended",
    }  # fmt: skip


def test_verdicts_stay_while_only_time_passes(scene: Scene) -> None:
    scene.see(KVM1, off())
    before = scene.verdicts("placement")
    scene.at += 3600
    assert scene.verdicts("placement") == before
