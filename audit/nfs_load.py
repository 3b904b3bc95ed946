"""The load of an NFS server: its rates between two readings, and the guests that put it there."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from audit.reach import Reach
from audit.situation import Situation
from facts.estate import Estate, Node
from facts.fleet import Fleet
from facts.inventory.statistics import DomainStatistics
from facts.observations import NfsServer, Pool
from facts.observatory import HostSeen

FEW_PACKETS = 100
"""Of fewer packets between two readings a share says nothing: when a server starts, its first ones wait."""

MOST = 5
"""How many guests are named, the busiest first."""


class Rates(Struct, frozen=True):
    """What an NFS server did each second between its last two readings. `waiting` is the share of packets that found no
    idle thread, None where its kernel does not tell.
    """

    requests: float
    read_bytes: float
    written_bytes: float
    reply_cache_hits: float
    waiting: float | None


class GuestLoad(Struct, frozen=True):
    """Bytes that a guest reads from a server and writes to it each second, as libvirt counts them. `guest` is its
    certname, else its domain's name.
    """

    guest: str
    hypervisor: str
    read_bytes: float
    written_bytes: float

    @property
    def both(self) -> float:
        """What it reads and writes."""
        return self.read_bytes + self.written_bytes


def rates(seen: HostSeen) -> Rates | None:
    """The rates of a host's NFS server; None before there are two readings, and when it began anew between them."""
    now, before = seen.kinds.nfsd, seen.earlier
    seconds = seen.seen_at.get("nfsd", 0.0) - before.at if before else 0.0
    if now is None or before is None or seconds <= 0:
        return None
    counted = [new - old for new, old in zip(_counters(now), _counters(before.nfsd), strict=True)]
    if min(counted) < 0:
        return None
    requests, read, written, hits = (one / seconds for one in counted)
    return Rates(requests, read, written, hits, _waiting(now.pools, before.nfsd.pools))


def _counters(nfsd: NfsServer) -> tuple[int, ...]:
    return sum(nfsd.requests.values()), nfsd.read_bytes, nfsd.written_bytes, nfsd.reply_cache_hits


def _waiting(now: tuple[Pool, ...], before: tuple[Pool, ...]) -> float | None:
    """The share of packets for which no thread was woken; of a kernel that does not tell, of those that were enqueued.
    None for few packets.

    Old kernels enqueue only what finds no idle thread. Recent ones enqueue everything, and what woke no thread had to
    wait; without that figure nothing can be said of them.
    """
    arrived = _grown(now, before, "packets_arrived")
    enqueued = _grown(now, before, "sockets_enqueued")
    if arrived is None or enqueued is None or max(arrived, enqueued) < FEW_PACKETS:
        return None
    if any(pool.threads_woken is None for pool in (*now, *before)):
        return enqueued / arrived if enqueued < arrived else None
    woken = _grown(now, before, "threads_woken") or 0
    return max(0.0, 1 - woken / max(arrived, enqueued))


def _grown(now: tuple[Pool, ...], before: tuple[Pool, ...], counter: str) -> int | None:
    """By how much a counter of all pools grew; None when it did not."""
    new, old = (sum(getattr(pool, counter) or 0 for pool in pools) for pools in (now, before))
    return new - old if new >= old else None


class Labels:
    """What the guests of an estate are called, by their domain's UUID; found out when somebody asks."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    @cached_property
    def by_uuid(self) -> Mapping[str, str]:
        """The certname of every guest whose domain is known."""
        return {node.hardware.uuid: name for name, node in self._estate.nodes.items() if node.hardware}


def heaviest(
    situation: Situation, fleet: Fleet, server: Node, near: Iterable[Reach], labels: Labels
) -> tuple[GuestLoad, ...]:
    """The guests on the hypervisors with these reaches that read and write most on a server, the busiest first."""
    found: list[GuestLoad] = []
    for reach in near:
        found += _loads(situation, fleet, server.host.name, reach, labels)
    return tuple(sorted(found, key=lambda one: (-one.both, one.guest))[:MOST])


def _loads(situation: Situation, fleet: Fleet, server: str, reach: Reach, labels: Labels) -> Iterator[GuestLoad]:
    hypervisor = reach.hypervisor
    statistics = situation.statistics.get(hypervisor)
    if statistics is None:
        return
    for found in fleet.on.get(hypervisor, ()):
        domain = found.domain
        now, before = statistics.domains.get(domain.uuid), statistics.before.get(domain.uuid)
        targets = {disk.target for disk in domain.disks if reach.server_of(disk) == server}
        if now is None or before is None or not targets or now.read_at <= before.read_at:
            continue
        read, written = _moved(now, before, targets)
        if read or written:
            yield GuestLoad(labels.by_uuid.get(domain.uuid, domain.name), hypervisor, read, written)


def _moved(now: DomainStatistics, before: DomainStatistics, targets: set[str]) -> tuple[float, float]:
    """Bytes that a domain read and wrote each second on these disks; none of one that began anew."""
    seconds, known = now.read_at - before.read_at, {disk.target: disk for disk in before.disks}
    pairs = [(disk, known[disk.target]) for disk in now.disks if disk.target in targets and disk.target in known]
    read = sum(max(0, new.read_bytes - old.read_bytes) for new, old in pairs)
    written = sum(max(0, new.written_bytes - old.written_bytes) for new, old in pairs)
    return read / seconds, written / seconds
