"""The demonstration's folder: everything that it writes stands there, and goes away with it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.outcome import Misused

LOCK = "demonstration.lock"


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Make the folder, keep others out of it, and remove it at the end with all that it holds.

    What an earlier demonstration left there, having been killed, is removed first. Raises `Misused` for a folder that
    is somebody else's, or where another demonstration runs.
    """
    if path.exists() and not path.is_dir():
        raise Misused(f"{path} is no folder: name another with --folder")
    ours = not path.exists() or (path / LOCK).exists()
    if not ours and any(path.iterdir()):
        raise Misused(f"{path} holds other things than a demonstration: name another with --folder")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = _lock(path)
    except OSError as error:
        raise Misused(f"{path} cannot be written ({error.strerror}): name another with --folder") from error
    try:
        _clear(path)
        yield path
    finally:
        _clear(path)
        (path / LOCK).unlink(missing_ok=True)
        os.close(descriptor)
        if ours:
            path.rmdir()


def _lock(path: Path) -> int:
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Misused(f"another demonstration runs in {path}: end it, or name another folder with --folder") from None
    return descriptor


def _clear(path: Path) -> None:
    for inside in path.iterdir():
        if inside.name == LOCK:
            continue
        if inside.is_dir() and not inside.is_symlink():
            shutil.rmtree(inside)
        else:
            inside.unlink()
