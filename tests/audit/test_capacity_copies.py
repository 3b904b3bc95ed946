"""Capacity: which copies of a guest's container count."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from facts.observations import ContainerCopy
from tests.audit.carrying import KVM1, KVM2, KVM3, details, pair, placed, said, vm, wrong
from tests.audit.situations import NOON, Scene
from tests.factories import settings, site

DAY = 86400.0


@contextmanager
def copied(scene: Scene, **changes: object) -> Iterator[None]:
    """kvm1 says this of the last copy of web's container."""
    said: dict[str, object] = {"last_success": scene.at - DAY, "verified": True, "peer": KVM2} | changes
    scene.observe(KVM1, containers=(ContainerCopy("web", **said),))  # type: ignore[arg-type]
    yield


@pytest.fixture
def lvm() -> Scene:
    """A site whose containers are copied once a month."""
    scene = pair(placed("web"))
    scene.put(site("angers", enclumeMaxAge="container/monthly=768"))
    scene.see(KVM1, vm("web", local=True))
    scene.see(KVM2, vm("web", on=False, local=True))
    for name in (KVM1, KVM2):
        scene.observe(name, containers=())
    return scene


@pytest.mark.parametrize(
    ("copy", "why"),
    [
        ({"verified": False}, f"its copy on {KVM2} was never verified"),
        ({"last_success": NOON - 33 * DAY}, f"its copy on {KVM2} is of 2025-10-25 12:00 UTC, may be 32 d old"),
        ({"last_success": 0.0}, f"no copy of its disks on {KVM2}"),
        ({"peer": KVM3}, f"no copy of its disks on {KVM2}"),
    ],
)
def test_a_copy_counts_only_verified_and_fresh(lvm: Scene, copy: dict[str, object], why: str) -> None:
    assert f"no copy of its disks on {KVM2}" in said(lvm, "hypervisor_loss", KVM1)
    with copied(lvm, **copy):
        assert wrong(lvm) == {("hypervisor_loss", KVM1): "critical"}
        assert why in said(lvm, "hypervisor_loss", KVM1)
    for peer in (KVM2, "KVM2", ""):
        with copied(lvm, peer=peer):
            assert wrong(lvm) == {}


def test_a_copy_turns_too_old_by_itself(lvm: Scene) -> None:
    with copied(lvm):
        assert wrong(lvm) == {}
        lvm.at += 31 * DAY - 60
        assert wrong(lvm) == {}
        lvm.at += 120
        lvm.observe(KVM2, containers=())
        with copied(lvm, last_success=NOON - DAY):
            assert wrong(lvm) == {("hypervisor_loss", KVM1): "critical"}
    with copied(lvm):
        assert wrong(lvm) == {}


def test_what_a_silent_hypervisor_copied_is_unknown(lvm: Scene) -> None:
    lvm.at += 3600
    lvm.observe(KVM2, containers=())
    assert wrong(lvm) == {("hypervisor_loss", KVM1): "unknown"}
    assert f"{KVM1} says nothing of its copy" in said(lvm, "hypervisor_loss", KVM1)
    assert details(lvm).hypervisors[KVM1].survives is None


def test_of_a_copy_the_one_that_made_it_speaks_not_the_one_that_holds_it(lvm: Scene) -> None:
    lvm.at += 3600
    with copied(lvm, verified=False):
        assert wrong(lvm) == {("hypervisor_loss", KVM1): "critical"}


def test_the_original_that_was_left_behind_is_no_copy(lvm: Scene) -> None:
    """The guest runs from its copy: what kvm1 has is older than that."""
    lvm.see(KVM1, vm("web", on=False, local=True))
    lvm.see(KVM2, vm("web", local=True))
    for peer in (KVM2, ""):
        with copied(lvm, peer=peer):
            assert wrong(lvm) == {("hypervisor_loss", KVM2): "critical"}
    lvm.observe(KVM2, containers=(ContainerCopy("web", last_success=NOON, verified=True, peer=KVM1),))
    assert wrong(lvm) == {}


def test_where_no_copies_are_asked_for_one_is_needed_all_the_same_and_may_be_as_old_as_the_threshold_says() -> None:
    scene = pair(placed("web"))
    scene.see(KVM1, vm("web", local=True))
    scene.see(KVM2, vm("web", on=False, local=True))
    for name in (KVM1, KVM2):
        scene.observe(name, containers=())
    assert wrong(scene) == {("hypervisor_loss", KVM1): "critical"}
    assert f"no copy of its disks on {KVM2}" in said(scene, "hypervisor_loss", KVM1)
    with copied(scene, last_success=NOON - 40 * DAY):
        assert wrong(scene) == {("hypervisor_loss", KVM1): "critical"}
    scene.settings = settings(thresholds={"copy_seconds": 41 * DAY})
    scene.audited = type(scene.audited)()
    assert wrong(scene) == {}


def test_where_nobody_tells_of_copies_it_is_not_known_whether_there_are_any() -> None:
    scene = pair(placed("web"))
    scene.see(KVM1, vm("web", local=True))
    scene.see(KVM2, vm("web", on=False, local=True))
    assert wrong(scene) == {("hypervisor_loss", KVM1): "unknown"}
    assert f"{KVM1} says nothing of its copy: look at enclume-observe there" in said(scene, "hypervisor_loss", KVM1)
    assert details(scene).hypervisors[KVM1].survives is None


def test_shared_disks_need_no_copy(lvm: Scene) -> None:
    lvm.see(KVM1, vm("web"))
    lvm.see(KVM2, vm("web", on=False))
    assert wrong(lvm) == {}
