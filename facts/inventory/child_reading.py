"""One reading of a hypervisor's statistics, in a thread that lives for it and may hang with the guest that it asks."""

import threading
import time
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import libvirt  # type: ignore[import-untyped]
from msgspec import Struct

from facts.inventory.child_gauge import Counters, Gauge
from facts.inventory.domains import Disk, Domain
from facts.inventory.statistics import DomainStatistics
from facts.inventory.uri import HypervisorURI

# A monitor that another client uses at this moment is free again before that.
BUSY = 1.0
# Each guest that hangs holds one of libvirtd's worker threads (20 by default), which serve everybody.
HUNG_AT_MOST = 5

# A disk by its domain's UUID, its target and its path.
DiskKey = tuple[str, str, str]
# When a guest was read, and its disks' counters by target.
Counted = tuple[float, dict[str, Counters]]


class Plan(Struct, frozen=True):
    """What a reading is to find out.

    `done`: guests that were read a moment ago; `suspects`: guests that a call has hung on; `last`: earlier figures;
    `sizes`: disks whose virtual size is wanted; `recent`: figures older than these seconds prove nothing.
    """

    domains: tuple[Domain, ...]
    done: AbstractSet[str]
    suspects: AbstractSet[str]
    last: Mapping[str, DomainStatistics]
    sizes: AbstractSet[DiskKey]
    recent: float


class Reading:
    """Carries out a plan. What it has found may be read at any time; when it hangs it is abandoned, and ends by itself
    when libvirt lets go of it.
    """

    def __init__(self, uri: HypervisorURI, deadline: float, gauge: Gauge | None, plan: Plan) -> None:
        self.plan, self.gauge = plan, gauge
        self.began = time.time()
        self.complete = False
        self.error: libvirt.libvirtError | None = None
        self.busy: dict[str, float] = {}
        self.occupied: set[str] = set()
        self.hung: set[str] = set()
        self.counters: dict[str, Counted] = {}
        self.sizes: dict[DiskKey, int] = {}
        self._uri, self._deadline = uri, deadline
        self._abandoned = False
        self._call = ("", time.monotonic())
        self._thread = threading.Thread(target=self._run, name="statistics", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    def call(self) -> tuple[str, float]:
        """The call under way: the UUID of the guest that may hang in it, "" for none, and its age in seconds."""
        uuid, since = self._call
        return uuid, time.monotonic() - since

    def abandon(self) -> None:
        """Have it end, with its connection, as soon as libvirt lets go."""
        self._abandoned = True

    def _run(self) -> None:
        try:
            if self.gauge is None:
                self.gauge = Gauge(self._uri, self._deadline)
            self._read(self.gauge)
            self.complete = not self._abandoned
        except libvirt.libvirtError as error:
            # The figures grow old meanwhile. The hypervisor itself may well be read over its other connection.
            self.error = error
        finally:
            if self.gauge is not None and not self.complete:
                self.gauge.close()

    def _read(self, gauge: Gauge) -> None:
        self._called("")
        gauge.keep({domain.uuid for domain in self.plan.domains})
        active = [domain for domain in self.plan.domains if domain.state != "shutoff"]
        for domain in active:
            self._control(gauge, domain.uuid)
        for domain in chosen([domain for domain in active if domain.uuid in self.busy], self.hung):
            if domain.uuid not in self.plan.done and not self._abandoned:
                self._count(gauge, domain)
        if not self.hung:
            self._measure(gauge)

    def _control(self, gauge: Gauge, uuid: str) -> None:
        """Find out whether a guest's monitor is free, or nearly so."""
        control = gauge.control(uuid)
        self._called("")
        if control is None:
            return
        if not control.idle:
            self.occupied.add(uuid)
        if not control.idle and (uuid in self.plan.suspects or (control.seconds >= BUSY and not control.job)):
            self.hung.add(uuid)
        self.busy[uuid] = control.seconds if uuid in self.hung else 0.0

    def _count(self, gauge: Gauge, domain: Domain) -> None:
        self._called(domain.uuid)
        read_at = time.time()
        counted = {disk.target: gauge.counters(domain.uuid, disk.target) for disk in domain.disks if disk.path}
        known = {target: counters for target, counters in counted.items() if counters is not None}
        if len(known) > 0 or not counted:
            self.counters[domain.uuid] = (read_at, known)
        self._called("")

    def _measure(self, gauge: Gauge) -> None:
        """Read the sizes of disks whose storage is surely alive."""
        alive = set(moved(self.plan, self.counters))
        for domain in self.plan.domains:
            for disk in domain.disks:
                key = (domain.uuid, disk.target, disk.path)
                if key in self.plan.sizes and (disk.storage == "lvm" or storage(disk) in alive):
                    self._called(domain.uuid)
                    size = gauge.capacity(domain.uuid, disk.target)
                    if size is not None:
                        self.sizes[key] = size
        self._called("")

    def _called(self, uuid: str) -> None:
        """The next call begins: one that may hang with this guest, or "" for one that hangs with the hypervisor."""
        self._call = (uuid, time.monotonic())


def storage(disk: Disk) -> str:
    """What a disk shares with others that die with it: its folder or its volume group."""
    return disk.path.rpartition("/")[0]


def moved(plan: Plan, counted: Mapping[str, Counted]) -> Iterator[str]:
    """The storages of disks that have finished reads or writes since a moment ago."""
    for domain in plan.domains:
        last = plan.last.get(domain.uuid)
        read_at, counters = counted.get(domain.uuid, (0.0, {}))
        if last is None or read_at - last.read_at > plan.recent:
            continue
        before = {disk.target: Counters(disk.read_bytes, disk.written_bytes) for disk in last.disks}
        for disk in domain.disks:
            if disk.target in before and disk.target in counters and counters[disk.target] != before[disk.target]:
                yield storage(disk)


def chosen(active: list[Domain], hung: AbstractSet[str]) -> list[Domain]:
    """Whom to ask, those last whose storage is a hung guest's; once many hang, not those, and in the end nobody."""
    if len(hung) >= 2 * HUNG_AT_MOST:
        return []
    dead = {storage(disk) for domain in active if domain.uuid in hung for disk in domain.disks}
    apart: list[Domain] = []
    beside: list[Domain] = []
    for domain in active:
        if domain.uuid not in hung:
            (apart if dead.isdisjoint(map(storage, domain.disks)) else beside).append(domain)
    return apart if len(hung) >= HUNG_AT_MOST else apart + beside
