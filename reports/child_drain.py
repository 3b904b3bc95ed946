"""The drain: from the spool into the history, oldest first, for as long as the intake child lives.

A report leaves the spool only once it is stored, and storing one twice keeps it once: whatever ends the child at
whatever instant, nothing is lost or doubled. A database that is away keeps everything waiting.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

import tenacity
from tenacity import RetryCallState, Retrying

from errors import HistoryError
from facts.puppet import Run
from generation.lock import Lock
from reports.backlog import Backlog
from reports.child_batch import DEADLY, Batch, Keeping, Parse
from reports.child_outbox import Outbox
from reports.child_state import State
from reports.messages import Begin, Forgotten, Spooled
from reports.rejected import Rejected
from reports.spool import put_at

T = TypeVar("T")

_AT_ONCE, _BYTES = 50, 4 << 20
"""Most reports, and bytes of them, that are stored together."""

_GATHER = 0.1
"""Seconds for which reports gather after a batch that was not full: a batch costs as much as many reports."""

_IDLE = 1.0
_HANDOVER = 0.1
_REFRESH = 60.0
"""Seconds after which the last runs are read again: another instance, or an import, may have stored newer ones."""

_PRUNE, _MORE = 60.0, 0.1
"""Seconds after which it is looked again for runs that have become too old; and while there are more, when each step
holds the reports up for some milliseconds.
"""

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
_CAREFUL = 1
"""So many children in a row that ended, and the first reports, as many as a batch holds, are read one by one: the one
that ended the last reader was in its batch, and so is among them."""
_DEADLY = 3
"""So many readers in a row that ended with one report, or ends at all: see `is_deadly` and `may_be_deadly`."""
_SURE = 2
"""So many readers in a row that ended with the same report: more than chance, as where somebody kills them."""


class Archive(Keeping, Protocol):
    """The history as the drain uses it."""

    def last(self, certnames: Collection[str] | None = None) -> Mapping[str, Run]:
        """The last run of every node, or of these, by certname. Raises `HistoryError`."""
        ...

    def prune(self) -> bool:
        """Forget a few of the runs that are too old; whether there may be more. Raises `HistoryError`."""
        ...

    def forget(self, certname: str) -> bool:
        """Forget some of a node's runs, and in the end the node; whether there is more. Raises `HistoryError`."""
        ...


