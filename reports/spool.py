"""The spool: a folder in which each report is safe before it is acknowledged, a file for each.

`put` writes a report under a temporary name, has the disk keep it, renames it, and has the disk keep its name: whatever
ends this process at whatever instant, a report has its name only once it is whole. Whoever reads the spool (the
`intake` child, an administrator) removes a report by removing its file.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from errors import SpoolError
from reports.entry import Entry, Form, encode
from reports.report import Place

ENDING = ".report"
UNFINISHED = ".new"
REJECTED = "rejected"
"""The folder in it of what could not be read."""

BLOCK = 4096
"""Bytes that even the smallest file takes from a disk."""

_RESERVE, _SHARE = 64 << 20, 16
"""Bytes of its file system, or this share of a small one, that the spool leaves free."""

_HANGS = 1.0
"""Seconds after which a disk that has not kept a report does not answer."""


class Waiting(Struct, frozen=True):
    """How many reports wait to be read, and how many bytes of the disk they take."""

    count: int = 0
    bytes: int = 0


class Spool:
    """The spool's side that writes. Safe for all threads; several processes may write to one folder.

    `at_once`: so many threads may wait for a disk that hangs; more are refused, so that others are left to answer. That
    it hangs is known late, when every thread may wait already: so a quarter more than these is the most at any time.
    """

    def __init__(self, folder: str | os.PathLike[str], most: int, at_once: int) -> None:
        """`most`: bytes of reports that may wait."""
        self.folder = Path(folder)
        self._most, self._at_once = most, max(1, at_once)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._writing: dict[int, float] = {}
        self._waiting = Waiting()
        self.problem = ""
        """Why the last report was refused; "" when it was not."""

    @property
    def waiting(self) -> Waiting:
        """What waits, as far as this process knows."""
        return self._waiting

    def counted(self) -> int:
        """How many reports wait in the folder at this instant: `waiting` may be off by those that come meanwhile."""
        try:
            return sum(name.endswith(ENDING) for name in os.listdir(self.folder))  # noqa: PTH208 - names alone
        except OSError:
            return self._waiting.count

    def told(self, waiting: Waiting) -> None:
        """Whoever reads the spool has looked: so much waits."""
        with self._lock:
            self._waiting = waiting

    def removed(self, count: int, size: int) -> None:
        """So many reports of so many bytes were read and removed."""
        with self._lock:
            left = self._waiting
            self._waiting = Waiting(max(0, left.count - count), max(0, left.bytes - size))

    def put(self, body: bytes, form: Form, received: float, place: Place) -> None:
        """Have a report safe on disk. Raises `SpoolError` when it is not, and a report that is refused leaves nothing.

        `received` in seconds since the epoch.
        """
        try:
            with self._turn() as number:
                self._put(Entry(body, form, received, place), number)
        except SpoolError as error:
            self.problem = f"the last report of a Puppet run was refused: {error}"
            raise
        self.problem = ""

    def _put(self, entry: Entry, number: int) -> None:
        pieces = encode(entry)
        size = on_disk(sum(map(len, pieces)))
        if self._waiting.bytes + size > self._most:
            raise SpoolError(_full(self._waiting, self._most))
        name = f"{time.time_ns():019d}-{os.getpid()}-{number}{ENDING}"
        path, temporary = f"{self.folder}/{name}", f"{self.folder}/.{name}{UNFINISHED}"
        try:
            self._check_room(size)
            self._write(temporary, b"".join(pieces))
            os.rename(temporary, path)  # noqa: PTH104 - a Path for each costs more than the rename
            _sync(self.folder)
        except OSError as error:
            for left in (temporary, path):
                with contextlib.suppress(OSError):
                    os.unlink(left)  # noqa: PTH108
            reason = f"{self.folder} cannot be written: {error.strerror}; check space and permissions"
            raise SpoolError(reason) from error
        with self._lock:
            self._waiting = Waiting(self._waiting.count + 1, self._waiting.bytes + size)

    def _check_room(self, size: int) -> None:
        """Leave the history, which is on the same disk by default, what it needs to take in the reports that wait: else
        a disk that they have filled would stay full. What other threads write just now may still go into it. The folder
        is there then.
        """
        try:
            disk = os.statvfs(self.folder)
        except FileNotFoundError:
            self._make_folder()
            disk = os.statvfs(self.folder)
        reserve = min(_RESERVE, disk.f_blocks * disk.f_frsize // _SHARE)
        # A file system without a size, in memory, has no free bytes to tell of either.
        if reserve and disk.f_bavail * disk.f_frsize - size < reserve:
            raise SpoolError(_scarce(self.folder, reserve))

    def _write(self, path: str, text: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        # Puppet hides what is Sensitive, but not every module says what is: a report is nobody else's to read.
        descriptor = os.open(path, flags, 0o640)
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        _sync(self.folder.parent)

    @property
    def hangs(self) -> bool:
        """Whether the disk has not kept a report for too long."""
        now = time.monotonic()
        return min(list(self._writing.values()), default=now) < now - _HANGS

    @contextlib.contextmanager
    def _turn(self) -> Iterator[int]:
        """Write now, unless too many already wait for a disk that hangs."""
        number = next(self._numbers)
        with self._lock:
            writing = len(self._writing)
            if writing >= self._at_once and self.hangs:
                reason = f"{self.folder}: the disk has not kept a report for {_HANGS:g} s: send this one again"
                raise SpoolError(reason, is_busy=True)
            if writing >= self._at_once + self._at_once // 4:
                reason = f"{self.folder}: {writing} reports are being written to the disk: send this one again"
                raise SpoolError(reason, is_busy=True)
            self._writing[number] = time.monotonic()
        try:
            yield number
        finally:
            with self._lock:
                del self._writing[number]


def put_at(name: str) -> float:
    """When the report of this name came (seconds since the epoch); 0 where the name, that of no writer here, says
    nothing of it.
    """
    number = name.partition("-")[0]
    return int(number) / 1e9 if number.isascii() and number.isdigit() else 0.0


def on_disk(size: int) -> int:
    """The bytes that a file of this size takes from a disk."""
    return -(-size // BLOCK) * BLOCK


def _full(waiting: Waiting, most: int) -> str:
    return (
        f"{waiting.count} reports already wait to be read ({waiting.bytes >> 20} MiB of reports.spool_bytes, {most}): "
        "look at the intake and at its database with `enclume doctor`"
    )


def _scarce(folder: Path, reserve: int) -> str:
    return (
        f"{folder}: the last {reserve >> 10} KiB of its disk are left free, for the history that takes in what waits: "
        "make room on this disk, and look at the intake and at its database with `enclume doctor`"
    )


def _sync(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
