"""Capacity: what the loss of a hypervisor means, what each carries, and how even that is."""

from collections.abc import Callable

import pytest

from facts.directory.entries import Entry
from facts.observations import ContainerCopy
from tests.audit.carrying import KVM1, KVM2, KVM3, anywhere, details, pair, placed, said, vm, wrong
from tests.audit.situations import Scene, sentences
from tests.factories import GIB, guest, host_dn, kvm, settings


def test_a_site_that_survives_any_loss_says_so() -> None:
    scene = pair(placed("web"), anywhere("any"))
    scene.see(KVM1, vm("web"), vm("any", on=False))
    scene.see(KVM2, vm("web", on=False), vm("any"))
    assert wrong(scene) == {}
    assert said(scene, "hypervisor_loss", "angers") == f"angers would survive the loss of any one of {KVM1} and {KVM2}"
    assert said(scene, "hypervisor_load", KVM1) == (
        f"the guests of {KVM1} may use 8 GiB of its 64 GiB and 2 vCPUs on 16 CPUs"
    )
    assert {name: one.survives for name, one in details(scene).hypervisors.items()} == {KVM1: True, KVM2: True}


@pytest.mark.parametrize("where", [placed, anywhere])
def test_guests_that_do_not_fit_beside_those_of_the_other(where: Callable[[str], Entry]) -> None:
    scene = pair(where("web"), where("svn"))
    scene.put(placed("mail", KVM2, KVM1))
    for gib in (24, 16):
        scene.see(KVM1, vm("web", gib), vm("svn", 10), vm("mail", on=False))
        scene.see(KVM2, vm("web", gib, on=False), vm("svn", 10, on=False), vm("mail", 32))
        if gib == 24:
            assert wrong(scene) == {("hypervisor_loss", name): "critical" for name in (KVM1, KVM2)}
            assert "1 of its 2 guests had nowhere to run: svn.lab.test (10 GiB): no room" in said(
                scene, "hypervisor_loss", KVM1
            )
            assert details(scene).hypervisors[KVM1].survives is False
    assert wrong(scene) == {}


def test_vcpus_count_as_much_as_memory() -> None:
    scene = pair(placed("web"), placed("mail", KVM2, KVM1))
    for vcpus in (40, 24):
        scene.see(KVM1, vm("web", vcpus=vcpus), vm("mail", on=False))
        scene.see(KVM2, vm("web", vcpus=vcpus, on=False), vm("mail", vcpus=40))
        if vcpus == 40:
            assert wrong(scene).keys() == {("hypervisor_loss", KVM1), ("hypervisor_loss", KVM2)}
    assert wrong(scene) == {}


def test_only_guests_that_should_run_count_and_by_their_maximum() -> None:
    scene = pair(placed("web"), placed("big"))
    scene.see(KVM1, vm("web"), vm("big", 60, on=False))
    scene.see(KVM2, vm("web", on=False), vm("big", 60, on=False))
    assert wrong(scene).keys() >= {("hypervisor_loss", KVM1)}
    for intent in ("off", "template", "retired"):
        scene.put(
            guest("big.lab.test", enclumeProduction=host_dn(KVM1), enclumeBackup=host_dn(KVM2), enclumeIntent=intent)
        )
        assert wrong(scene) == {}
        assert details(scene).hypervisors[KVM1].memory_committed_bytes == 8 * GIB


def test_a_guest_goes_to_its_backup_only_and_must_be_defined_there() -> None:
    scene = pair(placed("web"), hypervisors=(KVM1, KVM2, KVM3))
    scene.see(KVM1, vm("web"))
    scene.see(KVM3, vm("web", on=False))
    assert wrong(scene) == {("hypervisor_loss", KVM1): "critical"}
    assert f"web.lab.test (8 GiB): not defined on {KVM2}" in said(scene, "hypervisor_loss", KVM1)
    scene.see(KVM2, vm("web", on=False))
    assert wrong(scene) == {}


def test_a_guest_on_its_backup_goes_back_to_its_production() -> None:
    scene = pair(placed("web"))
    scene.see(KVM1, vm("web", on=False))
    scene.see(KVM2, vm("web"))
    assert wrong(scene) == {}
    assert details(scene).hypervisors[KVM2].falls_on == {KVM1: 8 * GIB}


def test_a_guest_of_any_hypervisor_goes_to_any_if_its_disks_are_shared() -> None:
    scene = pair(anywhere("web"), hypervisors=(KVM1, KVM2, KVM3))
    scene.see(KVM1, vm("web"))
    assert wrong(scene) == {}
    scene.see(KVM1, vm("web", local=True))
    assert "no other hypervisor defines it" in said(scene, "hypervisor_loss", KVM1)
    scene.see(KVM3, vm("web", on=False, local=True))
    scene.observe(KVM1, containers=(ContainerCopy("web", last_success=scene.at, verified=True, peer=KVM3),))
    assert wrong(scene) == {}


