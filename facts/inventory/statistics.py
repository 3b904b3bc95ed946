"""What libvirt's statistics say of running guests: how busy their monitors are, what their disks hold and move.

They come over a second, optional connection to each hypervisor and grow old by themselves: each domain's figures carry
the time at which they were read. Nothing that is answered to Puppet rests on them.
"""

from collections.abc import Mapping

from msgspec import Struct


class DiskStatistics(Struct, frozen=True):
    """One disk's figures: its virtual size in bytes, and what was read and written since the guest started."""

    target: str
    capacity: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


class DomainStatistics(Struct, frozen=True):
    """One domain's figures, read at `read_at` (seconds since the epoch)."""

    uuid: str
    read_at: float
    disks: tuple[DiskStatistics, ...] = ()


class HypervisorStatistics(Struct, frozen=True):
    """The last figures of each domain of one hypervisor, by UUID, and of the reading before where there was one.

    `busy`: seconds for which a guest's monitor has been busy with one job (virDomainGetControlInfo), by UUID; a guest
    that answers stands there with 0. `read_at`: when the hypervisor was last asked for these, 0 for never; `error`: why
    it could not be since, "" while it can.
    """

    read_at: float
    domains: Mapping[str, DomainStatistics]
    before: Mapping[str, DomainStatistics] = {}
    busy: Mapping[str, float] = {}
    error: str = ""

    @property
    def hangs(self) -> bool:
        """Whether any guest's monitor was busy for too long to be only that."""
        return any(self.busy.values())

    @property
    def sizes(self) -> dict[tuple[str, str], int]:
        """The virtual sizes in bytes that are known, by the domain's UUID and the disk's target."""
        return {
            (uuid, disk.target): disk.capacity
            for uuid, said in self.domains.items()
            for disk in said.disks
            if disk.capacity
        }
