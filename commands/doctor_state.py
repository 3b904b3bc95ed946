"""The doctor on the state folder: whether it can be written, has room, is whole, and is held by one service."""

import fcntl
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from commands.doctor_checks import Check, bad, ok, warn
from commands.looking import ReadOnlyShelf
from facts import keep
from generation import keep as generation_keep

_ROOM = 100 * 1024 * 1024


def state(folder: str) -> Iterable[Check]:
    """Everything about the state folder; nothing is written in it."""
    path = Path(folder)
    if not path.is_dir():
        advice = "the service makes it when its user may; else: install -d -o USER -m 0750 it"
        yield (warn if os.access(path.parent, os.W_OK) else bad)("state", f"{path} is not there yet; {advice}")
        return
    yield _writable(path)
    yield _room(path)
    yield _held(path)
    yield from _files(path)


def _writable(path: Path) -> Check:
    if os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return ok("state", f"{path} can be written by this user")
    return warn("state", f"{path} cannot be written by this user; run the doctor as the service's user to be sure")


def _room(path: Path) -> Check:
    free = shutil.disk_usage(path).free
    megabytes = f"{free // 2**20} MB"
    if free >= _ROOM:
        return ok("state", f"{path} has {megabytes} left")
    return bad("state", f"{path} has only {megabytes} left; make room, or nothing outlives a restart")


def _held(path: Path) -> Check:
    """Whether somebody builds there now."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ok("state", "no service has worked there yet")
    except OSError as error:
        return warn("state", f"{path / 'lock'} cannot be read ({error.strerror})")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return ok("state", "a service works there")
    finally:
        os.close(descriptor)
    return warn("state", "no service works there now; start it: systemctl start enclume")


def _files(path: Path) -> Iterable[Check]:
    shelf = ReadOnlyShelf(path)
    keep.restore(shelf)
    generation_keep.restore(shelf)
    for sentence in shelf.set_aside:
        yield bad("state", f"{sentence}; it will be written anew, remove it if it stays")
    for aside in sorted(path.glob("*.unreadable")):
        yield warn("state", f"{aside} could not be read and was set aside; look at it, then remove it")
    if not shelf.set_aside:
        yield ok("state", "every file there can be read")
