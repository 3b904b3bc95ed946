"""The keeper: writes to the shelf behind everybody's back, so that no answer waits for a disk."""

import logging
import threading
import time
from collections.abc import Callable
from math import inf

from errors import StateError

_LOG = logging.getLogger("enclume.keeper")
_SHARE = 9
_AGAIN = 1.0
"""Most seconds until a file that could not be written is tried again, where the others have a longer pause."""


class Keeper:
    """A thread that writes the latest version of each file, every `pause` seconds where nobody hurries it.

    The files of a large estate take long to write, and the interpreter from the threads that answer: the pause grows
    with them, so that at most a tenth of the time is spent on them.
    """

    def __init__(self, pause: float = 1.0, patience: float = inf) -> None:
        """`patience`: seconds that the last writing may take at the end; what is left then is not written."""
        self._pause, self._patience = pause, patience
        self._lock = threading.Lock()
        self._pending: dict[str, Callable[[], None]] = {}
        self._woken, self._hurried, self._stopping = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.problems: dict[str, str] = {}

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, name: str, write: Callable[[], None], *, hurry: bool = False) -> None:
        """Have a file written soon, or at once; a later call for the same name replaces an earlier one that waits."""
        with self._lock:
            self._pending[name] = write
        if hurry:
            self._hurried.set()
        self._woken.set()

    def put_and_wait(self, name: str, write: Callable[[], None], patience: float = 5.0) -> None:
        """Have a file written at once; returns when that was tried, at the latest after `patience` seconds."""
        tried = threading.Event()

        def told() -> None:
            try:
                write()
            finally:
                tried.set()

        self.put(name, told, hurry=True)
        tried.wait(patience)

    def stop(self) -> None:
        """Write what still waits, as far as patience goes, then end."""
        self._stopping.set()
        self._woken.set()
        self._hurried.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            began = time.monotonic()
            self._write_all()
            pause = min(self._pause, _AGAIN) if self.problems else self._pause
            self._hurried.wait(max(pause, _SHARE * (time.monotonic() - began)))
            self._hurried.clear()
        self._write_all(time.monotonic() + self._patience)

    def _write_all(self, until: float = inf) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for name, write in pending.items():
            if time.monotonic() > until:
                return
            try:
                write()
            except StateError as error:
                self._say(name, str(error))
                with self._lock:
                    self._pending.setdefault(name, write)
                # Also where nothing new comes.
                self._woken.set()
            except Exception as error:  # noqa: BLE001 - the thread must go on with the other files
                self._say(name, f"{name} cannot be written: {type(error).__name__}: {error}")
            else:
                self.problems.pop(name, None)

    def _say(self, name: str, problem: str) -> None:
        if self.problems.get(name) != problem:
            _LOG.error("%s; nothing is lost until a restart", problem)
        self.problems[name] = problem
