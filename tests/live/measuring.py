"""Hypervisors whose statistics are read, and what is known of them."""

import time
from typing import Self

import psutil

from facts.inventory.domains import HypervisorTarget
from facts.inventory.source import InventorySource
from facts.inventory.statistics import DomainStatistics, HypervisorStatistics
from tests.facts.inventory.recorder import Recorder
from tests.live.hypervisors import Hypervisor
from tests.waiting import until

DEADLINE = 1.0
EVERY = 0.3


class Measured:
    """A source that observes hypervisors and reads their statistics several times a second."""

    def __init__(self, *hypervisors: Hypervisor) -> None:
        self.recorder = Recorder()
        self.source = InventorySource(DEADLINE, 0.2, statistics=EVERY)
        self._hypervisors = hypervisors

    def __enter__(self) -> Self:
        self.source.watch(tuple(HypervisorTarget(hypervisor.name, hypervisor.uri) for hypervisor in self._hypervisors))
        self.source.start(self.recorder)
        for hypervisor in self._hypervisors:
            until(lambda name=hypervisor.name: self.recorder.last(name), 20, hypervisor.name)  # type: ignore[misc]
        return self

    def __exit__(self, *_details: object) -> None:
        self.source.stop()

    def of(self, hypervisor: str) -> HypervisorStatistics:
        """The last statistics of a hypervisor."""
        return self.source.statistics().get(hypervisor) or HypervisorStatistics(0.0, {})

    def uuid(self, hypervisor: str, guest: str) -> str:
        domain = self.recorder.domain(hypervisor, guest)
        assert domain is not None
        return domain.uuid

    def guest(self, hypervisor: str, guest: str) -> DomainStatistics | None:
        """The last figures of a guest."""
        return self.of(hypervisor).domains.get(self.uuid(hypervisor, guest))

    def busy(self, hypervisor: str, guest: str) -> float:
        """For how many seconds a guest's monitor has been busy."""
        return self.of(hypervisor).busy.get(self.uuid(hypervisor, guest), 0.0)

    def read_at(self, hypervisor: str, guest: str) -> float:
        """When a guest's figures were read, 0 for never."""
        said = self.guest(hypervisor, guest)
        return said.read_at if said else 0.0

    def until_read(self, hypervisor: str, guest: str, timeout: float = 15) -> DomainStatistics:
        """Wait until a guest's figures were read after now."""
        begun = time.time()
        until(lambda: self.read_at(hypervisor, guest) > begun, timeout, f"figures of {guest} on {hypervisor}")
        said = self.guest(hypervisor, guest)
        assert said is not None
        return said

    def oldest(self, hypervisor: str, guest: str, seconds: float) -> float:
        """How old a guest's figures became at most, looked at for so many seconds."""
        found: list[float] = []
        end = time.time() + seconds

        def look() -> bool:
            found.append(time.time() - self.read_at(hypervisor, guest))
            return time.time() > end

        until(look, seconds + 10, "the end of looking")
        return max(found)

    def oldest_state(self, hypervisor: str, seconds: float) -> float:
        """How old what is known of a hypervisor's domains became at most, looked at for so many seconds."""
        found: list[float] = []
        end = time.time() + seconds

        def look() -> bool:
            found.append(time.time() - self.recorder.read_at(hypervisor))
            return time.time() > end

        until(look, seconds + 10, "the end of looking")
        return max(found)

    def threads(self) -> int:
        """How many threads the child has."""
        assert self.source.pid is not None
        return psutil.Process(self.source.pid).num_threads()
