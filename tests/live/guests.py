"""What a test does with the guests of a real hypervisor."""

import os
import signal
import uuid as uuids
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import libvirt  # type: ignore[import-untyped]

from tests.freezing import freeze
from tests.live.guest_image import READY, guest_image
from tests.live.keeper import Keeper
from tests.waiting import until

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><metadata>{metadata}</metadata>
  <memory unit='MiB'>{memory}</memory><vcpu>{vcpus}</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>{boot}</os><features><acpi/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>{on_crash}</on_crash>
  <devices>
    {devices}
    <serial type='file'><source path='{console}'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>"""
BOOT = "<kernel>{kernel}</kernel><initrd>{initramfs}</initrd><cmdline>console=ttyS0 quiet panic=1</cmdline>"


class Guests(ABC):
    """The guests' half of a hypervisor. They need no disk; by default they stop at the BIOS ("running" for libvirt
    within 0.3 s), with `boots=True` they boot a tiny Linux in about 2 s.
    """

    name: str
    folder: Path

    @abstractmethod
    def connection(self) -> "AbstractContextManager[libvirt.virConnect]":
        """A libvirt connection of one's own; it must not be used while libvirtd is frozen."""

    @property
    @abstractmethod
    def keeper(self) -> Keeper:
        """The namespaces that the guests' QEMU processes live in."""

    def define(
        self,
        guest: str,
        uuid: str | None = None,
        *,
        memory: int = 0,
        vcpus: int = 1,
        boots: bool = False,
        metadata: str = "",
        devices: str = "",
        on_crash: str = "destroy",
    ) -> str:
        """Define a guest and return its UUID. `memory` in MiB, by default what is needed;
        `devices` is more XML for <devices> (disks, interfaces).
        """
        xml = DOMAIN.format(
            name=guest,
            uuid=uuid or uuids.uuid4(),
            memory=memory or (128 if boots else 32),
            vcpus=vcpus,
            boot=_boot() if boots else "",
            metadata=metadata,
            devices=devices,
            on_crash=on_crash,
            console=self.console(guest),
        )
        with self.connection() as connection:
            return str(connection.defineXML(xml).UUIDString())

    def disk(self, guest: str, target: str = "vda", megabytes: int = 8, folder: Path | None = None) -> str:
        """Make an empty raw disk, below `folder` or among this hypervisor's images; return its XML for `devices`."""
        images = folder or self.folder / "images"
        images.mkdir(parents=True, exist_ok=True)
        path = images / f"{guest}-{target}.raw"
        with path.open("wb") as file:
            file.truncate(megabytes << 20)
        driver = "<driver name='qemu' type='raw' cache='none'/>"
        source = f"<source file={quoteattr(str(path))}/>"
        return f"<disk type='file' device='disk'>{driver}{source}<target dev='{target}' bus='virtio'/></disk>"

    def console(self, guest: str) -> Path:
        """The file that the guest's serial port is written to."""
        return self.folder / "log" / f"{guest}.console"

    def start(self, guest: str) -> None:
        """Start a defined guest; it is "running" when this returns."""
        with self._domain(guest) as domain:
            domain.create()

    def until_booted(self, guest: str, timeout: float = 60) -> None:
        """Wait until a guest defined with `boots=True` has reached user space."""
        until(lambda: self._says_ready(guest), timeout, f"{guest} on {self.name} to boot ({self.console(guest)})")

    def suspend(self, guest: str) -> None:
        """Pause a running guest."""
        with self._domain(guest) as domain:
            domain.suspend()

    def resume(self, guest: str) -> None:
        """Let a paused guest go on."""
        with self._domain(guest) as domain:
            domain.resume()

    def destroy(self, guest: str) -> None:
        """Pull a guest's plug."""
        with self._domain(guest) as domain:
            domain.destroy()

    def undefine(self, guest: str) -> None:
        """Remove a guest's definition."""
        with self._domain(guest) as domain:
            domain.undefine()

    def forget(self, guest: str) -> None:
        """Destroy and undefine a guest, whatever it is doing, if it is here at all."""
        with self.connection() as connection:
            for domain in connection.listAllDomains(0):
                if domain.name() != guest:
                    continue
                kept = domain.isPersistent()
                if domain.isActive():
                    domain.destroy()
                if kept:
                    domain.undefine()

    def state(self, guest: str) -> tuple[int, int]:
        """libvirt's state and reason of a guest, as numbers."""
        with self._domain(guest) as domain:
            state, reason = domain.state()
            return state, reason

    def migrate(self, guest: str, to: "Guests") -> None:
        """Move a running guest to another hypervisor, live, through a unix socket; its definition moves with it."""
        flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST
        flags |= libvirt.VIR_MIGRATE_UNDEFINE_SOURCE | libvirt.VIR_MIGRATE_UNSAFE
        channel = to.folder / "run" / f"{guest}.migration"
        with self._domain(guest) as domain, to.connection() as target:
            domain.migrate3(target, {"migrate_uri": f"unix://{channel}"}, flags)

    def guest_pid(self, guest: str) -> int:
        """The process number of a running guest's QEMU, as this machine counts."""
        return self.keeper.pid_in(self.folder / "run" / "qemu" / f"{guest}.pid")

    def freeze_guest(self, guest: str) -> None:
        """SIGSTOP a guest's QEMU: what a dead NFS server below its disk looks like."""
        freeze(self.guest_pid(guest))

    def thaw_guest(self, guest: str) -> None:
        """Let a guest's QEMU go on after `freeze_guest`."""
        os.kill(self.guest_pid(guest), signal.SIGCONT)

    def kill_guest(self, guest: str) -> None:
        """SIGKILL a guest's QEMU: libvirt calls it shut off, "crashed"."""
        os.kill(self.guest_pid(guest), signal.SIGKILL)

    @contextmanager
    def _domain(self, guest: str) -> Iterator[libvirt.virDomain]:
        with self.connection() as connection:
            yield connection.lookupByName(guest)

    def _says_ready(self, guest: str) -> bool:
        console = self.console(guest)
        return console.exists() and READY in console.read_text(errors="replace")


def _boot() -> str:
    image = guest_image()
    return BOOT.format(kernel=image.kernel, initramfs=image.initramfs)
