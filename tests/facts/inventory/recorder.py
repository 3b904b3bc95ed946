"""A ledger that remembers what it was told, for tests of sources."""

import threading
import time

from facts.inventory.domains import Domain, HypervisorSeen
from facts.source import Observation, SourceKey
from tests.waiting import until


class Recorder:
    """A `facts.source.Ledger` to look into: by hypervisor's name, what was observed, confirmed and failed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.observations: list[Observation] = []
        self.confirmations: list[tuple[SourceKey, float]] = []
        self.failures: list[tuple[SourceKey, float, str]] = []

    def observed(self, observation: Observation) -> None:
        with self._lock:
            self.observations.append(observation)

    def confirmed(self, key: SourceKey, read_at: float, took: float = 0.0) -> None:
        assert took >= 0
        with self._lock:
            self.confirmations.append((key, read_at))

    def failed(self, key: SourceKey, at: float, reason: str) -> None:
        with self._lock:
            self.failures.append((key, at, reason))

    def last(self, name: str) -> HypervisorSeen | None:
        """The hypervisor as it was last observed."""
        with self._lock:
            for observation in reversed(self.observations):
                if observation.key.target == name:
                    assert isinstance(observation.value, HypervisorSeen)
                    return observation.value
        return None

    def count(self, name: str) -> int:
        """How often the hypervisor was observed to be different."""
        with self._lock:
            return sum(observation.key.target == name for observation in self.observations)

    def read_at(self, name: str) -> float:
        """When the hypervisor was last read, 0 for never."""
        with self._lock:
            times = [seen.read_at for seen in self.observations if seen.key.target == name]
            times += [at for key, at in self.confirmations if key.target == name]
        return max(times, default=0.0)

    def reasons(self, name: str) -> list[str]:
        """Why the hypervisor could not be read, every time."""
        with self._lock:
            return [reason for key, _at, reason in self.failures if key.target == name]

    def domain(self, name: str, guest: str) -> Domain | None:
        """A guest of a hypervisor as it was last observed there."""
        seen = self.last(name)
        return next((domain for domain in seen.domains if domain.name == guest), None) if seen else None

    def until_read(self, name: str, timeout: float = 15) -> HypervisorSeen:
        """Wait until the hypervisor was read after now, and return it."""
        begun = time.time()
        until(lambda: self.read_at(name) > begun, timeout, f"{name} to be read; failures: {self.reasons(name)[-3:]}")
        seen = self.last(name)
        assert seen is not None
        return seen

    def until_state(self, name: str, guest: str, state: str, timeout: float = 15) -> Domain:
        """Wait until a guest is in a state on a hypervisor, and return it."""

        def found() -> Domain | None:
            domain = self.domain(name, guest)
            return domain if domain is not None and domain.state == state else None

        domain = until(found, timeout, f"{guest} to be {state} on {name}; failures: {self.reasons(name)[-3:]}")
        assert domain is not None
        return domain
