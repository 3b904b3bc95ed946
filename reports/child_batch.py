"""One batch of reports on its way from the spool into the history."""

import errno
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from errors import HistoryError, ReportError
from reports.backlog import Backlog
from reports.entry import Form
from reports.lost import Lost, sentences
from reports.messages import Drained
from reports.rejected import Rejected
from reports.report import Received, Report

DAMAGED, UNREADABLE, UNSTORABLE, DEADLY, LOST = (
    "damaged in the spool",
    "cannot be read",
    "cannot be stored",
    "ends the intake",
    "lost",
)
"""The reasons for which a report is kept aside, and what becomes of the oldest of those where they are too many."""

_SENTENCES = 3
_OF_THE_FILE = {errno.EIO, errno.EACCES, errno.EPERM}
"""What is wrong with one file, and not with the disk or with this process: no other report waits for it."""

Parse = Callable[[bytes, Form], Report]


class Keeping(Protocol):
    """Where reports are kept: `reports.history.History`."""

    def store(self, received: Sequence[Received]) -> int:
        """Keep them, and say how many are new. Raises `HistoryError`."""
        ...


class Batch:
    """Reads reports, stores them together, and takes out of the spool what was stored or makes no sense."""

    def __init__(self, backlog: Backlog, rejected: Rejected, parse: Parse) -> None:
        self._backlog, self._rejected, self._parse = backlog, rejected, parse
        self._read: dict[str, tuple[Received, int]] = {}
        self._gone: list[int] = []
        self._reasons: Counter[str] = Counter()
        self._sentences: list[str] = []
        self._lost: list[Lost] = []
        self.bytes = 0

    @property
    def received(self) -> list[Received]:
        """What was read and can be stored."""
        return [received for received, _ in self._read.values()]

    def read(self, name: str) -> None:
        """Read one more; what makes no sense, or cannot be read at all, is kept aside at once. Raises `OSError`."""
        try:
            found = self._backlog.read(name)
        except ValueError as error:
            self.reject(name, DAMAGED, str(error), 0)
            return
        except OSError as error:
            if error.errno not in _OF_THE_FILE:
                raise
            self.reject(name, DAMAGED, f"cannot be opened or read: {error.strerror}", 0)
            return
        if found is None:
            return
        entry, size = found
        try:
            report = self._parse(entry.body, entry.form)
        except ReportError as error:
            self.reject(name, UNREADABLE, str(error), size)
        except Exception as error:  # noqa: BLE001 - whatever one report does to its reader, the others are read
            self.reject(name, UNREADABLE, f"reading it failed: {type(error).__name__}: {error}", size)
        else:
            self._read[name] = Received(report, entry.received, entry.place), size
            self.bytes += size

    def reject(self, name: str, reason: str, sentence: str, size: int) -> None:
        """Keep a report aside. Raises `OSError`."""
        lost = self._rejected.keep(self._backlog.folder / name, f"{reason}: {sentence}")
        self._lost += lost
        self._reasons += Counter({reason: 1, LOST: len(lost)})
        self._gone.append(size)
        if len(self._sentences) < _SENTENCES:
            self._sentences.append(f"{name} {reason}: {sentence}")

    def store(self, history: Keeping) -> int:
        """Store what was read; how many are new. What the history refuses for its content is kept aside. Raises
        `HistoryError` for all that is no report's fault, and then everything stays as it is.
        """
        if not self._read:
            return 0
        try:
            return history.store(self.received)
        except HistoryError as error:
            if error.kind != "data":
                raise
        return sum(self._store_alone(name, history) for name in list(self._read))

    def _store_alone(self, name: str, history: Keeping) -> int:
        try:
            return history.store([self._read[name][0]])
        except HistoryError as error:
            if error.kind != "data":
                raise
            _, size = self._read.pop(name)
            self.reject(name, UNSTORABLE, error.reason, size)
            return 0

    def remove(self) -> None:
        """Take what was stored out of the spool. Raises `OSError`."""
        for name, (_, size) in self._read.items():
            self._backlog.remove(name)
            self._gone.append(size)

    def drained(self, stored: int) -> Drained:
        """What became of it."""
        said = tuple(self._sentences)
        return Drained(len(self._gone), sum(self._gone), stored, dict(self._reasons), said, sentences(self._lost))
