"""The inventory as a source of observations, and a reading of it for commands that run once."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from facts.inventory.children import InventoryChild
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.inventory.messages import Confirmed, Failed, Measured, Message, Observed, Unmeasured, Watch
from facts.inventory.statistics import HypervisorStatistics
from facts.source import Ledger, Observation, SourceKey

log = logging.getLogger("enclume.inventory")

START_UP = 3.0
_decode_seen = msgspec.json.Decoder(HypervisorSeen).decode


class InventorySource:
    """Observes hypervisors through the inventory child (`facts.source.Source`); which ones may change at any time.

    `deadline`: seconds a hypervisor may take to answer; `interval`: seconds between two looks at it; `statistics`:
    seconds between two readings of its guests' statistics, 0 for none; `allow_test`: libvirt's test driver is accepted.
    `noticed` is called when a guest's monitor hangs or answers again, when other sizes of disks are known, or when
    statistics cannot be read; it may not block.
    """

    def __init__(
        self,
        deadline: float,
        interval: float,
        allow_test: bool = False,  # noqa: FBT001, FBT002
        statistics: float = 0.0,
    ) -> None:
        self._settings = Watch((), deadline, interval, allow_test, statistics)
        self._child = InventoryChild(self._receive, self._troubled)
        self._ledger: Ledger | None = None
        self._wanted: dict[str, HypervisorTarget] = {}
        self._digests: dict[str, bytes] = {}
        self._statistics: Mapping[str, HypervisorStatistics] = {}
        self._lock = threading.Lock()
        self.noticed: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        """The child's process number while there is one."""
        return self._child.pid

    def start(self, ledger: Ledger) -> None:
        """Begin observing what `watch` names; returns at once."""
        self._ledger = ledger
        self._child.start()

    def stop(self) -> None:
        """End the child; returns when it has ended, within seconds. It cannot be started again."""
        self._child.stop()

    def watch(self, targets: tuple[HypervisorTarget, ...]) -> None:
        """Observe exactly these from now on; one whose URI changed is observed afresh. Returns at once."""
        with self._lock:
            wanted = {target.name: target for target in targets}
            if wanted == self._wanted:
                return
            kept = {name for name, target in wanted.items() if self._wanted.get(name) == target}
            self._digests = {name: digest for name, digest in self._digests.items() if name in kept}
            self._statistics = {name: seen for name, seen in self._statistics.items() if name in kept}
            self._wanted = wanted
            self._child.watch(replace(self._settings, targets=tuple(wanted.values())))

    def statistics(self) -> Mapping[str, HypervisorStatistics]:
        """The last statistics of each hypervisor that has any, by name; a mapping that never changes."""
        return self._statistics

    def _receive(self, message: Message) -> None:
        match message:
            case Observed():
                self._observed(message)
            case Confirmed():
                self._confirmed(message)
            case Measured():
                self._measured(message.target, message.seen)
            case Unmeasured(target=target, reason=reason) if self._is_wanted(target):
                self._unmeasured(target, reason)
            case Failed(target=target, at=at, reason=reason) if self._is_wanted(target):
                self._to.failed(_key(target.name), at, reason)

    def _observed(self, message: Observed) -> None:
        """Pass on what is new; a child that was started again says everything once more."""
        name = message.target.name
        digest = blake2b(message.seen, digest_size=16).digest()
        with self._lock:
            if self._wanted.get(name) != message.target:
                return
            known = self._digests.get(name) == digest
            self._digests[name] = digest
        if known:
            self._to.confirmed(_key(name), message.read_at, message.took)
        else:
            self._to.observed(Observation(_key(name), _decode_seen(message.seen), message.read_at, message.took))

    def _measured(self, target: HypervisorTarget, seen: HypervisorStatistics) -> None:
        with self._lock:
            if self._wanted.get(target.name) != target:
                return
            known = self._statistics.get(target.name, seen)
            self._statistics = {**self._statistics, target.name: seen}
        if seen.hangs or known.hangs or seen.error or known.error or seen.sizes != known.sizes:
            self.noticed()

    def _unmeasured(self, target: HypervisorTarget, reason: str) -> None:
        known = self._statistics.get(target.name, HypervisorStatistics(0.0, {}))
        if known.error != reason:
            log.warning("the statistics of %s cannot be read: %s", target.name, reason)
            self._measured(target, replace(known, error=reason))

    def _confirmed(self, message: Confirmed) -> None:
        with self._lock:
            confirmed = {name: at for name, at in message.read_at.items() if name in self._digests}
        for name, at in confirmed.items():
            self._to.confirmed(_key(name), at, message.took.get(name, 0.0))

    def _troubled(self, reason: str) -> None:
        with self._lock:
            names = tuple(self._wanted)
        for name in names:
            self._to.failed(_key(name), time.time(), reason)

    def _is_wanted(self, target: HypervisorTarget) -> bool:
        with self._lock:
            return self._wanted.get(target.name) == target

    @property
    def _to(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("the inventory source speaks before it was started")
        return self._ledger


def read_once(
    targets: Iterable[HypervisorTarget], deadline: float, *, allow_test: bool = False
) -> dict[str, HypervisorSeen | str]:
    """Each hypervisor by name as it is now, or a sentence that says why it could not be read.

    Returns when all have answered or failed, at the latest a few seconds after `deadline` seconds.
    """
    wanted = tuple(targets)
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def troubled(reason: str) -> None:
        for target in wanted:
            heard.put(Failed(target, time.time(), reason))

    child = InventoryChild(heard.put, troubled)
    child.watch(Watch(wanted, deadline, deadline, allow_test))
    child.start()
    try:
        return _collect({target.name for target in wanted}, heard, deadline)
    finally:
        child.stop()


def _collect(
    waiting: set[str], heard: "queue.SimpleQueue[Message]", deadline: float
) -> dict[str, HypervisorSeen | str]:
    answers: dict[str, HypervisorSeen | str] = {}
    until = time.monotonic() + deadline + START_UP
    while waiting - answers.keys():
        try:
            message = heard.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if isinstance(message, Observed):
            answers.setdefault(message.target.name, _decode_seen(message.seen))
        elif isinstance(message, Failed):
            answers.setdefault(message.target.name, message.reason)
    missing = f"gave no answer within {deadline + START_UP:g} s; look at libvirtd there and at the network"
    return {name: answers.get(name, missing) for name in sorted(waiting)}


def _key(name: str) -> SourceKey:
    return SourceKey("inventory", name)
