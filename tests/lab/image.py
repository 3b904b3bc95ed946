"""What the nodes of the virtual lab boot, made once per state of the scripts and kept in the project's `.cache/`."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct

from tests.live.kernel import CACHE, Kernel, debian_kernel, locked

SCRIPTS = Path(__file__).parent / "node"
# Whoever ends the tests, and however, ends what is started by this too.
BOUND = ("setpriv", "--pdeathsig", "KILL", "--")
# What a build starts and mounts ends with its first process.
APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")


class NodeImage(Struct, frozen=True):
    """A kernel, an initramfs, the root file system that all nodes start from, and the keys for their ssh."""

    kernel: Path
    folder: Path

    @property
    def initramfs(self) -> Path:
        return self.folder / "initramfs.gz"

    @property
    def root(self) -> Path:
        return self.folder / "root.ext4"

    @property
    def key(self) -> Path:
        """The private key that root of each node accepts."""
        return self.folder / "id"

    @property
    def known_hosts(self) -> Path:
        """The key of every node, under the name "node"."""
        return self.folder / "known_hosts"


def node_image() -> NodeImage:
    """The image; built (about 35 s) when the scripts have changed or the cache is empty."""
    kernel = debian_kernel()
    cache = CACHE / "lab"
    folder = cache / f"image-{_digest(kernel)}"
    with locked(cache):
        if not folder.exists():
            for old in (*cache.glob("image-*"), *cache.glob("build-*")):
                shutil.rmtree(old)
            _build(kernel, folder)
    return NodeImage(kernel.image, folder)


def _digest(kernel: Kernel) -> str:
    """Of everything that an image is made of, but for the versions of Debian's packages."""
    digest = hashlib.sha256(kernel.package.encode())
    for script in sorted(SCRIPTS.iterdir()):
        digest.update(script.name.encode() + b"\0" + script.read_bytes())
    return digest.hexdigest()[:16]


def _build(kernel: Kernel, folder: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="build-", dir=folder.parent))
    log = folder.parent / "build.log"
    command = [str(SCRIPTS / "build"), str(kernel.modules), str(work)]
    try:
        with log.open("w") as said:
            done = subprocess.run([*BOUND, *APART, *command], stdout=said, stderr=said, check=False)
        if done.returncode:
            raise RuntimeError(f"no node image: {' '.join(command)}: {log.read_text()[-2000:]}")
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