def test_the_only_hypervisor_of_a_site_cannot_be_lost() -> None:
    scene = pair(anywhere("web"), hypervisors=(KVM1,))
    scene.see(KVM1, vm("web"))
    assert "there is no other hypervisor" in said(scene, "hypervisor_loss", KVM1)
    scene.drop(host_dn("web.lab.test"))
    assert wrong(scene) == {}


def test_a_hypervisor_that_cannot_be_read_makes_unknown_what_rests_on_it() -> None:
    scene = pair(placed("web"), placed("mail", KVM2, KVM1), hypervisors=(KVM1, KVM2, KVM3))
    scene.see(KVM1, vm("web"), vm("mail", on=False))
    scene.see(KVM2, vm("web", on=False), vm("mail"))
    scene.fail(KVM2)
    assert wrong(scene) == {
        ("hypervisor_loss", KVM1): "unknown",
        ("hypervisor_loss", KVM2): "unknown",
        ("hypervisor_load", KVM2): "unknown",
        ("imbalance", "angers"): "unknown",
    }
    assert f"{KVM2} cannot be read" in said(scene, "hypervisor_loss", KVM1)
    loads = details(scene).hypervisors
    assert loads[KVM2].memory_committed_bytes == 8 * GIB
    assert {name: one.survives for name, one in loads.items()} == {KVM1: None, KVM2: None, KVM3: True}
    scene.see(KVM2, vm("web", on=False), vm("mail"))
    assert wrong(scene) == {}


def test_guests_that_fit_without_the_one_that_cannot_be_read_are_safe() -> None:
    scene = pair(anywhere("web"), hypervisors=(KVM1, KVM2, KVM3))
    scene.see(KVM1, vm("web", 32))
    scene.fail(KVM2)
    assert ("hypervisor_loss", KVM1) not in wrong(scene)
    scene.see(KVM1, vm("web", 63))
    assert wrong(scene)["hypervisor_loss", KVM1] == "unknown"


def test_the_room_of_one_that_cannot_be_read_is_not_counted_on() -> None:
    scene = pair(anywhere("web"), anywhere("big"), hypervisors=(KVM1, KVM2, KVM3))
    scene.see(KVM1, vm("web", 16))
    scene.see(KVM3, vm("big", 60))
    assert ("hypervisor_loss", KVM1) not in wrong(scene)
    scene.fail(KVM2)
    assert wrong(scene)["hypervisor_loss", KVM1] == "unknown"


def test_a_hypervisor_that_was_never_read() -> None:
    scene = pair(anywhere("web"))
    scene.see(KVM1, vm("web"))
    scene.put(kvm(KVM3, "angers"))
    assert wrong(scene) == {
        ("hypervisor_loss", KVM3): "unknown",
        ("hypervisor_load", KVM3): "unknown",
        ("imbalance", "angers"): "unknown",
    }
    assert "was never read" in said(scene, "hypervisor_load", KVM3)
    scene.see(KVM3)
    assert wrong(scene) == {}


@pytest.mark.parametrize(
    ("gib", "vcpus", "status", "words"),
    [
        (65, 2, "critical", "may use 65 GiB of its 64 GiB"),
        (63, 2, "warning", "leaves less than the 2 GiB"),
        (62, 2, "ok", ""),
        (8, 65, "warning", "65 vCPUs on 16 CPUs, more than 4 for each"),
        (8, 64, "ok", ""),
    ],
)
def test_what_a_hypervisor_may_carry(gib: int, vcpus: int, status: str, words: str) -> None:
    scene = pair(anywhere("web"), imbalance=1.0)
    scene.see(KVM1, vm("web", gib, vcpus))
    found = {one.subject: one for one in scene.verdicts("capacity") if one.code == "hypervisor_load"}
    assert found[KVM1].status == status
    assert words in found[KVM1].sentence
    scene.see(KVM1, vm("web"))
    assert wrong(scene) == {}


def test_reserves_are_of_the_hypervisor() -> None:
    scene = pair(anywhere("web"))
    scene.settings = settings(thresholds={"imbalance": 1.0, "hosts": {KVM1: {"reserve_bytes": 8 * GIB}}})
    scene.see(KVM1, vm("web", 60))
    assert wrong(scene) == {("hypervisor_load", KVM1): "warning"}


