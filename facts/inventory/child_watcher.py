"""One hypervisor's thread: open, look, wait for an event or the interval, look again; back off while it fails."""

import random
import threading
import time
from collections import deque

import libvirt  # type: ignore[import-untyped]

from facts.inventory.backoff import backoff
from facts.inventory.child_connection import Connection
from facts.inventory.child_errors import no_answer, sentence
from facts.inventory.child_outbox import Outbox
from facts.inventory.child_view import View
from facts.inventory.domains import Domain, HypervisorTarget
from facts.inventory.messages import Watch
from facts.inventory.uri import HypervisorURI
from facts.inventory.xml import Surroundings

# Events come in bursts: one look serves those of the same moment.
QUIET = 0.01
# A hypervisor that takes longer for a call is left alone by whoever can wait.
PROMPT = 1.0


class Watcher:
    """Observes one hypervisor until stopped. No call into libvirt can be cancelled: a thread that hangs in one is
    reported by `check`, goes on by itself when the call returns, and ends then if it was stopped meanwhile.
    """

    def __init__(
        self,
        target: HypervisorTarget,
        uri: HypervisorURI,
        wanted: Watch,
        outbox: Outbox,
        around: Surroundings,
    ) -> None:
        self.target = target
        self._uri, self._outbox = uri, outbox
        self._deadline, self._interval = wanted.deadline, wanted.interval
        self._view = View(wanted.deadline / 2, around)
        self._connection: Connection | None = None
        self._stale: deque[str] = deque()
        self._wake = threading.Event()
        self._quiet = threading.Event()
        self._stopped = False
        self._delay = 0.0
        self._failures = 0
        self._waiting_since: float | None = None
        self._reports = 0
        self._report_due = 0.0
        self._thread = threading.Thread(target=self._run, name=f"watch {target.name}", daemon=True)

    @property
    def around(self) -> Surroundings:
        """The hypervisor's networks and pools as they were last read."""
        return self._view.around

    def start(self, delay: float) -> None:
        """Begin to observe in `delay` seconds."""
        self._delay = delay
        self._thread.start()

    def stop(self) -> None:
        """Say nothing more, and end as soon as libvirt lets go."""
        self._stopped = True
        self._quiet.set()
        self._wake.set()

    def is_alive(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    def hung_for(self) -> float:
        """Seconds since the call under way began; 0 while none is under way."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since

    def at_rest(self) -> tuple[Domain, ...] | None:
        """The domains as they were last seen; None while the hypervisor is not connected or slow to answer."""
        connected = self._connection is not None and self.hung_for() < PROMPT
        return self._view.domains if connected else None

    def check(self) -> None:
        """Report a call that is past its deadline; again while it hangs, ever more seldom."""
        if self.hung_for() <= self._deadline:
            self._reports, self._report_due = 0, 0.0
            return
        now = time.monotonic()
        if now >= self._report_due and not self._stopped:
            self._reports += 1
            self._report_due = now + backoff(self._reports)
            self._outbox.failed(self.target, time.time(), no_answer(self.target, self._deadline))

    def _run(self) -> None:
        self._quiet.wait(self._delay)
        while not self._stopped:
            self._wake.clear()
            try:
                self._look()
            except libvirt.libvirtError as error:
                self._fail(sentence(error, self.target))
            except ValueError as error:
                self._fail(f"{error}; look at it by hand, and report it if libvirt is right")
            else:
                self._failures = 0
                self._quiet.wait(QUIET)
                self._wake.wait(self._interval * random.uniform(0.9, 1.1))  # noqa: S311 (no secret rests on it)
        self._close()

    def _look(self) -> None:
        self._waiting_since = time.monotonic()
        if self._connection is None:
            self._connection = Connection(self._uri, self._deadline, self._changed, self._answered)
            self._view.distrust()
        stale = {self._stale.popleft() for _ in range(len(self._stale))}
        read_at, began = time.time(), time.monotonic()
        seen = self._view.update(self._connection, stale)
        took = time.monotonic() - began
        self._waiting_since = None
        if self._stopped:
            return
        if seen is None:
            self._outbox.confirmed(self.target, read_at, took)
        else:
            self._outbox.observed(self.target, seen, read_at, took)

    def _fail(self, reason: str) -> None:
        """Report, let go of the connection, and leave the hypervisor alone for a while, which no event shortens."""
        self._failures += 1
        if not self._stopped:
            self._outbox.failed(self.target, time.time(), reason)
        self._close()
        until = time.monotonic() + backoff(self._failures)
        while not self._stopped and (left := until - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._waiting_since = time.monotonic()
            connection.close()
        self._waiting_since = None

    def _answered(self) -> None:
        """A call has returned: a hypervisor that answers slowly, but does, is not dead."""
        self._waiting_since = time.monotonic()

    def _changed(self, uuid: str | None) -> None:
        """From libvirt's event loop: something is not as it was."""
        if uuid is not None:
            self._stale.append(uuid)
        self._wake.set()
