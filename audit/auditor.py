"""The auditor: one thread that keeps the verdicts up to date, on change and at least every ten seconds."""

import logging
import threading
import time
from collections.abc import Callable

from audit.all import Audited, audit
from audit.situation import Situation
from facts.garbage import uncollected

_LOG = logging.getLogger("enclume.auditor")

EVERY = 10.0
"""Seconds after which verdicts are made anew without a change: a backup turns late by itself."""

_SHARE, _LEAST_PAUSE, _LONGEST_PAUSE = 9, 0.05, 1.0
"""The pause after an audit, in multiples of what it took and in seconds: what changes all the time is judged so often
that a tenth of the time goes into it, and at least once a second.
"""
_REST = 0.001
_PATIENCE = 5.0
"""Seconds for which one audit lets the builder go first, all in all."""


class Auditor:
    """Keeps `audited` up to date. A failing audit keeps the last verdicts, is counted and is said (`problem`)."""

    def __init__(
        self,
        look: Callable[[], Situation],
        every: float = EVERY,
        prepare: Callable[[], None] = lambda: None,
        builder_rests: threading.Event | None = None,
    ) -> None:
        """`look` gives the situation of now; `prepare` is called once before it, in the auditor's own thread.

        While `builder_rests` is not set the auditor waits: two threads that compute take the interpreter from each
        other and from all that answer, and answers come before verdicts.
        """
        self._look, self._every, self._prepare = look, every, prepare
        self._builder_rests, self._patience = builder_rests, 0.0
        self._changed, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)
        self.audited = Audited()
        self.failed_audits = 0
        self.problem = ""

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stopping.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Something changed; returns at once."""
        self._changed.set()

    def _run(self) -> None:
        try:
            self._prepare()
        except Exception:  # noqa: BLE001 - as in look_round
            # What was kept on disk is a help, not a condition.
            _LOG.exception("preparing the verdicts failed")
        while not self._stopping.is_set():
            self._changed.clear()
            began = time.monotonic()
            self.look_round()
            took = time.monotonic() - began
            self._stopping.wait(min(_LONGEST_PAUSE, max(_LEAST_PAUSE, _SHARE * took)))
            self._changed.wait(self._every)

    def look_round(self) -> None:
        """Make the verdicts of now."""
        self._patience = _PATIENCE
        try:
            self._breathe()
            with uncollected():
                self.audited = audit(self._look(), self.audited, self._breathe)
            self.problem = ""
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the last verdicts stay and it is said
            self.failed_audits += 1
            self.problem = f"making the verdicts failed ({type(error).__name__}: {error}): the last ones stay"
            _LOG.exception("making the verdicts failed; the last ones stay")

    def _breathe(self) -> None:
        """Let the threads that answer go first, and the builder."""
        time.sleep(_REST)
        if self._builder_rests is not None and self._patience > 0:
            began = time.monotonic()
            self._builder_rests.wait(self._patience)
            self._patience -= time.monotonic() - began
