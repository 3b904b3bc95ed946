"""A hypervisor's networks and storage pools, read beside its domains, so that a hung pool holds no state back."""

import threading

import libvirt  # type: ignore[import-untyped]

from facts.inventory.child_connection import read_surroundings
from facts.inventory.xml import Surroundings


class SurroundingsReader:
    """Reads the surroundings in a thread that lives for one reading, and knows the last that were read."""

    def __init__(self, latest: Surroundings) -> None:
        self.latest = latest
        self._reading: threading.Thread | None = None

    def read(self, connection: libvirt.virConnect, patience: float) -> None:
        """Begin a reading and give it `patience` seconds; what comes later is in `latest` later.

        While an earlier reading hangs, none is begun.
        """
        if self._reading is None or not self._reading.is_alive():
            self._reading = threading.Thread(target=self._read, args=(connection,), name="surroundings", daemon=True)
            self._reading.start()
            self._reading.join(patience)

    def _read(self, connection: libvirt.virConnect) -> None:
        try:
            read = read_surroundings(connection)
        except (libvirt.libvirtError, ValueError):
            # A pool that vanished meanwhile, or a broken line, which the domains' own thread reports.
            return
        if read != self.latest:
            self.latest = read
