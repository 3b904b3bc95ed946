"""A disk that is soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.live.postgresql import PostgreSQL


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
