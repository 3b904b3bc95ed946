"""Two real hypervisors with real guests: every change of a guest is seen, within milliseconds."""

import uuid
from collections.abc import Iterator

import pytest

from facts.inventory.domains import Disk, HypervisorSeen, HypervisorTarget
from facts.inventory.source import InventorySource, read_once
from tests.facts.inventory.contract import InventoryContract
from tests.facts.inventory.recorder import Recorder
from tests.live.hypervisors import Hypervisor, laboratory
from tests.waiting import until


@pytest.fixture(scope="module")
def hypervisors() -> Iterator[tuple[Hypervisor, Hypervisor]]:
    with laboratory("coquille1", "coquille2") as (first, second):
        yield first, second


@pytest.fixture
def first(hypervisors: tuple[Hypervisor, Hypervisor]) -> Hypervisor:
    return hypervisors[0]


@pytest.fixture
def second(hypervisors: tuple[Hypervisor, Hypervisor]) -> Hypervisor:
    return hypervisors[1]


@pytest.fixture
def recorder(first: Hypervisor, second: Hypervisor) -> Iterator[Recorder]:
    """Both observed, by events: the poll is far too slow to show a change in time."""
    recorder = Recorder()
    source = InventorySource(5.0, 60.0)
    source.watch((HypervisorTarget("coquille1", first.uri), HypervisorTarget("coquille2", second.uri)))
    source.start(recorder)
    until(lambda: recorder.last("coquille1") and recorder.last("coquille2"), 20, "both hypervisors")
    yield recorder
    source.stop()


@pytest.fixture
def guest(first: Hypervisor, second: Hypervisor) -> Iterator[str]:
    """A guest defined on the first hypervisor, under a name of its own; gone from both afterwards."""
    name = f"web-{uuid.uuid4().hex[:8]}"
    first.define(name)
    yield name
    for hypervisor in (first, second):
        hypervisor.forget(name)


class LiveWorld:
    """Real hypervisors; which of them answers to which name is the contract's business."""

    def __init__(self, hypervisors: tuple[Hypervisor, Hypervisor], guest: str) -> None:
        self.source = InventorySource(5.0, 0.2, statistics=0.2)
        self._hypervisors = dict(zip(("hv1", "hv2"), hypervisors, strict=True))
        self._guest = guest

    def good(self, name: str) -> HypervisorTarget:
        return HypervisorTarget(name, self._hypervisors[name].uri)

    def bad(self, name: str) -> HypervisorTarget:
        return HypervisorTarget(name, "qemu+unix:///system?socket=/nonexistent/libvirt-sock")

    def changed(self, name: str) -> HypervisorTarget:
        self._hypervisors[name].start(self._guest)
        return self.good(name)

    def nudge(self, name: str) -> None:
        """Each hypervisor is read by itself, five times a second."""

    def measure(self, target: HypervisorTarget) -> None:
        """The same."""


class TestLiveInventory(InventoryContract):
    @pytest.fixture
    def world(self, hypervisors: tuple[Hypervisor, Hypervisor], guest: str) -> LiveWorld:
        return LiveWorld(hypervisors, guest)


def test_a_guest_is_seen_through_its_life(first: Hypervisor, recorder: Recorder, guest: str) -> None:
    domain = recorder.until_state("coquille1", guest, "shutoff")
    assert (domain.persistent, domain.autostart, domain.running) == (True, False, False)
    first.start(guest)
    assert recorder.until_state("coquille1", guest, "running").reason == "booted"
    first.suspend(guest)
    assert recorder.until_state("coquille1", guest, "paused").reason == "user"
    first.resume(guest)
    assert recorder.until_state("coquille1", guest, "running").reason == "unpaused"
    first.destroy(guest)
    assert recorder.until_state("coquille1", guest, "shutoff").reason == "destroyed"
    first.undefine(guest)
    until(lambda: recorder.domain("coquille1", guest) is None, 5, "the end of the guest")


def test_a_guest_that_dies_is_seen_as_crashed(first: Hypervisor, recorder: Recorder, guest: str) -> None:
    first.start(guest)
    recorder.until_state("coquille1", guest, "running")
    first.kill_guest(guest)
    assert recorder.until_state("coquille1", guest, "shutoff").reason == "crashed"


