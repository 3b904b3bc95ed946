"""Reports of Puppet runs as the service has them: taken into the spool, and what the intake child says came of them."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from audit.words import counted
from facts.puppet import Run
from reports.children import IntakeChild
from reports.entry import Form
from reports.looks import Looks
from reports.messages import Begin, Drained, Forgotten, Known, Lives, Message, Ran, Spooled
from reports.report import Place
from reports.spool import Spool, Waiting
from settings import Settings

_LOG = logging.getLogger("enclume.intake")

FOLDER = "spool"
_PAUSE = 1.0
_BEHIND = 10.0
"""Seconds for which reports may wait to be read, or nothing be read, before it counts: a batch takes a moment, and a
database that is held for a moment is none that is away.
"""


class ReportSource:
    """Takes reports, and knows the last run of each node. The database is never opened in this process.

    `noticed` is called when runs or problems are not as they were, `rejected` with reasons and counts of reports that
    made no sense. Neither may block.
    """

    def __init__(self, settings: Settings) -> None:
        folder = f"{settings.state}/{FOLDER}"
        self.spool = Spool(folder, settings.reports.spool_bytes, settings.limits.threads // 2)
        kept = settings.reports
        begin = Begin(folder, settings.database_url, kept.keep_days, kept.rejected_bytes)
        self._child = IntakeChild(begin, self._receive, self._troubled)
        self._looks = Looks(self._child.look)
        self._runs: Mapping[str, Run] = {}
        self._kept: Mapping[str, Run] = {}
        self._coming: dict[str, Run] = {}
        self._forgotten: dict[str, threading.Event] = {}
        self._is_known = self._has_taken = self._is_news = False
        self._noticed_at = self._read_at = 0.0
        self._was_unread = True
        self._trouble = self._problem = ""
        self.is_reading = False
        self.noticed: Callable[[], None] = lambda: None
        self.rejected: Callable[[Mapping[str, int]], None] = lambda _: None

    @property
    def pid(self) -> int | None:
        """The child's process number while there is one."""
        return self._child.pid

    @property
    def runs(self) -> Mapping[str, Run]:
        """The last run of each node that ever reported, by certname; a mapping that never changes. Until it is known
        what the history holds, those that were kept over the restart.
        """
        return self._runs if self._is_known else self._kept

    @property
    def is_known(self) -> bool:
        """Whether it is known what the history holds."""
        return self._is_known

    @property
    def reporting(self) -> bool:
        """Whether a node without a run has none: reports have come here, as far as that is known."""
        return bool(self.runs) or (self._is_known and self._has_taken)

    @property
    def read_at(self) -> float:
        """Reports that came before this are in what is known (seconds since the epoch, 0: nothing was read yet)."""
        return self._read_at

    @property
    def unread(self) -> str:
        """Why a node may have run though no such run is known; "" while that cannot be."""
        if self._is_known and time.time() - self._read_at <= _BEHIND:
            return ""
        unread = "the history of Puppet runs"
        if self._is_known:
            unread = f"what waits in the spool ({counted(self.spool.waiting.count, 'report')})"
        return "; ".join(self.problems) or f"{unread} has not been read yet: look at the service's log if that lasts"

    @property
    def problems(self) -> tuple[str, ...]:
        """What goes wrong here now."""
        found = (self._trouble, self._problem, self.spool.problem)
        return tuple(dict.fromkeys(one for one in found if one))

    def start(self) -> None:
        """Begin to read what waits; returns at once."""
        self._child.start()

    def restore(self, kept: Mapping[str, Run]) -> None:
        """These were the last runs before a restart: they stand in for the history until that is read."""
        self._kept = kept

    def stop(self) -> None:
        """End the child; what waits stays in the spool."""
        self._child.stop()

    def take(self, body: bytes, form: Form, received: float, place: Place) -> None:
        """Have a report safe on disk. Raises `SpoolError` when it is not. `received` in seconds since the epoch."""
        refused = self.spool.problem
        try:
            self.spool.put(body, form, received, place)
        finally:
            if self.spool.problem != refused:
                self.noticed()
        self._has_taken = True
        self._looks.wanted()

    def forget(self, certname: str, patience: float) -> bool:
        """Have the history forget a node; whether that was done within so many seconds. One at a time."""
        done = self._forgotten[certname] = threading.Event()
        try:
            self._child.forget(certname)
            return done.wait(patience)
        finally:
            del self._forgotten[certname]

    def _receive(self, message: Message) -> None:
        match message:
            case Lives():
                self._lives(message)
            case Spooled(count=count, bytes=size):
                self.spool.told(Waiting(count, size))
                self._looks.done()
            case Drained():
                self._drained(message)
            case Known():
                self._known(message)
            case Ran(runs=runs):
                self._take_runs({**self._runs, **self._same(runs)})
            case Forgotten(certname=certname):
                self._forget(certname)

    def _lives(self, message: Lives) -> None:
        self.is_reading = message.is_reading
        if message.problem != self._problem:
            if message.problem:
                _LOG.error("%s", message.problem)
            self._problem = message.problem
            self.noticed()
        self._trouble = ""
        if self._is_known and not self.problems:
            # One that somebody put back into the spool came long ago.
            self._read_at = min(max(self._read_at, message.read_until), time.time())
        is_unread = bool(self.unread)
        self._is_news |= is_unread != self._was_unread
        self._was_unread = is_unread
        self._notice_news()

    def _drained(self, message: Drained) -> None:
        self.spool.removed(message.count, message.bytes)
        for sentence in message.sentences:
            _LOG.warning("a report was kept aside in %s/rejected: %s", self.spool.folder, sentence)
        for sentence in message.lost:
            _LOG.error("reports.rejected_bytes are full: removed from %s/rejected: %s", self.spool.folder, sentence)
        if message.rejected:
            self.rejected(message.rejected)

    def _known(self, message: Known) -> None:
        self._coming |= self._same(message.runs)
        if message.is_whole:
            coming, self._coming = self._coming, {}
            # Nobody may see that it is known and nothing in it.
            self._runs, self._is_known = coming, True
            self._take_runs(coming)

    def _forget(self, certname: str) -> None:
        self._take_runs({name: run for name, run in self._runs.items() if name != certname})
        if done := self._forgotten.get(certname):
            done.set()

    def _same(self, runs: tuple[Run, ...]) -> dict[str, Run]:
        """Runs by their node; one that is known is the object that is known."""
        known = self.runs
        return {run.certname: one if (one := known.get(run.certname)) == run else run for run in runs}

    def _take_runs(self, runs: Mapping[str, Run]) -> None:
        """Take these; at most about once a second it is noticed: ten thousand nodes run all the time."""
        self._runs, self._is_news = runs, True
        if time.monotonic() > self._noticed_at + _PAUSE:
            self._notice_news()

    def _notice_news(self) -> None:
        if self._is_news:
            self._is_news, self._noticed_at = False, time.monotonic()
            self.noticed()

    def _troubled(self, reason: str) -> None:
        self._trouble = f"{reason}; reports of Puppet runs wait in the spool until then"
        self._coming = {}
        self.noticed()
