"""What libvirt's statistics say of running guests, and how long their monitors have been busy.

enclume_guest_monitor_busy_seconds{site="angers",hypervisor="kvm1.lab.test",guest="web.lab.test"} 0.25
enclume_guest_storage_read_bytes_total{site="angers",guest="web.lab.test",storage="nfs"} 7000
enclume_guest_storage_written_bytes_total{site="angers",guest="web.lab.test",storage="nfs"} 9000
"""

from collections.abc import Iterator, Mapping

from exporters.family import Rendered, counter, escape, gauge, number
from exporters.scrape import Seen
from facts.fleet import Found
from facts.inventory.statistics import HypervisorStatistics

BUSY = gauge(
    "guest_monitor_busy_seconds",
    "site",
    "hypervisor",
    "guest",
    tells="How long the guest's monitor has been busy with one job; one that hangs grows.",
)
READ = counter(
    "guest_storage_read_bytes_total", "site", "guest", "storage", tells="Bytes that the guest read from its disks."
)
WRITTEN = counter(
    "guest_storage_written_bytes_total", "site", "guest", "storage", tells="Bytes that the guest wrote to its disks."
)

FAMILIES = (BUSY, READ, WRITTEN)

Name = tuple[str, str]
"""A guest's site, and what it is called."""


def lines(seen: Seen) -> Rendered:
    """The samples of each family; none of a guest that does not run where it was measured."""
    names = {
        picture.node.hardware.uuid: (picture.site, picture.name)
        for picture in seen.view.pictures.by_host.values()
        if picture.node.kind == "guest" and picture.node.hardware
    }
    busy: list[str] = []
    moved: dict[tuple[str, str, str], tuple[int, int]] = {}
    for hypervisor, statistics in sorted(seen.view.situation.statistics.items()):
        running = list(_running(seen, hypervisor, names))
        if statistics.read_at >= seen.view.situation.measured_since:
            busy += _busy(hypervisor, statistics, running)
        for name, found in running:
            _move(moved, name, found, statistics)
        seen.breathe()
    return {
        BUSY: "".join(busy),
        READ: "".join([_bytes(READ.name, labels, read) for labels, (read, _) in moved.items()]),
        WRITTEN: "".join([_bytes(WRITTEN.name, labels, written) for labels, (_, written) in moved.items()]),
    }


def _running(seen: Seen, hypervisor: str, names: Mapping[str, Name]) -> Iterator[tuple[Name, Found]]:
    site = seen.estate.site_of(hypervisor)
    for found in seen.estate.fleet.on.get(hypervisor, ()):
        name = names.get(found.domain.uuid) or (site, found.domain.name)
        if found.domain.running and seen.wants(name[0]):
            yield name, found


def _busy(hypervisor: str, statistics: HypervisorStatistics, running: list[tuple[Name, Found]]) -> Iterator[str]:
    there = escape(hypervisor)
    for (site, guest), found in running:
        seconds = statistics.busy.get(found.domain.uuid)
        if seconds is not None:
            labels = f'site="{escape(site)}",hypervisor="{there}",guest="{escape(guest)}"'
            yield f"enclume_guest_monitor_busy_seconds{{{labels}}} {number(seconds)}\n"


def _move(
    moved: dict[tuple[str, str, str], tuple[int, int]], name: Name, found: Found, statistics: HypervisorStatistics
) -> None:
    """Add what a guest's disks moved, by what holds them."""
    figures = statistics.domains.get(found.domain.uuid)
    if figures is None:
        return
    holds = {disk.target: disk.storage for disk in found.domain.disks}
    for disk in figures.disks:
        key = (*name, holds.get(disk.target, "other"))
        read, written = moved.get(key, (0, 0))
        moved[key] = read + disk.read_bytes, written + disk.written_bytes


def _bytes(family: str, labels: tuple[str, str, str], count: int) -> str:
    site, guest, storage = labels
    return f'{family}{{site="{escape(site)}",guest="{escape(guest)}",storage="{storage}"}} {count}\n'
