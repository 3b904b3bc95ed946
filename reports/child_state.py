"""What the intake child is doing, and what goes wrong there: set by the thread that works, told by another."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from reports.messages import Lives

EVERY = 1.0
_LONG = 10.0
_TOO_LONG = 300.0
"""Seconds after which what the child does is taken to hang: it is ended and started again."""


class State:
    """What the child is doing now, since when, what goes wrong, and until when the spool was read (seconds since
    the epoch). Read and written by two threads.
    """

    def __init__(self) -> None:
        self.problem = ""
        self.is_reading = False
        self.read_until = 0.0
        self._doing: tuple[str, float] | None = None

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what is done meanwhile, should it take long."""
        self._doing = what, time.monotonic()
        try:
            yield
        finally:
            self._doing = None

    @property
    def busy(self) -> float:
        """Seconds for which one thing has been done."""
        doing = self._doing
        return time.monotonic() - doing[1] if doing else 0.0

    def lives(self) -> Lives:
        """What is said once a second."""
        doing, problem = self._doing, self.problem
        if doing is not None and not problem and (took := time.monotonic() - doing[1]) > _LONG:
            problem = f"{doing[0]} has taken {took:.0f} s"
        return Lives(problem, self.is_reading, self.read_until)


def tell(state: State, say: Callable[[Lives], None], stopping: threading.Event, hangs: Callable[[], None]) -> None:
    """Say once a second how it goes, until it stops; call `hangs` once what is done takes too long."""
    while True:
        say(state.lives())
        if stopping.wait(EVERY):
            return
        if state.busy > _TOO_LONG:
            hangs()
