"""What the child knows of one hypervisor's statistics, from reading to reading."""

import time
from collections.abc import Iterator

from facts.inventory.child_reading import DiskKey, Reading
from facts.inventory.domains import Domain
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics

# A disk's virtual size hardly ever changes, and reading it is the one call that dead storage may turn against others.
SIZES_EVERY = 24 * 3600.0


class Figures:
    """The last figures of each domain and those before. Used by one thread only."""

    def __init__(self) -> None:
        self.seen = HypervisorStatistics(0.0, {})
        self._sizes: dict[DiskKey, tuple[int, float]] = {}

    def sizes_due(self, domains: tuple[Domain, ...]) -> set[DiskKey]:
        """The disks whose size is not known, or has been for a day."""
        since = time.time() - SIZES_EVERY
        return {key for domain in domains for key in _keys(domain) if self._sizes.get(key, (0, 0.0))[1] < since}

    def take(self, reading: Reading, hangs: tuple[str, float] | None = None) -> HypervisorStatistics:
        """What is known after a reading, or after the part of it that was done when it began to hang.

        `hangs`: the guest that it hangs on, and for how many seconds.
        """
        domains = reading.plan.domains
        self._sizes |= {key: (size, reading.began) for key, size in dict(reading.sizes).items()}
        wanted = {key for domain in domains for key in _keys(domain)}
        self._sizes = {key: size for key, size in self._sizes.items() if key in wanted}
        now = {said.uuid: said for domain in domains if (said := self._said(domain, reading)) is not None}
        busy = dict(reading.busy) | (dict([hangs]) if hangs else {})
        self.seen = HypervisorStatistics(reading.began, now, self._before(now), busy)
        return self.seen

    def _said(self, domain: Domain, reading: Reading) -> DomainStatistics | None:
        """A domain's figures: those just read, the sizes alone of one that is off, else what was known."""
        if domain.uuid in reading.counters:
            return self._counted(domain, reading)
        if domain.state == "shutoff":
            return self._sizes_of(domain)
        return self.seen.domains.get(domain.uuid)

    def _counted(self, domain: Domain, reading: Reading) -> DomainStatistics:
        read_at, counters = reading.counters[domain.uuid]
        disks = (
            DiskStatistics(target, self._size((uuid, target, path)), counters[target].read, counters[target].written)
            for uuid, target, path in _keys(domain)
            if target in counters
        )
        return DomainStatistics(domain.uuid, read_at, tuple(disks))

    def _sizes_of(self, domain: Domain) -> DomainStatistics | None:
        known = {key: self._sizes[key] for key in _keys(domain) if key in self._sizes}
        if not known:
            return None
        disks = tuple(DiskStatistics(key[1], size) for key, (size, _read_at) in known.items())
        return DomainStatistics(domain.uuid, min(read_at for _size, read_at in known.values()), disks)

    def _size(self, key: DiskKey) -> int:
        return self._sizes.get(key, (0, 0.0))[0]

    def _before(self, now: dict[str, DomainStatistics]) -> dict[str, DomainStatistics]:
        """The reading before each; none after counters that began anew, so that no rate is negative."""
        before = {}
        for uuid, said in now.items():
            last = self.seen.domains.get(uuid)
            if last is not None and last.read_at == said.read_at:
                last = self.seen.before.get(uuid)
            if last is not None and not _began_anew(last, said):
                before[uuid] = last
        return before


def _keys(domain: Domain) -> Iterator[DiskKey]:
    return ((domain.uuid, disk.target, disk.path) for disk in domain.disks if disk.path)


def _began_anew(last: DomainStatistics, said: DomainStatistics) -> bool:
    counted = {disk.target: disk for disk in last.disks}
    both = [(counted[disk.target], disk) for disk in said.disks if disk.target in counted]
    return any(now.read_bytes < was.read_bytes or now.written_bytes < was.written_bytes for was, now in both)
