"""The doctor on reports of Puppet runs: how many wait, and what was kept aside."""

from collections.abc import Iterable
from pathlib import Path

from commands.common import counted, duration
from commands.doctor_checks import Check, bad, ok, warn
from reports import lost
from reports.backlog import Backlog
from reports.entry import decode
from reports.rejected import kept
from reports.source import FOLDER
from reports.spool import REJECTED
from settings import Settings

_LONG = 60.0
_NEARLY = 0.8


def reports(settings: Settings, now: float) -> Iterable[Check]:
    """What is in the spool; nothing is changed there. `now` in seconds since the epoch."""
    folder = Path(settings.state) / FOLDER
    if not folder.is_dir():
        yield ok("reports", "no report of a Puppet run has come yet; docs/puppet-server.md says how they do")
        return
    try:
        yield _waiting(Backlog(folder), settings.reports.spool_bytes, now)
        yield _rejected(folder)
        yield from _lost(folder / REJECTED, settings.reports.rejected_bytes, now)
    except OSError as error:
        yield warn(
            "reports", f"{error.filename} cannot be read ({error.strerror}); run the doctor as the service's user"
        )


def _waiting(backlog: Backlog, most: int, now: float) -> Check:
    names, waiting = backlog.look(tidy=False)
    many = f"{counted(waiting.count, 'report')} of Puppet runs to be read"
    if not names:
        return ok("reports", "no report of a Puppet run waits to be read")
    age = now - _came(backlog.folder / names[0], now)
    told = f"{many} ({waiting.bytes >> 20} MB), waiting for {duration(age)}"
    if waiting.bytes > _NEARLY * most:
        return bad("reports", f"{told}: they are refused beyond reports.spool_bytes ({most >> 20} MB); {_ADVICE}")
    return warn("reports", f"{told}: {_ADVICE}") if age > _LONG else ok("reports", told)


_ADVICE = "look whether the service runs, and what it says of the history's database"


def _came(path: Path, otherwise: float) -> float:
    try:
        return decode(path.read_bytes()).received
    except (FileNotFoundError, ValueError):
        return otherwise


def _rejected(folder: Path) -> Check:
    found = list(kept(folder))
    if not found:
        return ok("reports", "no report was kept aside")
    newest = found[-1]
    many, size = counted(len(found), "report"), sum(one.bytes for one in found) >> 10
    reason = newest.reason or lost.UNKNOWN
    return warn(
        "reports",
        f"{many} made no sense, kept aside ({size} kB); the newest is {newest.path}: {reason}; look at them, then "
        "remove them, or move them back into the spool to have them read again",
    )


def _lost(folder: Path, most: int, now: float) -> Iterable[Check]:
    """What had to go, until somebody says that it is known."""
    found = lost.read(folder)
    if found is None:
        return
    many, whose = counted(found.count, "report"), found.certname or "an unknown node"
    yield warn(
        "reports",
        f"{many} that made no sense were removed in the last {duration(now - found.since)}, because those kept aside "
        f"reached {most >> 20} MB; the last, {duration(now - found.at)} ago, was of {whose}: "
        f"{found.reason or lost.UNKNOWN}; mend what sends them, or raise reports.rejected_bytes, "
        f"then remove {folder / lost.NAME}",
    )
