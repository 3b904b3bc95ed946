"""Real hypervisors for the tests: private libvirtd daemons with real QEMU guests, side by side on one machine."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import libvirt  # type: ignore[import-untyped]

from tests.freezing import freeze
from tests.live.guests import Guests
from tests.live.keeper import Keeper, is_over
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
SETTING_UP = """mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/libvirt /var/cache/libvirt /var/log/libvirt
mount --bind {folder}/etc /etc/libvirt
mount --bind {folder}/run /run/libvirt
mount --bind {folder}/lib /var/lib/libvirt
mount --bind {folder}/cache /var/cache/libvirt
mount --bind {folder}/log /var/log/libvirt
hostname {name}
ip link set lo up
"""
HANGING = """printf '#!/bin/sh\\nexec sleep 1000\\n' >/run/hang
chmod +x /run/hang
mount -t tmpfs nfs1:/export/{name} {target}
mount --bind /run/hang /bin/umount
touch {target}.ready"""
NFS_POOL = """<pool type='netfs'><name>{name}</name>
<source><host name='{server}'/><dir path='/export/{name}'/><format type='nfs'/></source>
<target><path>{target}</path></target></pool>"""
LIBVIRTD = "libvirtd -d -p /run/libvirt/libvirtd.pid -f /etc/libvirt/libvirtd.conf"
LONGEST = 70


class Hypervisor(Guests):
    """A private libvirtd named `name`; everything it writes is below `folder`, whose path has to be short.

    Use it as a context manager, or call `launch()` and `stop()`. `uri` is its libvirt URI.
    """

    def __init__(self, name: str, folder: Path) -> None:
        if len(str(folder)) > LONGEST:
            raise ValueError(f"{folder}: too long for the sockets below it; use laboratory() or a short folder")
        self.name, self.folder = name, folder
        self.socket = folder / "run" / "libvirt-sock"
        self.uri = f"qemu+unix:///system?socket={self.socket}"
        self._keeper: Keeper | None = None

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
        (self.folder / "etc" / "libvirtd.conf").write_text(LIBVIRTD_CONF.format(uuid=uuid.uuid4()))
        (self.folder / "etc" / "qemu.conf").write_text(QEMU_CONF)
        self._keeper = Keeper(self.folder, SETTING_UP.format(folder=self.folder, name=self.name))
        self.restart()

    def stop(self) -> None:
        """End libvirtd and every guest, and wait until all are gone."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.stop()

    @property
    def keeper(self) -> Keeper:
        assert self._keeper is not None, f"{self.name} is not launched"
        return self._keeper

    @contextmanager
    def connection(self) -> Iterator[libvirt.virConnect]:
        """A libvirt connection of one's own; it must not be used while libvirtd is frozen."""
        connection = libvirt.open(self.uri)
        try:
            yield connection
        finally:
            connection.close()

    def restart(self) -> None:
        """Start libvirtd (again, after `kill`); returns when it answers."""
        self.socket.unlink(missing_ok=True)
        self.keeper.run(LIBVIRTD)
        until(self.answers, 20, f"{self.name}'s libvirtd ({self.folder}/keeper.log)")

    def answers(self) -> bool:
        """Whether libvirtd accepts a connection and answers a call."""
        if not self.socket.exists():
            return False
        try:
            with self.connection() as connection:
                return bool(connection.getHostname())
        except libvirt.libvirtError:
            return False

    def is_up(self) -> bool:
        """Whether a libvirtd runs, frozen or not."""
        try:
            return not is_over(self.pid())
        except ProcessLookupError:
            return False

    def pid(self) -> int:
        """The process number of libvirtd, as this machine counts."""
        return self.keeper.pid_in(self.folder / "run" / "libvirtd.pid")

    def kill(self) -> None:
        """SIGKILL libvirtd; its guests go on running, as on a real hypervisor."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        until(lambda: is_over(pid), 10, f"the end of {self.name}'s libvirtd")

    def freeze(self) -> None:
        """SIGSTOP libvirtd: connections are accepted by the kernel, and nothing ever answers."""
        freeze(self.pid())

    def thaw(self) -> None:
        """Let libvirtd go on after `freeze`."""
        os.kill(self.pid(), signal.SIGCONT)

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """Of its two or more clients libvirtd has lost the one that came last, and takes no other: who comes waits."""
        *kept, last = until(lambda: (found := self._clients())[1:] and found, 10, f"two clients of {self.name}")
        try:
            self._administer("server-clients-set", "--max-clients", str(len(kept)), "--max-unauth-clients", "1")
            self._administer("client-disconnect", last)
            yield
        finally:
            self._administer("server-clients-set", "--max-clients", "5000", "--max-unauth-clients", "20")

    def _clients(self) -> list[str]:
        """The numbers of the clients, who came first first."""
        return [line.split()[0] for line in self._administer("client-list").splitlines()[2:] if line]

    def _administer(self, command: str, *arguments: str) -> str:
        """What virt-admin prints of this libvirtd."""
        uri = f"libvirtd+unix:///system?socket={self.folder}/run/libvirt-admin-sock"
        run = ["virt-admin", "-c", uri, command, "libvirtd", *arguments]
        return subprocess.run(run, capture_output=True, text=True, timeout=20, check=True).stdout

    @contextmanager
    def nfs_pool(self, name: str, server: str) -> Iterator[Path]:
        """A pool that libvirt, and the kernel's table of mounts, take for that export of an NFS server; its folder, in
        which `one.raw` is. What is in it is this hypervisor's own, so that QEMU's lock on the file stops nobody.
        """
        target = self.folder / "pools" / server
        target.mkdir(parents=True)
        mount = f"mount -t tmpfs {server}:/export/{name} {target}"
        self.keeper.run(f"{mount} && truncate -s 8M {target}/one.raw && touch {target}.ready")
        until(Path(f"{target}.ready").exists, 10, "the mount")
        with self.connection() as connection:
            pool = connection.storagePoolDefineXML(NFS_POOL.format(name=name, server=server, target=target))
            pool.create()
            try:
                yield target
            finally:
                pool.destroy()
                pool.undefine()

    @contextmanager
    def hung_pool(self, name: str) -> Iterator[None]:
        """An NFS pool whose server is dead: libvirt waits for umount, which never ends, and keeps the pool locked."""
        target = self.folder / "pools" / name
        target.mkdir(parents=True)
        for line in HANGING.format(name=name, target=target).splitlines():
            self.keeper.run(line)
        until(target.with_suffix(".ready").exists, 10, "the mounts")
        with self.connection() as connection:
            pool = connection.storagePoolDefineXML(NFS_POOL.format(name=name, server="nfs1", target=target))
            pool.create()
            stopping = threading.Thread(target=_destroy, args=(pool,))
            stopping.start()
            until(lambda: self.keeper.pids_named("sleep"), 10, "umount to hang")
            try:
                yield
            finally:
                for pid in self.keeper.pids_named("sleep"):
                    os.kill(pid, signal.SIGKILL)
                stopping.join()


def _destroy(pool: libvirt.virStoragePool) -> None:
    """What hangs; in the end its umount is killed, which libvirt reports."""
    with suppress(libvirt.libvirtError):
        pool.destroy()


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
