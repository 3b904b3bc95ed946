"""The inventory in memory keeps the contract."""

import time

import pytest

from facts.inventory.domains import Domain, HypervisorSeen, HypervisorTarget
from facts.inventory.memory import MemoryInventory
from facts.inventory.statistics import HypervisorStatistics
from tests.facts.inventory.contract import InventoryContract
from tests.facts.inventory.recorder import Recorder


def a_hypervisor(name: str, state: str = "running") -> HypervisorSeen:
    numbers = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")
    return HypervisorSeen(
        hostname=name,
        cpus=8,
        memory=64 << 30,
        libvirt_version="9.0.0",
        domains=tuple(
            Domain(number, f"guest{at}", state, "unknown", 1 << 30, 1, autostart=True, persistent=True)  # type: ignore[arg-type]
            for at, number in enumerate(numbers)
        ),
    )


class MemoryWorld:
    def __init__(self) -> None:
        self.source = MemoryInventory()

    def good(self, name: str) -> HypervisorTarget:
        self.source.set(name, a_hypervisor(name))
        return HypervisorTarget(name, f"test:///{name}")

    def bad(self, name: str) -> HypervisorTarget:
        self.source.fail(name, "switched off")
        return HypervisorTarget(name, f"test:///{name}")

    def changed(self, name: str) -> HypervisorTarget:
        self.source.set(name, a_hypervisor(name, "shutoff"))
        return HypervisorTarget(name, f"test:///{name}")

    def nudge(self, name: str) -> None:
        self.source.confirm(name)

    def measure(self, target: HypervisorTarget) -> None:
        self.source.measure(target.name, HypervisorStatistics(time.time(), {}))


class TestMemoryInventory(InventoryContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()

    def test_a_failure_keeps_what_was_observed(self, world: MemoryWorld, recorder: Recorder) -> None:
        world.source.watch((world.good("hv1"),))
        world.source.fail("hv1", "switched off")
        world.source.set("hv1", a_hypervisor("hv1"))
        assert (recorder.count("hv1"), recorder.reasons("hv1")) == (1, ["switched off"])
        assert recorder.confirmations
