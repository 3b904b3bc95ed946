"""The tiny Linux that test guests boot: Debian's cloud kernel and an initramfs of busybox alone.

A guest with a virtio disk reads `READS` bytes of it and writes `WRITES` (the second block of that size), five times a
second at most, for as long as it runs.

Built once under the project's `.cache/` folder (about a second), safely from several test workers at a time.
"""

import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from tests.live.kernel import CACHE, Kernel, debian_kernel, locked, run

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


class GuestImage(Struct, frozen=True):
    """What a guest boots: an uncompressed kernel and an initramfs that writes `READY` to its first serial port."""

    kernel: Path
    initramfs: Path


def guest_image() -> GuestImage:
    """The kernel and its initramfs; what the cache does not hold yet is made."""
    kernel = debian_kernel()
    digest = sha256(repr((kernel.package, INIT, PROGRAMS, MODULES)).encode()).hexdigest()[:16]
    initramfs = CACHE / "guest" / f"initramfs-{digest}.gz"
    with locked(initramfs.parent):
        if not initramfs.exists():
            _build(initramfs, kernel)
    return GuestImage(kernel.image, initramfs)


def _build(initramfs: Path, kernel: Kernel) -> None:
    work = Path(tempfile.mkdtemp(prefix="build", dir=initramfs.parent))
    try:
        root = work / "initramfs"
        for name in ("bin", "dev", "proc", "lib"):
            (root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin" / "busybox")
        for name in PROGRAMS:
            (root / "bin" / name).symlink_to("busybox")
        for name in MODULES:
            shutil.copy(next(kernel.modules.rglob(f"{name}.ko")), root / "lib")
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        run("sh", "-c", "find . | cpio -o -H newc --quiet | gzip -1 >../done.gz", folder=root)
        (work / "done.gz").rename(initramfs)
    finally:
        shutil.rmtree(work)
