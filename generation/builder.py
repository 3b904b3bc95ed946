"""The builder: one thread that turns what the sources saw into what is served.

It waits for changes, joins and classifies once, lets the guard look, and swaps one value. A failing build keeps the
last value, is counted and is said.
"""

import gc
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from msgspec.structs import replace

from enc.rules import Rules
from enc.topology import define
from errors import SourceError
from facts.directory.entries import Directory
from facts.directory.meaning import EMPTY, Meaning, understand
from facts.estate import Remembered
from facts.facter.book import FactBook
from facts.garbage import uncollected
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.join import Joined, Seen, join
from facts.source import Code, SourceKey
from facts.targets import targets_of
from facts.upkeep import Upkeep
from generation.build import approve, build, classify_all
from generation.generation import NONE, Generation
from generation.lock import Lock
from generation.now import Now, now
from generation.shelving import Shelving
from settings import Settings

_LOG = logging.getLogger("enclume.builder")
_TIMES_EVERY = 10.0
_HANDOVER = 10.0
"""Seconds that the worker before us, told to end by a reload, may take to answer, to write and to leave the folder."""
_REST = 0.001


class Builder:
    """Builds and swaps `now`. `heartbeat` is the monotonic time of its last sign of life; `rests` is set while it does
    not build.

    `watch` is told which hypervisors to read whenever that changes; `swapped` is called after `now` was replaced, and
    after a build that failed, `taken_over` once another instance has left the state folder to this one; `shelving`
    keeps that folder; `facts` are what nodes say of themselves; `problems` are sentences about what goes wrong here.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        upkeep: Upkeep,
        watch: Callable[[tuple[HypervisorTarget, ...]], None],
        handover: float = _HANDOVER,
        *,
        facts: FactBook | None = None,
    ) -> None:
        self.settings, self.rules, self.upkeep = settings, rules, upkeep
        self.heartbeat = time.monotonic()
        self.failed_builds = 0
        self._watch = watch
        self._facts = facts or FactBook()
        self.shelving = Shelving(settings.state)
        self._lock = Lock(settings.state)
        self._problem = ""
        self.refused_settings = ""
        self._waiting_for_lock = False
        self._handover = handover
        self._meaning: Meaning = EMPTY
        self._remembered: Mapping[str, Remembered] = {}
        self._joined: Joined | None = None
        self._targets: tuple[HypervisorTarget, ...] | None = None
        self._approvals: queue.SimpleQueue[tuple[int, Future[Generation | None]]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self.rests = threading.Event()
        self.rests.set()
        self._thread = threading.Thread(target=self._run, name="builder", daemon=True)
        self.now = Now()
        self.swapped: Callable[[], None] = lambda: None
        self.taken_over: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Take what is on disk, and begin to build; while another instance holds the folder, wait for it to end."""
        # Locked before it is read: nobody writes a newer one between.
        self._waiting_for_lock = not self._lock.try_acquire()
        self.now = Now(self.shelving.generation() or NONE)
        if self._waiting_for_lock:
            _LOG.info("serving the last answers until the worker before this one leaves %s", self.settings.state)
        self._thread.start()

    def stop(self) -> None:
        """End; what is not on disk yet is written first, and the state folder's lock is released."""
        self._stopping.set()
        self.upkeep.wake()
        self._thread.join()

    def approve(self, number: int, timeout: float = 10.0) -> Generation | None:
        """Release the held generation of this number; None when no such one is held.

        Raises TimeoutError after `timeout` seconds; then nothing is released later either.
        """
        done: Future[Generation | None] = Future()
        self._approvals.put((number, done))
        self.upkeep.wake()
        try:
            return done.result(timeout)
        except TimeoutError:
            if done.cancel():
                raise
            # The builder has just begun with it.
            return done.result(timeout)

    @property
    def problems(self) -> tuple[str, ...]:
        """What goes wrong here now: builds that fail, files that cannot be written or were set aside,
        manifests that nobody could read.
        """
        waiting = f"another instance holds {self.settings.state}/lock: this one serves what is on disk"
        return (
            *((self._problem,) if self._problem else ()),
            *((f"the settings in force stay: {self.refused_settings}",) if self.refused_settings else ()),
            *((waiting,) if self._waiting_for_lock else ()),
            *((f"{self.settings.code}: {code.unread}",) if (code := self._code) and code.unread else ()),
            *self.shelving.problems,
        )

    @property
    def owns_state(self) -> bool:
        """Whether the state folder is this instance's: nobody else may write there."""
        return not self._waiting_for_lock

    @property
    def failing(self) -> bool:
        """Whether the last build failed."""
        return bool(self._problem)

    def _run(self) -> None:
        if not self._await_lock():
            self._lock.release()
            return
        self.shelving.start()
        self._remembered = self.shelving.sources(self.upkeep)
        times_kept = time.monotonic()
        while not self._stopping.is_set():
            self.heartbeat = time.monotonic()
            if self.upkeep.wait(1.0):
                self._step()
            if self.heartbeat - times_kept > _TIMES_EVERY:
                times_kept = self.heartbeat
                self.shelving.keep_times(self.upkeep)
        self.shelving.keep_times(self.upkeep)
        self.shelving.stop()
        self._lock.release()

    def _await_lock(self) -> bool:
        begun, warned = time.monotonic(), False
        while not self._stopping.is_set():
            self.heartbeat = time.monotonic()
            if self._lock.try_acquire():
                self._take_over()
                return True
            if not warned and self.heartbeat - begun > self._handover:
                warned = True
                _LOG.warning("another instance holds %s/lock; waiting for it", self.settings.state)
            self._stopping.wait(0.1)
        return False

    def _take_over(self) -> None:
        if self._waiting_for_lock:
            self._waiting_for_lock = False
            self.now = Now(self.shelving.generation() or self.now.generation)
            _LOG.info("%s is this worker's now", self.settings.state)
            self.taken_over()

    def _step(self) -> None:
        self.rests.clear()
        try:
            with uncollected():
                self._build()
            self._problem = ""
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the last generation stays and it is said
            self.failed_builds += 1
            self._problem = f"building failed ({type(error).__name__}: {error}): the last generation stays"
            _LOG.exception("building failed; the last generation stays")
        finally:
            self.rests.set()
        self._answer_approvals()
        self.swapped()

    def _build(self) -> None:
        directories = self.upkeep.values("directory")
        directory = directories.get(self.settings.directory.base)
        if not isinstance(directory, Directory):
            return
        self._meaning = understand(directory, self.settings.directory, self._meaning)
        targets, _ = targets_of(self._meaning.declared, self.settings)
        self._watch_all(targets)
        sensitive = self._sensitive()
        # Facts that are not read yet would take classes away, also from what was served before a restart.
        if not self._complete(targets) or not self._facts.ready or sensitive is None:
            return
        seen = self._seen(directory)
        before = self.now
        self._joined = join(seen, self.settings, self._remembered, self.rules.fact_names, self._joined, self._breathe)
        estate = self._joined.estate
        self._remembered = estate.remembered
        told = self.settings.answer, before.classification, self._breathe
        classification = classify_all(estate, self.rules, *told, sensitive)
        defined = define(estate.declared, before.generation.definitions)
        generation = build(
            before.generation,
            classification,
            len(directory.entries),
            self.settings.guard,
            definitions=defined,
        )
        self.now = now(generation, seen, estate, classification)
        self.shelving.keep(seen, estate.remembered)
        self.shelving.keep_generation(generation)
        if before.estate is None:
            # What the start left behind is thrown away once; the rest stays for long, and is not looked through again.
            gc.collect()
            gc.freeze()

    def _watch_all(self, targets: tuple[HypervisorTarget, ...]) -> None:
        if targets != self._targets:
            self._targets = targets
            self._watch(targets)
            self.upkeep.forget("inventory", (target.name for target in targets))

    def _seen(self, directory: Directory) -> Seen:
        hypervisors = {
            name: value for name, value in self.upkeep.values("inventory").items() if isinstance(value, HypervisorSeen)
        }
        unreadable = frozenset(
            key.target for key, fresh in self.upkeep.freshness().items() if key.kind == "inventory" and fresh.error
        )
        return Seen(directory, self._meaning, hypervisors, unreadable, self._facts.sets())

    @property
    def _code(self) -> Code | None:
        """What the code was last seen to say of its classes."""
        code = self.upkeep.values("code").get(self.settings.code or "")
        return code if isinstance(code, Code) else None

    def _sensitive(self) -> frozenset[str] | None:
        """The class parameters that are secrets; None before the code was looked at.

        Raises `SourceError` while that cannot be known: no secret is served because nobody knows that it is one.
        """
        if self.settings.code is None:
            return frozenset()
        if (code := self._code) is not None:
            return code.sensitive
        error = self.upkeep.fresh(SourceKey("code", self.settings.code)).error
        if error:
            raise SourceError(self.settings.code, f"which parameters are secrets is not known, since {error}")
        return None

    def _complete(self, targets: tuple[HypervisorTarget, ...]) -> bool:
        """Whether every hypervisor was read or failed; once something is served, that is no longer waited for."""
        if self.now.generation.number:
            return True
        freshness = self.upkeep.freshness()
        return all(SourceKey("inventory", target.name) in freshness for target in targets)

    def _breathe(self) -> None:
        """Let the threads that answer go first."""
        self.heartbeat = time.monotonic()
        time.sleep(_REST)

    def _answer_approvals(self) -> None:
        while not self._approvals.empty():
            number, done = self._approvals.get()
            if not done.set_running_or_notify_cancel():
                continue
            released = approve(self.now.generation, number)
            if released is not None:
                self.now = replace(self.now, generation=released)
                self.shelving.keep_approved(released)
                self.upkeep.wake()
            done.set_result(released)
