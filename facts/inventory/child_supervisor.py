"""Which hypervisors the child watches, and what is done about those that hang."""

import os
import threading
import time

from facts.inventory.child_meter import Meters
from facts.inventory.child_outbox import Outbox
from facts.inventory.child_watcher import Watcher
from facts.inventory.domains import HypervisorTarget
from facts.inventory.messages import Watch
from facts.inventory.uri import parse_uri
from facts.inventory.xml import Surroundings

TICK = 0.25
# Two hundred that begin together compete for this process: each would look slow.
STAGGER = 0.005
FLUSH_EVERY = 0.5
HUNG_FOR = 60.0
HUNG_AT_MOST = 300.0
LOST_AT_MOST = 64
# A connection that only waits for TCP to give up ends by itself before that.
NEVER = 5
DIED = "its thread in the inventory child ended by an error that is in the service's log; report it, it is tried again"
RECYCLE = 75


class Supervisor:
    """Starts and stops watchers, reports the ones past their deadline, and begins anew beside one that hangs for long.

    A call that waits for a peer which vanished never returns, so after a minute (later: five) a second thread tries
    the hypervisor afresh, and the first one is lost. When too many are lost, the process ends itself with status
    `RECYCLE`, and the service starts another one.
    """

    def __init__(self, outbox: Outbox, hung_for: float = HUNG_FOR, lost_at_most: int = LOST_AT_MOST) -> None:
        self._outbox, self._hung_for, self._lost_at_most = outbox, hung_for, lost_at_most
        self._lock = threading.Lock()
        self._wanted = Watch((), 5.0, 2.0)
        self._watchers: dict[HypervisorTarget, Watcher] = {}
        self.lost: list[Watcher] = []
        self._patience: dict[HypervisorTarget, float] = {}
        self._revive_due: dict[HypervisorTarget, float] = {}
        self._meters = Meters(outbox)

    def watch(self, wanted: Watch) -> None:
        """Watch these hypervisors and no others."""
        with self._lock:
            self._wanted = wanted
            for target in set(self._watchers) - set(wanted.targets):
                self._lose(self._watchers.pop(target))
                self._patience.pop(target, None)
                self._revive_due.pop(target, None)
            fresh = [target for target in wanted.targets if target not in self._watchers]
            for number, target in enumerate(fresh):
                self._begin(target, Surroundings(), number * STAGGER)
            self._meters.watch(wanted)

    def run(self) -> None:
        """Supervise for the life of the process."""
        pause = threading.Event()
        flush_due = 0.0
        while True:
            self.check()
            if self.worn_out:
                os._exit(RECYCLE)
            if time.monotonic() >= flush_due:
                self._outbox.flush()
                flush_due = time.monotonic() + FLUSH_EVERY
            pause.wait(TICK)

    @property
    def worn_out(self) -> bool:
        """Whether so many threads are lost that another process should take over."""
        never = NEVER * self._hung_for
        return sum(watcher.hung_for() > never for watcher in self.lost) > self._lost_at_most

    def check(self) -> None:
        """Look at every watcher once."""
        with self._lock:
            for target, watcher in tuple(self._watchers.items()):
                self._check(target, watcher)
            self.lost = [watcher for watcher in self.lost if watcher.is_alive()]
            self._meters.check(self._watchers)

    def _check(self, target: HypervisorTarget, watcher: Watcher) -> None:
        if not watcher.is_alive():
            self._revive(target, watcher)
            return
        watcher.check()
        if watcher.hung_for() > self._patience.get(target, self._hung_for):
            self._begin_anew(target, watcher)
        elif not watcher.hung_for():
            self._patience.pop(target, None)

    def _revive(self, target: HypervisorTarget, dead: Watcher) -> None:
        """Report a thread that died of a fault of ours and begin anew, at most every half minute."""
        now = time.monotonic()
        if now >= self._revive_due.setdefault(target, now):
            self._outbox.failed(target, time.time(), DIED)
            self._revive_due[target] = now + self._hung_for / 2
            self._begin(target, dead.around)

    def _lose(self, watcher: Watcher) -> None:
        watcher.stop()
        self.lost.append(watcher)

    def _begin(self, target: HypervisorTarget, around: Surroundings, delay: float = 0.0) -> None:
        try:
            uri = parse_uri(target.uri, allow_test=self._wanted.allow_test)
        except ValueError as error:
            self._outbox.failed(target, time.time(), str(error))
            return
        watcher = Watcher(target, uri, self._wanted, self._outbox, around)
        self._watchers[target] = watcher
        watcher.start(delay)

    def _begin_anew(self, target: HypervisorTarget, hung: Watcher) -> None:
        self._lose(hung)
        self._patience[target] = min(HUNG_AT_MOST, 2 * self._patience.get(target, self._hung_for))
        self._begin(target, hung.around)
