"""How soon a change of a real guest is known, measured; far below the second that is promised."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.inventory.source import InventorySource
from facts.source import Observation
from tests.facts.inventory.recorder import Recorder
from tests.live.hypervisors import Hypervisor, laboratory

CHANGES = 50


class Clock(Recorder):
    """A recorder that knows when it heard of each state."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()
        self.awaited = ""
        self.at = 0.0

    def observed(self, observation: Observation) -> None:
        super().observed(observation)
        assert isinstance(observation.value, HypervisorSeen)
        if any(domain.state == self.awaited for domain in observation.value.domains):
            self.at = time.perf_counter()
            self.heard.set()


@pytest.fixture(scope="module")
def hypervisor() -> Iterator[Hypervisor]:
    with laboratory("coquille1") as (hypervisor,):
        hypervisor.define("web")
        hypervisor.start("web")
        yield hypervisor


def test_a_change_is_known_long_before_the_next_poll(
    hypervisor: Hypervisor, record_property: Callable[[str, object], None]
) -> None:
    clock = Clock()
    source = InventorySource(5.0, 60.0)
    source.watch((HypervisorTarget("coquille1", hypervisor.uri),))
    source.start(clock)
    clock.until_state("coquille1", "web", "running")
    taken = []
    with hypervisor.connection() as connection:
        domain = connection.lookupByName("web")
        for number in range(CHANGES):
            clock.heard.clear()
            clock.awaited = "running" if number % 2 else "paused"
            begun = time.perf_counter()
            (domain.resume if number % 2 else domain.suspend)()
            assert clock.heard.wait(5), f"change {number} was never heard of"
            taken.append(1000 * (clock.at - begun))
    source.stop()
    taken.sort()
    record_property("p50_ms", taken[CHANGES // 2])
    record_property("p99_ms", taken[-1])
    assert taken[-1] < 1000