def test_a_guest_that_is_redefined_shows_its_new_shape(first: Hypervisor, recorder: Recorder, guest: str) -> None:
    number = recorder.until_state("coquille1", guest, "shutoff").uuid
    metadata = '<lab:role xmlns:lab="urn:example:lab">web</lab:role>'
    first.define(guest, number, memory=48, vcpus=2, metadata=metadata, devices=first.disk(guest))
    until(lambda: _has_disks(recorder, guest), 5, "the new definition")
    domain = recorder.domain("coquille1", guest)
    assert domain is not None
    assert (domain.uuid, domain.memory, domain.vcpus, domain.metadata) == (number, 48 << 20, 2, metadata)
    assert domain.disks == (Disk("vda", "file", f"{first.folder}/images/{guest}-vda.raw"),)


def _has_disks(recorder: Recorder, guest: str) -> bool:
    domain = recorder.domain("coquille1", guest)
    return domain is not None and bool(domain.disks)


def test_a_disk_that_is_plugged_in_while_the_guest_runs_is_seen(
    first: Hypervisor, recorder: Recorder, guest: str
) -> None:
    first.start(guest)
    recorder.until_state("coquille1", guest, "running")
    with first.connection() as connection:
        domain = connection.lookupByName(guest)
        domain.attachDevice(first.disk(guest))
    until(lambda: _has_disks(recorder, guest), 5, "the disk")


def test_a_guest_that_is_started_on_the_other_hypervisor_runs_there(
    first: Hypervisor, second: Hypervisor, recorder: Recorder, guest: str
) -> None:
    number = recorder.until_state("coquille1", guest, "shutoff").uuid
    first.start(guest)
    recorder.until_state("coquille1", guest, "running")
    first.destroy(guest)
    second.define(guest, number)
    second.start(guest)
    there = recorder.until_state("coquille2", guest, "running")
    here = recorder.until_state("coquille1", guest, "shutoff")
    assert (there.uuid, there.running, here.running) == (number, True, False)


def test_a_guest_that_starts_with_its_hypervisor_says_so(first: Hypervisor, recorder: Recorder, guest: str) -> None:
    with first.connection() as connection:
        domain = connection.lookupByName(guest)
        domain.setAutostart(1)
        domain.create()
    assert recorder.until_state("coquille1", guest, "running").autostart


def test_a_live_migration_never_shows_the_guest_running_twice(
    first: Hypervisor, second: Hypervisor, recorder: Recorder, guest: str
) -> None:
    """Where it arrives it is paused by "starting-up", then "migration", until it runs there by "migrated"."""
    first.start(guest)
    number = recorder.until_state("coquille1", guest, "running").uuid
    first.migrate(guest, second)
    assert recorder.until_state("coquille2", guest, "running").reason == "migrated"
    until(lambda: recorder.domain("coquille1", guest) is None, 5, "the guest to be gone where it was")
    arriving = _history(recorder, "coquille2", number)
    assert {reason for state, reason, _running in arriving if state == "paused"} <= {"starting-up", "migration"}
    assert [running for state, _reason, running in arriving if running != (state == "running")] == []
    second.migrate(guest, first)
    assert recorder.until_state("coquille1", guest, "running").reason == "migrated"


def test_a_guest_that_runs_linux_is_moved_while_it_runs(
    first: Hypervisor, second: Hypervisor, recorder: Recorder, guest: str
) -> None:
    first.define(guest, recorder.until_state("coquille1", guest, "shutoff").uuid, boots=True)
    first.start(guest)
    first.until_booted(guest)
    first.migrate(guest, second)
    there = recorder.until_state("coquille2", guest, "running")
    assert (there.reason, there.memory) == ("migrated", 128 << 20)


def _history(recorder: Recorder, name: str, number: str) -> list[tuple[str, str, bool]]:
    """What a hypervisor showed of a guest, one observation after the other: state, reason, whether it runs there."""
    shown: list[tuple[str, str, bool]] = []
    for observation in recorder.observations:
        assert isinstance(observation.value, HypervisorSeen)
        if observation.key.target == name:
            shown += [(d.state, d.reason, d.running) for d in observation.value.domains if d.uuid == number]
    return shown


def test_a_hypervisor_is_read_once_for_a_command(first: Hypervisor, guest: str) -> None:
    answers = read_once([HypervisorTarget("coquille1", first.uri)], 5)
    seen = answers["coquille1"]
    assert not isinstance(seen, str), seen
    assert seen.hostname == "coquille1"
    assert seen.libvirt_version.count(".") == 2
    assert guest in {domain.name for domain in seen.domains}
