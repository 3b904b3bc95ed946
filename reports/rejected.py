"""Reports that make no sense, kept aside with their reason beside them, for whoever looks; never read again.

`SPOOL/rejected/NAME.report` is the report as it waited, `NAME.reason` a sentence. The oldest go when all of them are
larger than `reports.rejected_bytes`: a tenth at once, so that a flood of them does not have the folder listed for each.
That is told: `reports/lost.py`.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from facts.certname import is_certname
from reports import lost
from reports.entry import decode
from reports.lost import Lost
from reports.spool import ENDING, REJECTED, on_disk
from reports.whose import host_of

REASON = ".reason"
_LONGEST = 2000
_AT_ONCE = 1000


class Reject(Struct, frozen=True):
    """A report that was kept aside, its bytes on the disk, and why ("" where that cannot be read)."""

    path: Path
    bytes: int
    reason: str


class Rejected:
    """The folder of what was kept aside."""

    def __init__(self, spool: Path, most: int) -> None:
        """`most`: bytes that they may take."""
        self._folder, self._most = spool / REJECTED, most
        self._total: int | None = None

    def keep(self, path: Path, reason: str) -> list[Lost]:
        """Move a report out of the spool; those that had to go for it. Raises `OSError`; needs no room but for its
        reason, which may be lost.
        """
        self._folder.mkdir(mode=0o750, exist_ok=True)
        with contextlib.suppress(OSError):
            (self._folder / path.with_suffix(REASON).name).write_text(f"{reason[:_LONGEST]}\n", "utf-8", "replace")
        size = on_disk(_size(path))
        with contextlib.suppress(FileNotFoundError):
            path.rename(self._folder / path.name)
        if self._total is not None:
            self._total += size
        return self._bound() if self._total is None or self._total > self._most else []

    def _bound(self) -> list[Lost]:
        """Remove the oldest where all of them are too large; of very many, some now and some with the next one."""
        kept = [(path, on_disk(_size(path))) for path in paths(self._folder)]
        total = sum(size for _, size in kept)
        most = self._most if total <= self._most else self._most - self._most // 10
        going: list[Path] = []
        for path, size in kept:
            if total <= most or len(going) == _AT_ONCE:
                break
            going.append(path)
            total -= size
        gone = [Lost(_host(path), _reason(path)) for path in going]
        if gone:
            lost.note(self._folder, gone, time.time())
        for path in going:
            path.unlink(missing_ok=True)
            path.with_suffix(REASON).unlink(missing_ok=True)
        self._total = total
        return gone


def paths(folder: Path) -> list[Path]:
    """The reports in a folder, oldest first; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(ENDING) and path.name[0] != ".")
    except FileNotFoundError:
        return []


def kept(spool: Path) -> Iterator[Reject]:
    """What was kept aside of a spool, oldest first. Raises `OSError`."""
    for path in paths(spool / REJECTED):
        yield Reject(path, _size(path), _reason(path))


def _reason(path: Path) -> str:
    """Why it was kept aside, "" where nobody can read that: it keeps neither a report nor its end waiting."""
    try:
        return path.with_suffix(REASON).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _host(path: Path) -> str:
    """Whose it is, "" where it is damaged or does not say."""
    try:
        entry = decode(path.read_bytes())
    except (OSError, ValueError):
        return ""
    host = host_of(entry.body, entry.form)
    return host if is_certname(host) else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
