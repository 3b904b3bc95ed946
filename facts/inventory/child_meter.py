"""When each hypervisor's statistics are read, and what is done about a reading that hangs."""

import random
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from facts.inventory.child_errors import sentence
from facts.inventory.child_figures import Figures
from facts.inventory.child_gauge import Gauge
from facts.inventory.child_outbox import Outbox
from facts.inventory.child_reading import Plan, Reading
from facts.inventory.domains import Domain, HypervisorTarget
from facts.inventory.messages import Watch
from facts.inventory.uri import HypervisorURI, parse_uri

# The first readings of many hypervisors that are begun together are spread over so many seconds.
FIRST_WITHIN = 10.0
# A reading that hangs with its hypervisor, not with a guest, is given up after that.
HUNG_FOR = 60.0
LOST_AT_MOST = 256
# Counters that moved within these seconds prove that their storage was alive a moment ago.
RECENT = 90.0


class Watched(Protocol):
    """Who observes the hypervisor's domains: nothing is asked for statistics while it cannot."""

    def at_rest(self) -> tuple[Domain, ...] | None:
        """The domains as they were last seen; None while the hypervisor does not answer."""


class Meter:
    """One hypervisor's statistics. No method waits for libvirt."""

    def __init__(self, target: HypervisorTarget, uri: HypervisorURI, wanted: Watch, outbox: Outbox) -> None:
        self.lost: list[Reading] = []
        self._target, self._uri, self._outbox = target, uri, outbox
        self._deadline, self._every = wanted.deadline, wanted.statistics
        self._figures = Figures()
        self._suspects: frozenset[str] = frozenset()
        self._gauge: Gauge | None = None
        self._reading: Reading | None = None
        self._due = time.monotonic() + random.uniform(0.0, min(self._every, FIRST_WITHIN))  # noqa: S311 (no secret)

    def stop(self) -> None:
        """Say nothing more; connections are closed as soon as libvirt lets go of them."""
        if self._reading is not None:
            self._reading.abandon()
        elif self._gauge is not None:
            threading.Thread(target=self._gauge.close, name="goodbye", daemon=True).start()
        self._reading = self._gauge = None

    def check(self, watched: Watched, room: int) -> None:
        """Begin a reading that is due, take what one has found, give up one that hangs if there is `room` for it."""
        self.lost = [reading for reading in self.lost if reading.is_alive()]
        reading = self._reading
        if reading is None:
            if time.monotonic() >= self._due:
                self._begin(watched)
        elif not reading.is_alive():
            self._finish(reading)
        elif room > 0:
            self._watch_over(reading)

    def _begin(self, watched: Watched) -> None:
        domains = watched.at_rest()
        if domains is None:
            return
        self._due = time.monotonic() + self._every * random.uniform(0.9, 1.1)  # noqa: S311 (no secret rests on it)
        self._read(
            Plan(
                domains=domains,
                done=frozenset(),
                suspects=self._suspects,
                last=self._figures.seen.domains,
                sizes=self._figures.sizes_due(domains),
                recent=max(RECENT, 1.5 * self._every),
            )
        )

    def _read(self, plan: Plan) -> None:
        self._reading = Reading(self._uri, self._deadline, self._gauge, plan)
        self._gauge = None
        self._reading.start()

    def _finish(self, reading: Reading) -> None:
        self._reading = None
        if reading.complete:
            self._gauge = reading.gauge
            self._suspects &= reading.occupied
            self._outbox.measured(self._target, self._figures.take(reading))
        elif reading.error is not None:
            self._outbox.unmeasured(self._target, sentence(reading.error, self._target))

    def _watch_over(self, reading: Reading) -> None:
        guest, seconds = reading.call()
        if guest and seconds > self._deadline:
            self._lose(reading)
            self._outbox.measured(self._target, self._figures.take(reading, (guest, seconds)))
            self._suspects |= {guest}
            if time.monotonic() < self._due:
                done = reading.plan.done | reading.counters.keys()
                self._read(replace(reading.plan, done=done, suspects=self._suspects, sizes=frozenset()))
        elif seconds > HUNG_FOR:
            self._lose(reading)
            self._outbox.unmeasured(self._target, f"it did not answer within {HUNG_FOR:g} s; look at libvirtd there")

    def _lose(self, reading: Reading) -> None:
        reading.abandon()
        self.lost.append(reading)
        self._reading = None


class Meters:
    """The statistics of every hypervisor whose driver has them (QEMU's alone)."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._meters: dict[HypervisorTarget, Meter] = {}

    @property
    def watched(self) -> frozenset[HypervisorTarget]:
        """The hypervisors whose statistics are read."""
        return frozenset(self._meters)

    @property
    def lost(self) -> int:
        """How many calls are left hanging."""
        return sum(len(meter.lost) for meter in self._meters.values())

    def watch(self, wanted: Watch) -> None:
        """Read these hypervisors' statistics and no others'."""
        for target in set(self._meters) - set(wanted.targets):
            self._meters.pop(target).stop()
        if not wanted.statistics:
            return
        for target in set(wanted.targets) - set(self._meters):
            try:
                uri = parse_uri(target.uri, allow_test=wanted.allow_test)
            except ValueError:
                # Whoever watches its domains says so.
                continue
            if uri.scheme == "qemu":
                self._meters[target] = Meter(target, uri, wanted, self._outbox)

    def check(self, watchers: Mapping[HypervisorTarget, Watched]) -> None:
        """Look at every hypervisor once; never more than `LOST_AT_MOST` calls are left hanging in all."""
        room = LOST_AT_MOST - self.lost
        for target, meter in self._meters.items():
            if target in watchers:
                had = len(meter.lost)
                meter.check(watchers[target], room)
                room += had - len(meter.lost)
