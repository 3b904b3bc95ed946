"""The spool's side that reads: what waits, oldest first."""

import contextlib
import os
import time
from pathlib import Path

from reports.entry import Entry, decode
from reports.spool import ENDING, UNFINISHED, Waiting, on_disk

_FORGOTTEN = 3600.0
"""Seconds after which a file that nobody finished is one whose writer was killed."""
_READING = "reading"


class Backlog:
    """What waits in a spool, for one reader."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._marker = self.folder / _READING

    def look(self, *, tidy: bool = True) -> tuple[list[str], Waiting]:
        """The names of all that waits, in the order in which it came, and how much that is; what killed writers left is
        removed, unless it is not to be `tidy`. Raises `OSError`.
        """
        names, size = [], 0
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        if tidy:
                            self._forget(entry)
                    elif entry.name.endswith(ENDING) and entry.is_file(follow_symlinks=False):
                        names.append(entry.name)
                        size += _size(entry)
        except FileNotFoundError:
            return [], Waiting()
        return sorted(names), Waiting(len(names), size)

    def read(self, name: str) -> tuple[Entry, int] | None:
        """A report and the bytes that it takes; None when it is not there any more. Raises `OSError`, and `ValueError`
        with what is wrong with its file.
        """
        try:
            text = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        return decode(text), on_disk(len(text))

    def remove(self, name: str) -> None:
        """It was read. Raises `OSError`."""
        (self.folder / name).unlink(missing_ok=True)

    def mark(self, name: str, times: int = 1) -> None:
        """Note which one is read now, "" for none, and how many readers in a row have begun with it: it may end whoever
        reads it.
        """
        with contextlib.suppress(OSError):
            if name:
                self._marker.write_text(f"{times} {name}")
            else:
                self._marker.unlink(missing_ok=True)

    def marked(self) -> tuple[str, int]:
        """The one that was read when the last reader ended, and how many in a row ended with it; "" and 0 where that is
        not known.
        """
        try:
            times, _, name = self._marker.read_text().partition(" ")
            return (name, int(times)) if name.endswith(ENDING) and "/" not in name else ("", 0)
        except (OSError, ValueError):
            return "", 0

    def _forget(self, entry: "os.DirEntry[str]") -> None:
        with contextlib.suppress(OSError):
            if entry.name.endswith(UNFINISHED) and entry.stat().st_mtime < time.time() - _FORGOTTEN:
                (self.folder / entry.name).unlink()


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return on_disk(entry.stat().st_size)
    except FileNotFoundError:
        return 0
