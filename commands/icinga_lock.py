"""One run at a time for a folder of generated files, and no trace of the runs that were killed."""

import fcntl
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.icinga_folder import MARK
from errors import StateError

PATIENCE = 10.0
"""Seconds that a run waits for another one to end."""

_TEMPORARY = r"\.{name}\.[a-z0-9_]{{8}}(\.old)?"
"""Folders that `commands.icinga_folder` prepares beside the one that they replace: names of `tempfile.mkdtemp`."""
_PAUSE = threading.Event()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While no other run works on this folder, with nothing of earlier runs beside it.

    The lock is a file beside the folder, which stays: who removed it would let two runs hold two locks. Raises
    `StateError` when another run does not end within `PATIENCE`.
    """
    lock = folder.with_name(f".{folder.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(str(lock), f"cannot be written: {error.strerror}") from error
    try:
        _wait(descriptor, folder)
        _sweep(folder)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > end:
                reason = "another run of `enclume icinga config` is at work on it; try again when that one has ended"
                raise StateError(str(folder), reason) from error
        _PAUSE.wait(0.05)


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed left beside the folder, where it holds files of ours alone."""
    temporary = re.compile(_TEMPORARY.format(name=re.escape(folder.name)))
    for path in folder.parent.iterdir():
        if temporary.fullmatch(path.name) and _is_ours(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """A file of a run that was killed while it wrote may be empty."""
    try:
        begins = [_first_bytes(path) for path in folder.iterdir()] if not folder.is_symlink() else [b"?"]
    except OSError:
        return False
    return all(begin in (b"", MARK.encode()) for begin in begins)


def _first_bytes(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        return b"?"
    with path.open("rb") as file:
        return file.read(len(MARK.encode()))
