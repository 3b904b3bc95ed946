"""Real hypervisors for the tests: private libvirtd daemons with real QEMU guests, side by side on one machine.

Each lives in mount, UTS, IPC, network and PID namespaces of its own, held by one shell: when that shell ends
(on `stop`, or because the test process died and its pipe closed) the kernel ends libvirtd and every guest.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid as uuids
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.sax.saxutils import quoteattr

import libvirt  # type: ignore[import-untyped]

from tests.live.guest_image import READY, guest_image
from tests.waiting import until

LIBVIRTD_CONF = """auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
host_uuid = "{uuid}"
"""
QEMU_CONF = """user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
stdio_handler = "file"
"""
KEEPER = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/libvirt /var/cache/libvirt /var/log/libvirt
mount --bind {folder}/etc /etc/libvirt
mount --bind {folder}/run /run/libvirt
mount --bind {folder}/lib /var/lib/libvirt
mount --bind {folder}/cache /var/cache/libvirt
mount --bind {folder}/log /var/log/libvirt
hostname {name}
ip link set lo up
set +e
while read -r command; do eval "$command"; done
"""
LIBVIRTD = "libvirtd -d -p /run/libvirt/libvirtd.pid -f /etc/libvirt/libvirtd.conf"
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


class Hypervisor:
    """A private libvirtd named `name`; everything it writes is below `folder`, whose path has to be short.

    Use as a context manager, or `launch()` and `stop()`. Guests need no disk; by default they stop at the BIOS
    ("running" for libvirt within 0.2 s), with `boots=True` they boot a tiny Linux in about 3 s.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.uri = f"qemu+unix:///system?socket={folder}/run/libvirt-sock"
        self._keeper: subprocess.Popen[str] | None = None
        if len(str(folder)) > 70:
            raise ValueError(f"{folder}: too long for the sockets below it; use laboratory() or a short folder")

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def launch(self) -> None:
        """Make the namespaces and start libvirtd; returns when it answers."""
        for part in ("etc", "run", "lib", "cache", "log"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        shutil.copytree("/etc/libvirt", self.folder / "etc", dirs_exist_ok=True)
        shutil.rmtree(self.folder / "etc" / "qemu" / "networks", ignore_errors=True)
        (self.folder / "etc" / "libvirtd.conf").write_text(LIBVIRTD_CONF.format(uuid=uuids.uuid4()))
        (self.folder / "etc" / "qemu.conf").write_text(QEMU_CONF)
        keeper = self.folder / "keeper.sh"
        keeper.write_text(KEEPER.format(folder=self.folder, name=self.name))
        unshare = ("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
        with (self.folder / "keeper.log").open("w") as log:
            self._keeper = subprocess.Popen(
                [*unshare, "bash", str(keeper)], stdin=subprocess.PIPE, stdout=log, stderr=log, text=True
            )
        self.restart()

    def stop(self) -> None:
        """End libvirtd and every guest, and wait until all are gone."""
        if self._keeper is None:
            return
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(timeout=20)
        self._keeper = None

    # libvirtd itself

    def run(self, command: str) -> None:
        """Have the keeper run a shell command inside this hypervisor's namespaces; does not wait for it."""
        assert self._keeper is not None, f"{self.name} is not launched"
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(command + "\n")
        self._keeper.stdin.flush()

    def restart(self) -> None:
        """Start libvirtd (again, after `kill`); returns when it answers."""
        (self.folder / "run" / "libvirt-sock").unlink(missing_ok=True)
        self.run(LIBVIRTD)
        until(self.answers, 20, f"{self.name}'s libvirtd ({self.folder}/keeper.log)")

    def answers(self) -> bool:
        """Whether libvirtd accepts a connection and answers a call."""
        if not (self.folder / "run" / "libvirt-sock").exists():
            return False
        try:
            with self.connection() as connection:
                return bool(connection.getHostname())
        except libvirt.libvirtError:
            return False

    def pid(self) -> int:
        """The process number of libvirtd, as this machine counts."""
        return self._outside(self.folder / "run" / "libvirtd.pid")

    def kill(self) -> None:
        """SIGKILL libvirtd; its guests go on running, as on a real hypervisor."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        until(lambda: _gone(pid), 10, f"the end of {self.name}'s libvirtd")

    def freeze(self) -> None:
        """SIGSTOP libvirtd: connections are accepted by the kernel, and nothing ever answers."""
        os.kill(self.pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let libvirtd go on after `freeze`."""
        os.kill(self.pid(), signal.SIGCONT)

    # its guests

    @contextmanager
    def connection(self) -> Iterator[libvirt.virConnect]:
        """A libvirt connection of one's own; it must not be used while libvirtd is frozen."""
        connection = libvirt.open(self.uri)
        try:
            yield connection
        finally:
            connection.close()

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
        xml = self.domain_xml(
            guest,
            uuid or str(uuids.uuid4()),
            memory=memory or (128 if boots else 32),
            vcpus=vcpus,
            boots=boots,
            metadata=metadata,
            devices=devices,
            on_crash=on_crash,
        )
        with self.connection() as connection:
            return str(connection.defineXML(xml).UUIDString())

    def domain_xml(
        self, guest: str, uuid: str, *, memory: int, vcpus: int, boots: bool, metadata: str, devices: str, on_crash: str
    ) -> str:
        """The XML that `define` defines."""
        boot = ""
        if boots:
            image = guest_image()
            boot = f"<kernel>{image.kernel}</kernel><initrd>{image.initramfs}</initrd>"
            boot += "<cmdline>console=ttyS0 quiet panic=1</cmdline>"
        return DOMAIN.format(
            name=guest, uuid=uuid, memory=memory, vcpus=vcpus, boot=boot, metadata=metadata, devices=devices,
            on_crash=on_crash, console=self.console(guest),
        )  # fmt: skip

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

    def state(self, guest: str) -> tuple[int, int]:
        """libvirt's state and reason of a guest, as numbers."""
        with self._domain(guest) as domain:
            state, reason = domain.state()
            return state, reason

    def migrate(self, guest: str, to: "Hypervisor") -> None:
        """Move a running guest to another hypervisor, live, through a unix socket; its definition moves with it."""
        flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST
        flags |= libvirt.VIR_MIGRATE_UNDEFINE_SOURCE | libvirt.VIR_MIGRATE_UNSAFE
        channel = to.folder / "run" / "migration.sock"
        with self._domain(guest) as domain, to.connection() as target:
            domain.migrate3(target, {"migrate_uri": f"unix://{channel}"}, flags)

    def guest_pid(self, guest: str) -> int:
        """The process number of a running guest's QEMU, as this machine counts."""
        return self._outside(self.folder / "run" / "qemu" / f"{guest}.pid")

    def freeze_guest(self, guest: str) -> None:
        """SIGSTOP a guest's QEMU: what a dead NFS server below its disk looks like."""
        os.kill(self.guest_pid(guest), signal.SIGSTOP)

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

    def _outside(self, pidfile: Path) -> int:
        """The process number outside of the one that a pid file inside the namespace names."""
        assert self._keeper is not None, f"{self.name} is not launched"
        inside = int(until(pidfile.read_text, 5, str(pidfile)))
        namespace = _namespace(Path(f"/proc/{_child(self._keeper.pid)}"))
        for status in Path("/proc").glob("[0-9]*/status"):
            if _number_inside(status) == inside and _namespace(status.parent) == namespace:
                return int(status.parent.name)
        raise ProcessLookupError(f"{self.name}: no process {inside} of {pidfile}")


@contextmanager
def laboratory(*names: str) -> Iterator[tuple[Hypervisor, ...]]:
    """Hypervisors of these names, running, below one short temporary folder; all ended and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="enc"))
    running: list[Hypervisor] = []
    try:
        for name in names:
            running.append(Hypervisor(name, folder / name))
            running[-1].launch()
        yield tuple(running)
    finally:
        for hypervisor in running:
            hypervisor.stop()
        shutil.rmtree(folder)


def _child(pid: int) -> int:
    """The first child of a process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _number_inside(status: Path) -> int | None:
    """A process's number in its innermost namespace; None when it just ended."""
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("NSpid:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[-1])


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns" / "pid").readlink())
    except OSError:
        return ""


def _gone(pid: int) -> bool:
    """Whether a process has ended (or is a zombie that its parent is about to reap)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
