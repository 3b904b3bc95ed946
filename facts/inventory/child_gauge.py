"""The second libvirt connection to a hypervisor: what its guests' monitors and disks say of themselves.

Only calls that keep no lock of libvirt's while they wait are made of a running guest: `virDomainGetControlInfo` (never
enters the monitor) and `virDomainBlockStats` (waits in the monitor). `virDomainGetBlockInfo`, as the bulk statistics
do, opens the disk's file with the domain locked: on dead storage every list of the domains waits with it.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import NamedTuple, TypeVar

import libvirt  # type: ignore[import-untyped]

from facts.inventory.uri import HypervisorURI

T = TypeVar("T")


class Control(NamedTuple):
    """What a guest's monitor does, and for how many seconds it has done it.

    `idle`: nothing. `job`: a long job, such as a migration, during which the monitor answers.
    """

    idle: bool
    job: bool
    seconds: float


class Counters(NamedTuple):
    """The bytes that a guest has read from a disk and written to it since it started."""

    read: int
    written: int


class Gauge:
    """A connection for statistics. A method gives None for what libvirt does not say of a domain.

    Raises libvirt.libvirtError when the line is broken. A call may also never return.
    """

    def __init__(self, uri: HypervisorURI, deadline: float) -> None:
        self._handles: dict[str, libvirt.virDomain] = {}
        self._libvirt = libvirt.openReadOnly(uri.address)
        with suppress(libvirt.libvirtError):
            self._libvirt.setKeepAlive(max(1, round(deadline / 2)), 2)

    def close(self) -> None:
        """End the connection; a broken one cannot say goodbye."""
        self._handles.clear()
        with suppress(libvirt.libvirtError):
            self._libvirt.close()

    def keep(self, uuids: AbstractSet[str]) -> None:
        """Forget all domains but these."""
        self._handles = {uuid: handle for uuid, handle in self._handles.items() if uuid in uuids}

    def control(self, uuid: str) -> Control | None:
        """What a running guest's monitor does."""
        said = self._ask(uuid, lambda domain: domain.controlInfo())
        if said is None:
            return None
        state, _details, milliseconds = said
        idle, job = state == libvirt.VIR_DOMAIN_CONTROL_OK, state == libvirt.VIR_DOMAIN_CONTROL_JOB
        return Control(idle, job, 0.0 if idle else milliseconds / 1000)

    def counters(self, uuid: str, target: str) -> Counters | None:
        """What a running guest has read from a disk and written to it."""
        said = self._ask(uuid, lambda domain: domain.blockStats(target))
        return None if said is None else Counters(max(0, said[1]), max(0, said[3]))

    def capacity(self, uuid: str, target: str) -> int | None:
        """A disk's virtual size in bytes. On dead storage this holds up everything that asks the hypervisor."""
        said = self._ask(uuid, lambda domain: domain.blockInfo(target))
        return None if said is None else int(said[0])

    def _ask(self, uuid: str, question: Callable[[libvirt.virDomain], T]) -> T | None:
        try:
            if uuid not in self._handles:
                self._handles[uuid] = self._libvirt.lookupByUUIDString(uuid)
            return question(self._handles[uuid])
        except libvirt.libvirtError:
            if not self._libvirt.isAlive():
                raise
            return None
