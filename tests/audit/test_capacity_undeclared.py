"""Capacity: what runs on a hypervisor without belonging there takes room, and nobody takes it in."""

import pytest
from msgspec.structs import replace

from facts.directory.entries import Entry
from facts.inventory.domains import Domain
from tests.audit.carrying import KVM1, KVM2, KVM3, anywhere, details, pair, placed, said, vm, wrong
from tests.audit.situations import Scene
from tests.factories import GIB, guest, host, host_dn, site_dn, uuid_of

LOST = {("hypervisor_loss", KVM1): "critical"}


def alone(scene: Scene, *others: Domain) -> dict[tuple[str, str], str]:
    """`web`, with 8 GiB, runs on the first of two hypervisors, and these on the second: whose loss is not survived."""
    scene.see(KVM1, vm("web"))
    scene.see(KVM2, vm("web", on=False), *others)
    return {key: status for key, status in wrong(scene).items() if key[0] == "hypervisor_loss"}


@pytest.fixture
def scene() -> Scene:
    return pair(placed("web"), imbalance=1.0)


def test_a_domain_without_an_entry_takes_room(scene: Scene) -> None:
    assert alone(scene, vm("stray", 54)) == {}
    assert alone(scene, vm("stray", 55)) == LOST
    room = f"Room is taken by stray (55 GiB) on {KVM2}, which nobody declared to run there"
    assert said(scene, "hypervisor_loss", KVM1).endswith(room)
    assert said(scene, "hypervisor_load", KVM2) == (
        f"the guests of {KVM2} may use 55 GiB of its 64 GiB and 2 vCPUs on 16 CPUs, with stray (55 GiB), which nobody "
        "declared to run there"
    )
    load = details(scene).hypervisors[KVM2]
    assert (load.memory_committed_bytes, load.memory_failover_bytes) == (55 * GIB, 63 * GIB)
    assert alone(scene, vm("stray", 55, on=False)) == {}
    assert said(scene, "hypervisor_load", KVM2) == (
        f"the guests of {KVM2} may use 0 B of its 64 GiB and 0 vCPUs on 16 CPUs"
    )


def test_nobody_takes_it_in_when_its_own_hypervisor_dies(scene: Scene) -> None:
    assert alone(scene, vm("stray", 54)) == {}
    assert details(scene).hypervisors[KVM2].falls_on == {}


def test_its_vcpus_count_as_much(scene: Scene) -> None:
    assert alone(scene, vm("stray", 1, 62)) == {}
    assert alone(scene, vm("stray", 1, 63)) == LOST


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (guest("old.lab.test", enclumeAtSite=site_dn("angers"), enclumeIntent="off"), "old.lab.test"),
        (guest("old.lab.test", enclumeAtSite=site_dn("angers"), enclumeIntent="retired"), "old.lab.test"),
        (guest("old.lab.test", enclumeAtSite=site_dn("angers"), enclumeIntent="template"), "old.lab.test"),
        (host("old.lab.test", enclumeAtSite=site_dn("angers")), "old"),
        (host("old.lab.test", enclumeKind="hypervisor", enclumeAtSite=site_dn("angers")), "old"),
    ],
)
def test_what_runs_and_should_not_be_a_guest_that_runs(scene: Scene, entry: Entry, name: str) -> None:
    scene.put(entry)
    assert alone(scene, vm("old", 55))["hypervisor_loss", KVM1] in {"critical", "unknown"}
    assert f"with {name} (55 GiB), which" in said(scene, "hypervisor_load", KVM2)
    scene.put(guest("old.lab.test", enclumeProduction=host_dn(KVM2)))
    assert "which nobody" not in said(scene, "hypervisor_load", KVM2)


def test_domains_of_which_nobody_knows_which_one_is_meant(scene: Scene) -> None:
    scene.put(anywhere("twin"))
    scene.see(KVM1, vm("web"))
    scene.see(KVM2, vm("web", on=False), vm("twin", 28), replace(vm("twin", 28), uuid=uuid_of("another")))
    assert wrong(scene)["hypervisor_loss", KVM1] == "critical"


def test_a_guest_that_runs_twice_takes_room_where_it_does_not_belong() -> None:
    scene = pair(placed("web"), placed("twice", KVM3, KVM1), hypervisors=(KVM1, KVM2, KVM3), imbalance=1.0)
    scene.see(KVM3, vm("twice", 55))
    assert alone(scene) == {("hypervisor_loss", KVM3): "critical"}
    scene.see(KVM1, vm("web"), vm("twice", 1, on=False))
    scene.see(KVM2, vm("web", on=False), vm("twice", 55))
    assert wrong(scene)["hypervisor_loss", KVM1] == "critical"
    assert "with twice.lab.test (55 GiB), which nobody declared to run there" in said(scene, "hypervisor_load", KVM2)
    scene.see(KVM2, vm("web", on=False))
    assert "which nobody" not in said(scene, "hypervisor_load", KVM2)
