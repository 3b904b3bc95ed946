"""The inventory in memory: the same source without libvirt, for tests and for trying things out."""

import threading
import time
from collections.abc import Callable, Mapping

from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.inventory.statistics import HypervisorStatistics
from facts.source import Ledger, Observation, SourceKey


class MemoryInventory:
    """A `facts.source.Source` whose hypervisors are what `set` and `fail` say; it delivers in the caller's thread.

    Only hypervisors that `watch` names are delivered; one that is named later is delivered then.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ledger: Ledger | None = None
        self._wanted: dict[str, HypervisorTarget] = {}
        self._worlds: dict[str, HypervisorSeen | str] = {}
        self._delivered: dict[str, HypervisorSeen | str] = {}
        self._measured: dict[str, HypervisorStatistics] = {}
        self.noticed: Callable[[], None] = lambda: None

    def start(self, ledger: Ledger) -> None:
        """Deliver what is there, and from now on every change."""
        with self._lock:
            self._ledger = ledger
            self._deliver_all()

    def stop(self) -> None:
        """Deliver nothing more."""
        with self._lock:
            self._ledger = None

    def watch(self, targets: tuple[HypervisorTarget, ...]) -> None:
        """Deliver exactly these from now on; one whose URI changed is delivered afresh."""
        with self._lock:
            wanted = {target.name: target for target in targets}
            kept = {name for name, target in wanted.items() if self._wanted.get(name) == target}
            self._delivered = {name: world for name, world in self._delivered.items() if name in kept}
            for name in self._wanted.keys() - kept:
                self._measured.pop(name, None)
            self._wanted = wanted
            self._deliver_all()

    def set(self, name: str, seen: HypervisorSeen) -> None:
        """The hypervisor is now like this."""
        self._change(name, seen)

    def fail(self, name: str, reason: str) -> None:
        """The hypervisor cannot be read now."""
        self._change(name, reason)

    def confirm(self, name: str) -> None:
        """The hypervisor is read again."""
        with self._lock:
            self._deliver(name)

    def measure(self, name: str, seen: HypervisorStatistics) -> None:
        """The hypervisor's statistics are now these."""
        with self._lock:
            self._measured[name] = seen
        self.noticed()

    def statistics(self) -> Mapping[str, HypervisorStatistics]:
        """The last statistics of each hypervisor that has any, by name; a mapping that never changes."""
        with self._lock:
            return {name: seen for name, seen in self._measured.items() if name in self._wanted}

    def _change(self, name: str, world: HypervisorSeen | str) -> None:
        with self._lock:
            self._worlds[name] = world
            self._deliver(name)

    def _deliver_all(self) -> None:
        for name in sorted(self._wanted):
            if name not in self._delivered:
                self._deliver(name)

    def _deliver(self, name: str) -> None:
        world = self._worlds.get(name)
        if self._ledger is None or name not in self._wanted or world is None:
            return
        key = SourceKey("inventory", name)
        if isinstance(world, str):
            self._ledger.failed(key, time.time(), world)
            return
        if self._delivered.get(name) == world:
            self._ledger.confirmed(key, time.time())
        else:
            self._delivered[name] = world
            self._ledger.observed(Observation(key, world, time.time()))
