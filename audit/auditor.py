"""The auditor: one thread that keeps the verdicts up to date, on change and at least every ten seconds."""

import gc
import logging
import threading
import time
from collections.abc import Callable

from audit.all import Audited, audit
from audit.situation import Situation

_LOG = logging.getLogger("enclume.auditor")

EVERY = 10.0
"""Seconds after which verdicts are made anew without a change: a backup turns late by itself."""

_PAUSE = 0.25
"""Seconds between two audits: what changes all the time is judged four times a second, not always."""
_REST = 0.001


class Auditor:
    """Keeps `audited` up to date. A failing audit keeps the last verdicts, is counted and is said (`problem`)."""

    def __init__(
        self, look: Callable[[], Situation], every: float = EVERY, prepare: Callable[[], None] = lambda: None
    ) -> None:
        """`look` gives the situation of now; `prepare` is called once before it, in the auditor's own thread."""
        self._look, self._every, self._prepare = look, every, prepare
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
            self.look_round()
            self._stopping.wait(_PAUSE)
            self._changed.wait(self._every)

    def look_round(self) -> None:
        """Make the verdicts of now."""
        first = self.audited.view is None or self.audited.view.situation.now.estate is None
        try:
            self.audited = audit(self._look(), self.audited, _breathe)
            self.problem = ""
            if first and self.audited.hosts:
                # As the builder does: what was made now stays for long, and is not walked through again and again.
                gc.collect()
                gc.freeze()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the last verdicts stay and it is said
            self.failed_audits += 1
            self.problem = f"making the verdicts failed ({type(error).__name__}: {error}): the last ones stay"
            _LOG.exception("making the verdicts failed; the last ones stay")


def _breathe() -> None:
    """Let the threads that answer go first."""
    time.sleep(_REST)
