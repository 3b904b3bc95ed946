"""The keeper: writes to the shelf behind everybody's back, so that no answer waits for a disk."""

import logging
import threading
from collections.abc import Callable

from errors import StateError

_LOG = logging.getLogger("enclume.keeper")


class Keeper:
    """A thread that writes the latest version of each file, at most once every `pause` seconds."""

    def __init__(self, pause: float = 1.0) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._pending: dict[str, Callable[[], None]] = {}
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.problems: dict[str, str] = {}

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, name: str, write: Callable[[], None]) -> None:
        """Have a file written soon; a later call for the same name replaces an earlier one that still waits."""
        with self._lock:
            self._pending[name] = write
        self._woken.set()

    def stop(self) -> None:
        """Write what still waits, then end."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            self._write_all()
            self._stopping.wait(self._pause)
        self._write_all()

    def _write_all(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for name, write in pending.items():
            try:
                write()
            except StateError as error:
                if self.problems.get(name) != str(error):
                    _LOG.error("%s; nothing is lost until a restart", error)
                self.problems[name] = str(error)
                with self._lock:
                    self._pending.setdefault(name, write)
            else:
                self.problems.pop(name, None)
