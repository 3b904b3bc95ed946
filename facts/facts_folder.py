"""The Puppet server's fact cache (`server_data/facts/CERTNAME.json`), read as a source of facts.

Format: `{"name": CERTNAME, "values": {…facts…}, "timestamp": …}`, written by the server's `json` facts terminus.
"""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from facts.certname import is_certname
from facts.puppet import FactSets
from facts.source import Ledger, Observation, SourceKey

_LOG = logging.getLogger("enclume.facts")


class _File(Struct):
    name: str
    values: dict[str, Any]


class FactsFolder:
    """Reads a folder of fact files whenever one of them changes; looks every `interval` seconds."""

    def __init__(self, folder: str, interval: float = 5.0) -> None:
        self._folder, self._interval = Path(folder), interval
        self._key = SourceKey("facts", folder)
        self._stamps: dict[str, tuple[float, int]] = {}
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, ledger: Ledger) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, args=(ledger,), name="facts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def _run(self, ledger: Ledger) -> None:
        first = True
        while not self._stopping.is_set():
            at, began = time.time(), time.monotonic()
            try:
                changed = self._look()
                took = time.monotonic() - began
            except OSError as error:
                reason = f"{self._folder} cannot be read: {error.strerror}; see `facts` in the settings"
                ledger.failed(self._key, at, reason)
            else:
                if changed or first:
                    written = {name: self._stamps[name][0] for name in self._facts}
                    ledger.observed(Observation(self._key, FactSets(dict(self._facts), written), at, took))
                    first = False
                else:
                    ledger.confirmed(self._key, at, took)
            self._stopping.wait(self._interval)

    def _look(self) -> bool:
        """Read what is new; True when anything is other than before."""
        files = (path for path in self._folder.iterdir() if path.suffix == ".json")
        found = {path.stem: path for path in files if is_certname(path.stem)}
        gone = self._facts.keys() - found.keys()
        for name in gone:
            del self._facts[name], self._stamps[name]
        read = [self._read(name, path) for name, path in found.items()]
        return any(read) or bool(gone)

    def _read(self, name: str, path: Path) -> bool:
        """Read one file that changed. One that makes no sense leaves the last good facts."""
        try:
            stat = path.stat()
            stamp = (stat.st_mtime, stat.st_size)
            if self._stamps.get(name) == stamp:
                return False
            self._stamps[name] = stamp
            self._facts[name] = _facts_of(name, path.read_bytes())
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            _LOG.warning("%s: %s; the last good facts of %s stay", path, error, name)
            return False
        return True


def _facts_of(name: str, text: bytes) -> Mapping[str, Any]:
    file = msgspec.json.decode(text, type=_File)
    if file.name != name:
        raise ValueError(f"holds the facts of {file.name!r}")
    return file.values