def test_who_carries_what_and_which_guests_to_move() -> None:
    scene = pair(placed("web"), placed("svn"), placed("mail"), placed("tiny"))
    scene.see(KVM1, vm("web", 24), vm("svn", 12), vm("mail", 8), vm("tiny", 1))
    scene.see(KVM2, *(vm(name, gib, on=False) for name, gib in (("web", 24), ("svn", 12), ("mail", 8), ("tiny", 1))))
    assert wrong(scene) == {("imbalance", "angers"): "warning"}
    assert said(scene, "imbalance", "angers") == (
        f"at angers, {KVM1} carries 70% of its memory and {KVM2} carries 0% of its memory: move svn.lab.test (12 GiB), "
        f"mail.lab.test (8 GiB) and tiny.lab.test (1 GiB) from {KVM1} to {KVM2}"
    )
    assert details(scene).imbalance == pytest.approx(45 / 64)
    scene.see(KVM1, vm("web", 24), *(vm(name, 8, on=False) for name in ("svn", "mail", "tiny")))
    scene.see(KVM2, vm("web", 24, on=False), vm("svn", 12), vm("mail", 8), vm("tiny", 1))
    assert wrong(scene) == {}


def test_guests_of_any_hypervisor_can_move_to_the_least_loaded() -> None:
    scene = pair(anywhere("web"), anywhere("svn"))
    scene.see(KVM1, vm("web", 30), vm("svn", 10))
    assert f"move svn.lab.test (10 GiB) from {KVM1} to {KVM2}" in said(scene, "imbalance", "angers")


def test_a_load_that_cannot_move_is_said() -> None:
    scene = pair(placed("web"))
    scene.see(KVM1, vm("web", 40))
    assert f"no guest of {KVM1} has what it takes" in said(scene, "imbalance", "angers")
    scene.put(placed("svn"))
    scene.see(KVM1, vm("web", 40), vm("svn", 8))
    assert f"no guest of {KVM1} has what it takes" in said(scene, "imbalance", "angers")
    scene.see(KVM2, vm("svn", 8, on=False))
    assert f"move svn.lab.test (8 GiB) from {KVM1}" in said(scene, "imbalance", "angers")


def test_the_figures_of_a_hypervisor() -> None:
    """Of three that carry 20, 10 and 5 GiB, the worst partner of each is the largest that could fall on it."""
    scene = pair(
        placed("web", KVM1, KVM3), placed("mail", KVM2, KVM3), placed("svn", KVM3, KVM1), hypervisors=(KVM1, KVM2, KVM3)
    )
    scene.see(KVM1, vm("web", 20, 4), vm("svn", on=False))
    scene.see(KVM2, vm("mail", 10))
    scene.see(KVM3, vm("svn", 5), vm("web", on=False), vm("mail", on=False))
    loads = details(scene).hypervisors
    assert {name: one.memory_failover_bytes // GIB for name, one in loads.items()} == {KVM1: 25, KVM2: 10, KVM3: 25}
    one = loads[KVM1]
    assert (one.memory_bytes, one.memory_committed_bytes, one.vcpus_committed, one.cpus) == (
        64 * GIB, 20 * GIB, 4, 16,
    )  # fmt: skip
    assert one.falls_on == {KVM3: 20 * GIB}


def test_what_would_fall_on_a_hypervisor_counts_though_it_has_no_room() -> None:
    scene = pair(placed("web"), placed("mail", KVM2, KVM1))
    scene.see(KVM1, vm("web", 40), vm("mail", on=False))
    scene.see(KVM2, vm("mail", 40), vm("web", on=False))
    loads = details(scene).hypervisors
    assert {name: one.memory_failover_bytes // GIB for name, one in loads.items()} == {KVM1: 80, KVM2: 80}


def test_a_guest_on_a_third_hypervisor_falls_on_whichever_of_its_own_has_room() -> None:
    scene = pair(placed("web"), placed("big", KVM1, KVM2), hypervisors=(KVM1, KVM2, KVM3))
    scene.see(KVM1, vm("big", 50), vm("web", on=False))
    scene.see(KVM2, vm("big", on=False), vm("web", on=False))
    scene.see(KVM3, vm("web", 20))
    assert details(scene).hypervisors[KVM3].falls_on == {KVM2: 20 * GIB}
    assert details(scene).hypervisors[KVM3].survives


def test_hypervisors_without_an_entry_are_a_site_of_their_own() -> None:
    scene = Scene(settings=settings(hypervisors={"uris": {"kvm8": "qemu:///system", "kvm9": "qemu:///system"}}))
    scene.see("kvm8")
    scene.see("kvm9")
    assert sentences(scene.verdicts("capacity"))["hypervisor_loss"] == (
        "they would survive the loss of any one of kvm8 and kvm9"
    )


def test_nothing_is_judged_again_because_a_guest_said_something() -> None:
    scene = pair(anywhere("web"))
    scene.see(KVM1, vm("web"))
    before = scene.audit().groups["capacity", "angers"]
    scene.at += 60
    scene.observe("web.lab.test", mounts=())
    assert scene.audit().groups["capacity", "angers"] is before
