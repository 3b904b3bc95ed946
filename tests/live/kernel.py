"""Debian's cloud kernel for guests under emulation: an ELF image, which starts in half the time of the packed one.

Fetched once (a few seconds) into the project's `.cache/` folder, safely from several test workers at a time.
"""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

CACHE = Path(__file__).resolve().parents[2] / ".cache"
LZ4_MAGIC = b"\x02\x21\x4c\x18"


class Kernel(Struct, frozen=True):
    """`package` is its Debian package, `image` the unpacked kernel, `modules` what Debian has as /lib/modules."""

    package: str
    image: Path
    modules: Path


def debian_kernel() -> Kernel:
    """The kernel in the cache; when there is none, the one that Debian offers now."""
    cache = CACHE / "kernel"
    with locked(cache):
        kept = sorted(cache.glob("linux-image-*"), key=lambda folder: folder.stat().st_mtime)
        package = kept[-1].name if kept else _offered()
        folder = cache / package
        if not kept:
            _fetch(package, folder)
    return Kernel(package, folder / "vmlinux", folder / "modules")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder for this process alone, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*command: str, folder: Path | None = None) -> str:
    """A command's output; an error says what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _offered() -> str:
    """The real package behind linux-image-cloud-amd64, for example linux-image-6.1.0-44-cloud-amd64."""
    found = _depends()
    if not found:
        run("apt-get", "update", "-qq")
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


def _fetch(package: str, folder: Path) -> None:
    """Cut the kernel's lz4 payload out of the packed image; what follows it there ends the stream with an error."""
    work = Path(tempfile.mkdtemp(prefix="fetch", dir=folder.parent))
    try:
        run("apt-get", "download", "-q", package, "-o", "APT::Sandbox::User=root", folder=work)
        run("dpkg", "-x", str(next(work.glob("*.deb"))), "root", folder=work)
        packed = next((work / "root" / "boot").glob("vmlinuz-*")).read_bytes()
        payload = packed[packed.index(LZ4_MAGIC) :]
        unpacked = subprocess.run(["lz4", "-d", "-c"], input=payload, capture_output=True, check=False).stdout
        if unpacked[1:4] != b"ELF":
            raise RuntimeError(f"{package}: its kernel does not unpack by lz4 to an ELF image")
        done = work / "done"
        done.mkdir()
        (done / "vmlinux").write_bytes(unpacked)
        (work / "root" / "lib" / "modules").rename(done / "modules")
        done.rename(folder)
    finally:
        shutil.rmtree(work)
