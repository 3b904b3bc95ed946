"""A source that reads files, in a thread of its own.

A file system that hangs (NFS whose server is away) holds such a thread for as long as it likes. Whoever ends the
service does not wait for it: what was served would not be written.
"""

import threading

from facts.source import Ledger

PATIENCE = 3.0
"""Seconds for which the end of the thread is waited for; one that hangs ends with the process."""


class Looking:
    """Runs `look_on` in a thread until `stopping` is set."""

    def __init__(self, name: str) -> None:
        self.stopping = threading.Event()
        self._name = name
        self._thread: threading.Thread | None = None

    def look_on(self, ledger: Ledger) -> None:
        """Read what there is, and say so, until `stopping` is set."""
        raise NotImplementedError

    def start(self, ledger: Ledger) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self.look_on, args=(ledger,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, unless it hangs."""
        self.stopping.set()
        if self._thread:
            self._thread.join(PATIENCE)
