"""The inventory through its child, on libvirt's test driver, which needs no server."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facts.inventory.domains import Disk, HypervisorTarget, Interface
from facts.inventory.messages import Measured, Unmeasured
from facts.inventory.source import InventorySource, read_once
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from tests.facts.inventory.contract import InventoryContract
from tests.facts.inventory.recorder import Recorder
from tests.waiting import until

NODE = Path(__file__).resolve().parents[2] / "fixtures" / "libvirt" / "node10.xml"


class DriverWorld:
    """Node files of the test driver. Its state lives in the connection, so a change is another file."""

    def __init__(self, folder: Path) -> None:
        self.source = InventorySource(5.0, 0.2, allow_test=True)
        self._folder = folder

    def good(self, name: str) -> HypervisorTarget:
        return self._node(name, NODE.read_text())

    def bad(self, name: str) -> HypervisorTarget:
        return HypervisorTarget(name, f"test://{self._folder}/missing.xml")

    def changed(self, name: str) -> HypervisorTarget:
        text = NODE.read_text().replace("<test:runstate>1</test:runstate>", "<test:runstate>5</test:runstate>")
        return self._node(f"{name}-changed", text, name)

    def nudge(self, name: str) -> None:
        """Each hypervisor is read by itself, five times a second."""

    def measure(self, target: HypervisorTarget) -> None:
        """The test driver has no statistics of its own: what the child would say of another's."""
        self.source._receive(Measured(target, HypervisorStatistics(time.time(), {})))

    def _node(self, file: str, text: str, name: str = "") -> HypervisorTarget:
        path = self._folder / f"{file}.xml"
        path.write_text(text)
        return HypervisorTarget(name or file, f"test://{path}")


@pytest.fixture
def world(tmp_path: Path) -> DriverWorld:
    return DriverWorld(tmp_path)


class TestDriverInventory(InventoryContract):
    @pytest.fixture
    def world(self, world: DriverWorld) -> DriverWorld:
        return world


@pytest.fixture
def recorder(world: DriverWorld) -> Iterator[Recorder]:
    recorder = Recorder()
    world.source.start(recorder)
    yield recorder
    world.source.stop()


def test_statistics_that_cannot_be_read_are_logged_once_kept_and_said(
    world: DriverWorld, caplog: pytest.LogCaptureFixture
) -> None:
    target, source = HypervisorTarget("hv1", "qemu:///system"), world.source
    source.watch((target,))
    noticed: list[str] = []
    source.noticed = lambda: noticed.append(source.statistics()["hv1"].error)
    source._receive(Measured(target, HypervisorStatistics(5.0, {})))
    for _ in range(3):
        source._receive(Unmeasured(target, "too many clients"))
    assert source.statistics()["hv1"] == HypervisorStatistics(5.0, {}, error="too many clients")
    assert [one.message for one in caplog.records] == ["the statistics of hv1 cannot be read: too many clients"]
    source._receive(Measured(target, HypervisorStatistics(6.0, {})))
    assert noticed == ["too many clients", ""]
    source._receive(Unmeasured(HypervisorTarget("hv2", "qemu:///system"), "not asked for"))
    assert source.statistics().keys() == {"hv1"}


def test_who_waits_is_called_when_a_guest_hangs_and_when_it_answers_again_and_else_not(world: DriverWorld) -> None:
    target, source = HypervisorTarget("hv1", "qemu:///system"), world.source
    source.watch((target,))
    noticed: list[bool] = []
    source.noticed = lambda: noticed.append(source.statistics()["hv1"].hangs)
    for seconds in (0.0, 0.0, 12.0, 0.0, 0.0):
        source._receive(Measured(target, HypervisorStatistics(5.0, {}, busy={"uuid": seconds})))
    assert noticed == [True, False]


def test_who_waits_is_called_when_other_sizes_of_disks_are_known_and_not_when_disks_are_used(
    world: DriverWorld,
) -> None:
    target, source = HypervisorTarget("hv1", "qemu:///system"), world.source
    source.watch((target,))
    noticed: list[int] = []
    source.noticed = lambda: noticed.append(max(source.statistics()["hv1"].sizes.values(), default=0))
    for second, size in enumerate((0, 0, 8, 8, 16, 16)):
        disk = DiskStatistics("vda", size, read_bytes=second, written_bytes=second)
        said = DomainStatistics("uuid", float(second), (disk,))
        source._receive(Measured(target, HypervisorStatistics(float(second), {"uuid": said})))
    source._receive(Measured(target, HypervisorStatistics(7.0, {})))
    assert noticed == [8, 16, 0]


def test_what_is_known_of_a_hypervisor_and_its_guests(world: DriverWorld, recorder: Recorder) -> None:
    world.source.watch((world.good("hv1"),))
    seen = until(lambda: recorder.last("hv1"), 15, "hv1")
    assert seen is not None
    assert (seen.cpus, seen.memory, len(seen.domains)) == (16, 64 << 30, 10)
    guest = seen.domains[1]
    assert (guest.name, guest.state, guest.running, guest.persistent) == ("vm00001", "shutoff", False, True)
    assert (guest.memory, guest.vcpus) == (1 << 30, 2)
    assert guest.interfaces == (
        Interface("52:54:00:00:00:01", "natnet", "virbr5"),
        Interface("52:54:01:00:00:01", None, "br-pub"),
    )
    assert guest.disks == (Disk("vda", "file", "/pool/vm1.qcow2"),)
    assert guest.metadata.startswith('<enc:role xmlns:enc="urn:example:enc:1" name="web">')
    assert [domain.state for domain in seen.domains[:3]] == ["running", "shutoff", "paused"]


def test_the_test_driver_is_refused_unless_it_is_allowed(world: DriverWorld) -> None:
    answers = read_once([world.good("hv1")], 5)
    assert "'test' is refused" in str(answers["hv1"])


def test_reading_once_gives_what_is_there_and_says_what_could_not_be_read(world: DriverWorld) -> None:
    answers = read_once([world.good("hv1"), world.bad("dead")], 5, allow_test=True)
    assert list(answers) == ["dead", "hv1"]
    assert isinstance(answers["dead"], str)
    assert not isinstance(answers["hv1"], str)
    assert len(answers["hv1"].domains) == 10


def test_a_driver_without_statistics_has_none_and_is_read_all_the_same(world: DriverWorld, recorder: Recorder) -> None:
    source = InventorySource(5.0, 0.2, allow_test=True, statistics=0.1)
    target = world.good("hv1")
    source.watch((target,))
    source.start(recorder)
    until(lambda: recorder.last("hv1"), 15, "hv1")
    recorder.until_read("hv1")
    source.stop()
    assert (source.statistics(), recorder.reasons("hv1")) == ({}, [])


def test_reading_nothing_once_is_no_wait() -> None:
    assert read_once([], 5) == {}
