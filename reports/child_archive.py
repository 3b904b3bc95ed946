"""The history as the intake child has it: it alone writes it."""

import time
from collections.abc import Collection, Mapping, Sequence

from facts.puppet import Run
from reports.history import History
from reports.last import last_runs
from reports.reader import Reader
from reports.report import Received
from reports.retention import forget, prune

_DAY = 86400.0


class Kept:
    """Opens the history and prepares its tables. Raises `HistoryError`, as every method does."""

    def __init__(self, url: str, keep_days: float) -> None:
        """`keep_days`: how long runs are kept."""
        self._keep_days = keep_days
        self._history, self._reader = History(url), Reader(url, connections=1)

    def store(self, received: Sequence[Received]) -> int:
        """Keep these for good; how many are new."""
        return self._history.store(received)

    def last(self, certnames: Collection[str] | None = None) -> Mapping[str, Run]:
        """The last run of every node, or of these, by certname."""
        with self._reader.reading() as connection:
            return last_runs(connection, certnames)

    def prune(self) -> bool:
        """Forget a few of the runs that are too old; whether there may be more."""
        return prune(self._history, time.time() - self._keep_days * _DAY)

    def forget(self, certname: str) -> bool:
        """Forget some of a node's runs, and in the end the node; whether there is more of it."""
        return forget(self._history, certname)
