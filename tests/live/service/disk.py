"""A disk that is soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.live.postgresql import PostgreSQL
from tests.live.service.running import Service
from tests.live.service.test_reports_killed import NOBODY
from tests.waiting import until


@contextmanager
def tiny_disk(folder: Path, kilobytes: int = 256) -> Iterator[list[str]]:
    """A small disk on a folder; the command that runs something where it is mounted."""
    script = f"mount -t tmpfs -o size={kilobytes}k,mode=0755 tmpfs {folder} && echo mounted && exec cat"
    keeper = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        assert keeper.stdout.readline() == "mounted\n"
        yield ["nsenter", f"--mount=/proc/{keeper.pid}/ns/mnt", f"--wd={folder}", "--"]
    finally:
        keeper.stdin.close()
        keeper.wait(10)
        keeper.stdout.close()


@contextmanager
def service_on_disk(state: Path, kilobytes: int, **settings: Any) -> Iterator[Service]:
    """A service whose state folder is such a disk, once it lives; it needs no directory."""
    with tiny_disk(state, kilobytes) as within:
        service = Service({**NOBODY, "state": str(state), **settings}, within=within)
        try:
            service.start()
            until(lambda: service.status("/health/live") == 200, 20, "the service")
            yield service
        finally:
            service.close()


def inside(service: Service, state: Path) -> Path:
    """The state folder as the service sees it, until it is started anew."""
    return Path(f"/proc/{service.process.pid}/root{state}")


def fill(path: Path) -> None:
    """Write until there is no space left."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 512)


@contextmanager
def tiny_disk_of(server: PostgreSQL, part: str, kilobytes: int) -> Iterator[list[str]]:
    """A small disk under a part (a folder in its data) of a server that does not run, from then on; the command that
    runs something there.
    """
    folder, before = server.folder / "data" / part, server.folder / "data" / f"{part}.before"
    folder.rename(before)
    folder.mkdir()
    with tiny_disk(folder, kilobytes) as within:
        subprocess.run([*within, "cp", "-a", f"{before}/.", str(folder)], check=True)
        server.within = within
        yield within
