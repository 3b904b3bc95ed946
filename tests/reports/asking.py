"""A history that a test fills and asks."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reports.history import History
from reports.reader import Reader
from reports.report import Received


@functools.cache
def _empty() -> bytes:
    """SQLite's file with all tables and no row: to make them takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        History(f"sqlite:///{folder}/history.sqlite").close()
        return Path(folder, "history.sqlite").read_bytes()


def on_sqlite(folder: Path) -> "Past":
    """An empty history in a folder."""
    file = folder / "history.sqlite"
    file.write_bytes(_empty())
    return Past(f"sqlite:///{file}")


class Past:
    """A history that a test fills and asks."""

    def __init__(self, url: str) -> None:
        self.url, self._history, self._reader = url, History(url), Reader(url)

    def had(self, *received: Received) -> None:
        self._history.store(received)

    def ask(self, question: Callable[..., Any], *asked: Any) -> Any:
        """What a question finds."""
        with self._reader.reading() as connection:
            return question(connection, *asked)

    def close(self) -> None:
        self._reader.close()
        self._history.close()
