"""The upkeep of what the sources last saw: the ledger that they write in."""

import threading
import time
from collections.abc import Iterable, Mapping

from msgspec import Struct

from facts.inventory.domains import HypervisorSeen
from facts.source import Observation, SourceKey, SourceKind, Value


class Freshness(Struct, frozen=True):
    """When a target was last read (0: never), and why it cannot be read now ("" when it can). Seconds since the
    epoch; `took`: how many seconds the last reading took, 0 while that is not known.
    """

    read_at: float = 0.0
    failed_at: float = 0.0
    error: str = ""
    took: float = 0.0


class Upkeep:
    """A `Ledger`: the last value and freshness of every target of every source. Safe for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._values: dict[SourceKey, Value] = {}
        self._freshness: dict[SourceKey, Freshness] = {}

    def observed(self, observation: Observation) -> None:
        value, known = observation.value, self._values.get(observation.key)
        if isinstance(value, HypervisorSeen) and isinstance(known, HypervisorSeen):
            value = value.after(known)
        with self._lock:
            self._values[observation.key] = value
            self._freshness[observation.key] = Freshness(observation.read_at, took=observation.took)
        self._changed.set()

    def confirmed(self, key: SourceKey, read_at: float, took: float = 0.0) -> None:
        with self._lock:
            was_failing = bool(self._freshness.get(key, Freshness()).error)
            self._freshness[key] = Freshness(read_at, took=took)
        if was_failing:
            self._changed.set()

    def failed(self, key: SourceKey, at: float, reason: str) -> None:
        with self._lock:
            known = self._freshness.get(key, Freshness())
            self._freshness[key] = Freshness(known.read_at, at, reason, known.took)
        if not known.error:
            self._changed.set()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    def wait(self, seconds: float) -> bool:
        """Wait until something changed since the last call, or for so long; True when something did."""
        if not self._changed.wait(seconds):
            return False
        self._changed.clear()
        return True

    def values(self, kind: SourceKind) -> dict[str, Value]:
        """The last value of each target of one kind of source."""
        with self._lock:
            return {key.target: value for key, value in self._values.items() if key.kind == kind}

    def freshness(self) -> dict[SourceKey, Freshness]:
        """Every target's freshness."""
        with self._lock:
            return dict(self._freshness)

    def fresh(self, key: SourceKey) -> Freshness:
        """One target's freshness; never read when nobody spoke of it."""
        return self._freshness.get(key) or Freshness()

    def forget(self, kind: SourceKind, targets: Iterable[str]) -> None:
        """Drop all targets of a kind but these: they are watched no more."""
        kept = set(targets)
        with self._lock:
            for known in (self._values, self._freshness):
                for key in [key for key in known if key.kind == kind and key.target not in kept]:
                    del known[key]

    def restore(self, values: Mapping[SourceKey, Value], freshness: Mapping[SourceKey, Freshness]) -> None:
        """Take what the shelf kept, wherever no source was faster."""
        with self._lock:
            for key, value in values.items():
                self._values.setdefault(key, value)
                kept, known = freshness.get(key, Freshness()), self._freshness.get(key, Freshness())
                if not known.read_at:
                    self._freshness[key] = Freshness(kept.read_at, known.failed_at, known.error)
        self._changed.set()


def age(freshness: Freshness, now: float | None = None) -> float | None:
    """Seconds since the last reading, None when there was none."""
    return None if not freshness.read_at else max(0.0, (time.time() if now is None else now) - freshness.read_at)
