"""The tiny Linux that test guests boot: Debian's cloud kernel and an initramfs of busybox alone.

A guest with a virtio disk reads `READS` bytes of it and writes `WRITES` (the second block of that size), five times a
second at most, for as long as it runs.

Built once per kernel version under the project's `.cache/` folder (about ten seconds), safely from
several test workers at a time. The kernel is unpacked to an ELF image: under emulation it starts in
half the time of the packed one.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

LZ4_MAGIC = b"\x02\x21\x4c\x18"
READY = "guest is up"
PROGRAMS = ("sh", "mount", "sleep", "grep", "insmod", "dd")
# In the order in which they need each other.
MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")
READS, WRITES = 64 << 10, 4 << 10
INIT = f"""#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
echo "{READY}" >/dev/ttyS0
grep -q 1af4 /proc/bus/pci/devices && for name in {" ".join(MODULES)}; do insmod /lib/$name.ko; done
while [ -b /dev/vda ]; do
  dd if=/dev/vda of=/dev/null bs={READS} count=1 iflag=direct 2>/dev/null
  dd if=/dev/zero of=/dev/vda bs={WRITES} count=1 seek=1 oflag=direct conv=notrunc 2>/dev/null
  sleep 0.2
done
while :; do sleep 3600; done
"""
# Another image is another folder: nobody has to empty the cache.
DIGEST = hashlib.sha256(repr((INIT, PROGRAMS, MODULES)).encode()).hexdigest()[:8]
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "guest" / DIGEST


class GuestImage(Struct, frozen=True):
    """What a guest boots: an uncompressed kernel and an initramfs that writes `READY` to its first serial port."""

    kernel: Path
    initramfs: Path


def guest_image() -> GuestImage:
    """The image of the kernel that Debian offers now; built when the cache does not hold it yet."""
    package = _kernel_package()
    with _locked(CACHE):
        folder = CACHE / package
        if not folder.exists():
            _build(package, folder)
    return GuestImage(folder / "vmlinux", folder / "initramfs.gz")


def _kernel_package() -> str:
    """The real package behind linux-image-cloud-amd64, for example linux-image-6.1.0-44-cloud-amd64."""
    built = sorted(CACHE.glob("linux-image-*"), key=lambda folder: folder.stat().st_mtime)
    if built:
        return built[-1].name
    found = _depends()
    if not found:
        _run("apt-get", "update", "-qq")
        found = _depends()
    if not found:
        raise RuntimeError(
            "apt knows no linux-image-cloud-amd64: check /etc/apt/sources.list, then run `apt-get update`"
        )
    return found


def _depends() -> str:
    """What the package depends on; "" when apt does not know it, which is how it is before the first update."""
    command = ("apt-cache", "depends", "linux-image-cloud-amd64")
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    names = [line.split()[-1] for line in said.splitlines() if "Depends: linux-image-" in line]
    return names[0] if names else ""


def _build(package: str, folder: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="build", dir=CACHE))
    try:
        _kernel(package, work)
        _initramfs(work)
        (work / "done").rename(folder)
    finally:
        shutil.rmtree(work)


def _kernel(package: str, work: Path) -> None:
    """Cut the kernel's lz4 payload out of the packed image; what follows it there ends the stream with an error."""
    (work / "done").mkdir()
    _run("apt-get", "download", "-q", package, "-o", "APT::Sandbox::User=root", folder=work)
    _run("dpkg", "-x", str(next(work.glob("*.deb"))), "root", folder=work)
    packed = next((work / "root" / "boot").glob("vmlinuz-*")).read_bytes()
    payload = packed[packed.index(LZ4_MAGIC) :]
    unpacked = subprocess.run(["lz4", "-d", "-c"], input=payload, capture_output=True, check=False).stdout
    if unpacked[1:4] != b"ELF":
        raise RuntimeError(f"{package}: its kernel does not unpack by lz4 to an ELF image")
    (work / "done" / "vmlinux").write_bytes(unpacked)


def _initramfs(work: Path) -> None:
    root = work / "initramfs"
    for name in ("bin", "dev", "proc", "lib"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    for name in PROGRAMS:
        (root / "bin" / name).symlink_to("busybox")
    for name in MODULES:
        shutil.copy(next((work / "root" / "lib" / "modules").rglob(f"{name}.ko")), root / "lib")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    _run("sh", "-c", "find . | cpio -o -H newc --quiet | gzip -1 >../done/initramfs.gz", folder=root)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