class Drain:
    """Reads one spool into one history, until `stopping` is set; `wake` is set when there may be something new."""

    def __init__(
        self, begin: Begin, outbox: Outbox, state: State, parse: Parse, open_archive: Callable[[], Archive]
    ) -> None:
        self._begin, self._outbox, self._state, self._parse = begin, outbox, state, parse
        self._open_archive = open_archive
        self.stopping, self.wake = threading.Event(), threading.Event()
        self._backlog = Backlog(begin.spool)
        self._rejected = Rejected(Path(begin.spool), begin.rejected_bytes)
        self._lock = Lock(begin.spool)
        self._names: deque[str] = deque()
        self._unwanted: deque[str] = deque()
        self._marked = "", 0
        self._one_by_one = _AT_ONCE if begin.ends >= _CAREFUL else 0
        self._said: dict[str, Run] = {}
        self._refreshed = self._prune_at = self._looked_at = 0.0

    def forget(self, certname: str) -> None:
        """Have the history forget a node, between two batches; from any thread, returns at once."""
        self._unwanted.append(certname)

    def run(self) -> None:
        """Drain."""
        try:
            self._insist("looking into the spool", self._look)
            archive = self._insist("opening the history", self._open_archive)
            self._said = dict(self._insist("reading the last runs", archive.last))
            self._outbox.known(tuple(self._said.values()))
            # At once, so that the verdicts are not made first as if nothing were read.
            self._outbox.say(self._state.lives())
            self._refreshed = time.monotonic()
            self._await_lock(archive)
            if self.stopping.is_set():
                # Then the spool, and the mark in it, may be another reader's.
                return
            self._marked = self._backlog.marked()
            self._avoid_the_deadly()
            self._backlog.mark("")
            while not self.stopping.is_set():
                self._round(archive)
            self._unmark()
        except tenacity.RetryError:
            # It was told to stop while something failed: all stays in the spool.
            self._unmark()
        finally:
            self._lock.release()

    def _unmark(self) -> None:
        """An end that was asked for is no report's fault."""
        if self._state.is_reading:
            with suppress(OSError):
                self._backlog.mark("")

    def _await_lock(self, archive: Archive) -> None:
        """Read the spool once nobody else does: the child of the worker before this one, or of another instance."""
        looked = time.monotonic()
        while not self._lock.try_acquire():
            self._refresh(archive)
            self._forget(archive)
            if self.stopping.wait(_HANDOVER):
                return
            if time.monotonic() > looked + _IDLE:
                self._insist("looking into the spool", self._look)
                looked = time.monotonic()
        self._names.clear()
        self._state.is_reading = True
        self._refreshed = 0.0

    def _round(self, archive: Archive) -> None:
        self.wake.clear()
        self._refresh(archive)
        self._forget(archive)
        if not self._names:
            self._insist("looking into the spool", self._look)
        if self._names:
            self._drain(archive)
        else:
            self.wake.wait(min(_IDLE, max(0.0, self._prune_at - time.monotonic())))
        if time.monotonic() > self._prune_at:
            more = self._insist("forgetting old runs", archive.prune)
            self._prune_at = time.monotonic() + (_MORE if more else _PRUNE)

    def _look(self) -> None:
        self._looked_at = time.time()
        names, waiting = self._backlog.look()
        self._names = deque(names)
        self._note_progress()
        self._outbox.say(Spooled(waiting.count, waiting.bytes))

    def _note_progress(self) -> None:
        self._state.read_until = put_at(self._names[0]) if self._names else self._looked_at

    def _drain(self, archive: Archive) -> None:
        batch = Batch(self._backlog, self._rejected, self._parse)
        careful = self._one_by_one > 0
        for _ in range(1 if careful else _AT_ONCE):
            if not self._names or batch.bytes > _BYTES:
                break
            name = self._names.popleft()
            if careful:
                before, times = self._marked
                self._backlog.mark(name, times + 1 if name == before else 1)
            self._insist("reading a report", lambda name=name: batch.read(name))  # type: ignore[misc]
            if self.stopping.is_set():
                return
        stored = self._insist("storing reports", lambda: batch.store(archive))
        self._insist("removing reports from the spool", batch.remove)
        if careful:
            self._one_by_one -= 1
            self._backlog.mark("")
        self._outbox.say(batch.drained(stored))
        if stored:
            names = {one.report.certname for one in batch.received}
            self._tell(self._insist("reading the last runs", lambda: archive.last(names)))
        self._note_progress()
        if not careful and not self._names:
            self.stopping.wait(_GATHER)

    def _refresh(self, archive: Archive) -> None:
        if time.monotonic() > self._refreshed + _REFRESH:
            self._refreshed = time.monotonic()
            last = self._insist("reading the last runs", archive.last)
            if self._said.keys() - last.keys():
                # Somebody had the history forget a node.
                self._said = dict(last)
                self._outbox.known(tuple(last.values()))
            self._tell(last)

    def _forget(self, archive: Archive) -> None:
        """Take the next small step of forgetting the node that was named first."""
        if not self._unwanted:
            return
        certname = self._unwanted[0]
        self.wake.set()
        if not self._insist("forgetting a node", lambda: archive.forget(certname)):
            self._unwanted.popleft()
            self._said.pop(certname, None)
            self._outbox.say(Forgotten(certname))

    def _tell(self, last: Mapping[str, Run]) -> None:
        """Say which nodes have another last run than was said."""
        newer = [run for certname, run in last.items() if self._said.get(certname) != run]
        self._said |= {run.certname: run for run in newer}
        if newer:
            self._outbox.ran(newer)

    def _avoid_the_deadly(self) -> None:
        """Keep aside the report that ended the readers before this one."""
        name, times = self._marked
        if is_deadly(self._begin.ends, times) and (self._backlog.folder / name).exists():
            batch = Batch(self._backlog, self._rejected, self._parse)
            ended = f"{times} intake children in a row ended while they read or stored it alone"
            self._insist("keeping a report aside", lambda: batch.reject(name, DEADLY, ended, 0))
            self._outbox.say(batch.drained(0))

    def _insist(self, what: str, work: Callable[[], T]) -> T:
        """Do it, again and again where it fails, ever more seldom. Raises `RetryError` once this is to stop."""

        def attempt() -> T:
            with self._state.doing(what):
                return work()

        retrying = Retrying(
            retry=tenacity.retry_if_exception_type((HistoryError, OSError)),
            wait=tenacity.wait_exponential_jitter(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT, jitter=_FIRST_WAIT),
            stop=tenacity.stop_when_event_set(self.stopping),
            sleep=tenacity.sleep_using_event(self.stopping),
            before_sleep=self._failed,
        )
        done = retrying(attempt)
        self._state.problem = ""
        return done

    def _failed(self, call: RetryCallState) -> None:
        error = call.outcome.exception() if call.outcome else None
        why = str(error)
        if isinstance(error, OSError):
            why = f"{error.filename or self._begin.spool}: {error.strerror}; check space and permissions"
        self._state.problem = f"reports of Puppet runs wait in the spool: {why}"


def is_deadly(ends: int, times: int) -> bool:
    """Whether the report with which so many readers in a row ended (`times`) is taken to be why, after so many `ends`
    in a row. An end after a long life is the first of a row, so that a report which takes long before it ends its
    reader never makes for many: then its own count alone says it.
    """
    if ends < _DEADLY:
        return times >= _DEADLY
    return may_be_deadly(ends) and times >= _SURE


def may_be_deadly(ends: int) -> bool:
    """Whether, after so many ends in a row, the report that was read then is taken to be why: after 3, 6, 12, 24, …

    If it was not, as where the database's own library ends every child, only very few are kept aside for nothing.
    """
    times, rest = divmod(ends, _DEADLY)
    return rest == 0 and times.bit_count() == 1
