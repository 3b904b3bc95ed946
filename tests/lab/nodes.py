"""The nodes of the virtual lab: Debian machines under emulation with real LVM, NFS and DRBD in their kernel."""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.image import BOUND, NodeImage, node_image
from tests.lab.monitor import Monitor
from tests.live.kernel import CACHE
from tests.waiting import until

READY = "node is up"
LOGS = CACHE / "lab" / "logs"
DISK = 64 << 20
"""Bytes of a node's second disk, /dev/vdb, which is empty."""

MACHINE = (
    "qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none", "-cpu", "qemu64,+rdrand",
    "-accel", "tcg,thread=multi,tb-size=256", "-smp", "1", "-m", "512",
    "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
)  # fmt: skip
CABLE = "cable"


class Node:
    """One machine. `name` is its host name and certname; `number` 1 or 2 is its place on the cable.

    `folder` holds its sockets and disk, and has to be short; what it writes is in `.cache/lab/logs/`.
    """

    def __init__(self, number: int, folder: Path, image: NodeImage) -> None:
        self.name, self.address = f"nfs{number}.lab.test", f"10.77.0.{number}"
        self._number, self._folder, self._image = number, folder, image
        self.console, self.log = LOGS / f"nfs{number}.console", LOGS / f"nfs{number}.log"
        self._monitor = Monitor(folder / f"{number}.qmp")
        self._channel = folder / f"{number}.ssh"
        self._machine: subprocess.Popen[bytes] | None = None
        self._session: subprocess.Popen[bytes] | None = None

    def power_on(self) -> None:
        """Start the machine; `wait` returns when it can be spoken to."""
        LOGS.mkdir(parents=True, exist_ok=True)
        self.console.write_bytes(b"")
        with self.log.open("w") as log:
            self._machine = subprocess.Popen(
                [*BOUND, *MACHINE, *self._boot(), *self._disks(), *self._cards()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def wait(self, timeout: float = 120) -> None:
        """Return when commands can be run."""
        until(self._is_up, timeout, f"{self.name} to boot ({self.console})")
        command = ["ssh", *self._options(), "-M", "-N", "-p", str(self._monitor.forwarded_port()), "root@127.0.0.1"]
        with self.log.open("a") as log:
            self._session = subprocess.Popen([*BOUND, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._has_session, 60, f"an ssh session with {self.name} ({self.log})")

    def power_off(self) -> None:
        """Pull the plug, and wait until nothing of the machine is left."""
        for process in (self._session, self._machine):
            if process is not None:
                process.kill()
                process.wait(20)
        self._session = self._machine = None

    def run(self, script: str, *, stdin: bytes = b"", timeout: float = 60) -> str:
        """What a shell script prints there, as root; it ends at the first command that fails, and that is an error."""
        remote = f"sh -euc {shlex.quote(script)}"
        done = subprocess.run(
            ["ssh", *self._options(), "node", remote], input=stdin, capture_output=True, timeout=timeout, check=False
        )
        said, error = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        with self.log.open("a") as log:
            log.write(f"$ {script}\n{said}{error}")
        assert done.returncode == 0, f"{self.name}: {script}: exit {done.returncode}: {(said + error)[-2000:]}"
        return said

    def write(self, path: str, content: bytes, mode: str = "644") -> None:
        """Put a file there; its folder is made."""
        self.run(f"install -D -m {mode} /dev/stdin {shlex.quote(path)}", stdin=content)

    def pull_cable(self) -> None:
        """Cut the link to the other node; this machine still reaches it by ssh."""
        self._monitor.set_cable(CABLE, plugged=False)

    def plug_cable(self) -> None:
        """Mend the link to the other node."""
        self._monitor.set_cable(CABLE, plugged=True)

    def _boot(self) -> tuple[str, ...]:
        line = f"console=ttyS0 quiet net.ifnames=0 mitigations=off node_name={self.name} node_address={self.address}/24"
        return ("-kernel", str(self._image.kernel), "-initrd", str(self._image.initramfs), "-append", line)

    def _disks(self) -> tuple[str, ...]:
        """The root file system, whose changes are forgotten, and an empty disk."""
        empty = self._folder / f"{self._number}.disk"
        with empty.open("wb") as file:
            file.truncate(DISK)
        return (
            "-drive", f"file={self._image.root},if=virtio,format=raw,snapshot=on,cache=unsafe",
            "-drive", f"file={empty},if=virtio,format=raw,cache=unsafe",
        )  # fmt: skip

    def _cards(self) -> tuple[str, ...]:
        """Two network cards, the control channel and the console.

        The kernel chooses ssh's port, and the cable is a pair of unix sockets: labs can run side by side.
        """
        ends = (self._folder / f"{number}.{CABLE}" for number in (self._number, 3 - self._number))
        near, far = (f"type=unix,{{}}.path={path}" for path in ends)
        return (
            "-netdev", "user,id=host,hostfwd=tcp:127.0.0.1:0-:22", "-device", "virtio-net-pci,netdev=host,romfile=",
            "-netdev", f"dgram,id={CABLE},local.{near.format('local')},remote.{far.format('remote')}",
            "-device", f"virtio-net-pci,netdev={CABLE},mac=52:54:00:77:00:0{self._number},romfile=",
            "-qmp", f"unix:{self._folder}/{self._number}.qmp,server=on,wait=off", "-serial", f"file:{self.console}",
        )  # fmt: skip

    def _options(self) -> tuple[str, ...]:
        """All commands share one session, since a handshake under emulation takes its time."""
        own = {
            "ControlPath": self._channel, "IdentityFile": self._image.key,
            "UserKnownHostsFile": self._image.known_hosts, "HostKeyAlias": "node", "KexAlgorithms": "curve25519-sha256",
            "BatchMode": "yes", "LogLevel": "ERROR", "IdentitiesOnly": "yes", "ConnectTimeout": "30",
        }  # fmt: skip
        return ("-F", "none", *(part for name, value in own.items() for part in ("-o", f"{name}={value}")))

    def _is_up(self) -> bool:
        assert self._machine is not None
        assert self._machine.poll() is None, f"{self.name}'s QEMU ended: {self.log.read_text()[-2000:]}"
        return READY in self.console.read_text(errors="replace")

    def _has_session(self) -> bool:
        assert self._session is not None
        assert self._session.poll() is None, f"no ssh to {self.name}: {self.log.read_text()[-2000:]}"
        return self._channel.exists()


@contextmanager
def two_nodes() -> Iterator[tuple[Node, Node]]:
    """nfs1.lab.test and nfs2.lab.test, up, with a cable between them."""
    image = node_image()
    with tempfile.TemporaryDirectory(prefix="lab") as name:
        nodes = (Node(1, Path(name), image), Node(2, Path(name), image))
        try:
            for node in nodes:
                node.power_on()
            for node in nodes:
                node.wait()
            yield nodes
        finally:
            for node in nodes:
                node.power_off()
