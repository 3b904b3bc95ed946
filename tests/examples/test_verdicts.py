"""What Enclume says of the examples: the faults that they hold on purpose, and nothing else."""

from typing import Any

import pytest
from msgspec.structs import replace

from facts.observations import ContainerCopy, Mount
from tests.audit.situations import Scene
from tests.examples import faults
from tests.examples.reading import example
from tests.examples.scenes import scene_of

CHECKS = ("placement", "capacity", "data")
KVM1, KVM2 = "kvm1.lille.plm.test", "kvm2.lille.plm.test"


@pytest.fixture
def lab() -> Scene:
    return scene_of(example("lab"))


@pytest.fixture
def platform() -> Scene:
    return scene_of(example("platform"))


def wrong(scene: Scene) -> dict[str, dict[str, str]]:
    """What is not ok, by check: the status of each subject with its rule."""
    verdicts = [one for one in scene.audit().verdicts() if one.check in CHECKS and one.status != "ok"]
    found: dict[str, dict[str, str]] = {}
    for one in verdicts:
        assert one.subject not in found.get(one.check, {}), one
        found.setdefault(one.check, {})[one.subject] = f"{one.code} {one.status}"
    return found


def observed(scene: Scene) -> Scene:
    """Every host observes itself: guests mount what they should, hypervisors copied what runs on them."""
    view = scene.audit().view
    assert view is not None
    for name, picture in view.pictures.by_host.items():
        if picture.data:
            servers = (one.servers[0] for one in picture.data)
            scene.observe(name, mounts=tuple(Mount("/srv", server, "/srv") for server in servers))
    for name, seen in scene.hypervisors.items():
        copies = (one for one in seen.domains if one.running)
        said = tuple(ContainerCopy(one.name, last_success=scene.at - 3600, verified=True) for one in copies)
        scene.observe(name, containers=said)
    return scene


def test_the_laboratory_only_lacks_its_observers(lab: Scene) -> None:
    """Its site asks for copies of containers once a month, and four of its guests for files over NFS."""
    assert wrong(lab) == {
        "capacity": {f"coquille{number}.lab.test": "hypervisor_loss unknown" for number in (1, 2)},
        "data": {f"{name}.lab.test": "data_unknown unknown" for name in ("svn", "alceste", "sogo", "tonton")},
    }
    assert wrong(observed(lab)) == {}


def test_what_no_guest_of_the_platform_says_of_its_data_is_unknown(platform: Scene) -> None:
    found = [one for one in platform.verdicts("data") if one.code == "data_unknown"]
    assert {one.status for one in found} == {"unknown"}
    assert {one.site for one in found} == {"bordeaux", "lille", "angers", "lyon"}
    assert all("install enclume-observe there" in one.sentence for one in found)


def test_the_faults_of_the_platform_and_no_other_are_said(platform: Scene) -> None:
    assert wrong(observed(platform)) == {
        "placement": {"webmail1.plm.test": "wrong_hypervisor warning", "conf2.plm.test": "missing_backup_copy warning"},
        "capacity": {KVM1: "hypervisor_loss critical"},
        "data": {"shares2.plm.test": "large_disk warning", "agenda2.plm.test": "public_interface warning"},
    }
    verdicts = platform.verdicts("capacity", KVM1)
    assert "1 of its 5 guests had nowhere to run: conf2.plm.test (8 GiB)" in verdicts[0].sentence


def test_they_are_the_documented_ones() -> None:
    assert faults.WRONG_HYPERVISOR["platform"] == {"webmail1.plm.test"}
    assert faults.ONE_DEFINITION["platform"] == {"conf2.plm.test"}
    assert faults.LARGE_DISK["platform"] == {"shares2.plm.test"}
    assert faults.PUBLIC_WITHOUT_SERVICE["platform"] == {"agenda2.plm.test"}


def test_once_all_is_mended_nothing_is_left(platform: Scene) -> None:
    move = {"state": "running", "reason": "booted"}, {"state": "shutoff", "reason": "shutdown"}
    change(platform, KVM1, "webmail1", **move[0])
    change(platform, KVM2, "webmail1", **move[1])
    (conf2,) = (one for one in platform.hypervisors[KVM1].domains if one.name == "conf2")
    domains = (*platform.hypervisors[KVM2].domains, replace(conf2, **move[1]))
    platform.hypervisors[KVM2] = replace(platform.hypervisors[KVM2], domains=domains)
    for name in ("kvm1.angers.plm.test", "kvm2.angers.plm.test"):
        (agenda2,) = (one for one in platform.hypervisors[name].domains if one.name == "agenda2")
        assert agenda2.definition is not None
        one = agenda2.interfaces[:1]
        change(platform, name, "agenda2", interfaces=one, definition=replace(agenda2.definition, interfaces=one))
    platform.statistics.clear()
    assert wrong(observed(platform)) == {}


def change(scene: Scene, hypervisor: str, name: str, **changes: Any) -> None:
    """A domain is otherwise on a hypervisor."""
    seen = scene.hypervisors[hypervisor]
    domains = tuple(replace(one, **changes) if one.name == name else one for one in seen.domains)
    scene.hypervisors[hypervisor] = replace(seen, domains=domains)
