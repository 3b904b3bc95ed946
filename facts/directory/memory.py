"""A directory in memory, fed by LDIF: the same `Source` as a server's, for tests and for trying things out."""

import itertools
import threading
import time
from uuid import NAMESPACE_OID, uuid5

from msgspec.structs import replace

from facts.directory.apply import apply
from facts.directory.content import scope_of
from facts.directory.entries import Directory, Entry
from facts.directory.ldif import parse
from facts.source import Ledger, Observation, SourceKey
from settings import DirectorySettings


class MemoryDirectory:
    """Observes what `load` and `modify` were given; `fail` makes it a source that cannot read.

    It shows what `DirectorySource` would show with the same settings; `directory` is everything below the base.
    """

    def __init__(self, settings: DirectorySettings, ldif: str = "") -> None:
        self.key = SourceKey("directory", settings.base)
        self.directory = Directory(settings.base, {})
        self._scope = scope_of(settings)
        self._ledger: Ledger | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._observed: Directory | None = None
        self.load(ldif)

    def start(self, ledger: Ledger) -> None:
        """Observe what is there, and every change from now on; it needs no thread."""
        with self._lock:
            self._ledger = ledger
            self._tell()

    def stop(self) -> None:
        """Observe no more."""
        with self._lock:
            self._ledger = None

    def load(self, ldif: str) -> None:
        """Add entries. Raises `LdifError`, and then nothing has changed."""
        self.modify(ldif)

    def modify(self, ldif: str) -> None:
        """Apply change records. Raises `LdifError`, and then nothing has changed."""
        with self._lock:
            before = self.directory
            after = apply(before, parse(ldif))
            entries = {
                key: entry if before.entries.get(key) is entry else self._stamped(entry)
                for key, entry in after.entries.items()
            }
            self.directory = Directory(after.base, entries)
            self._tell()

    def fail(self, reason: str) -> None:
        """Be a directory that could not be read just now."""
        with self._lock:
            if self._ledger is not None:
                self._ledger.failed(self.key, time.time(), reason)

    def _tell(self) -> None:
        if self._ledger is None:
            return
        seen = Directory(self.key.target, self._visible())
        if self._observed is not None and self._observed.entries == seen.entries:
            self._ledger.confirmed(self.key, time.time())
            return
        self._observed = seen
        self._ledger.observed(Observation(self.key, seen, time.time()))

    def _visible(self) -> dict[str, Entry]:
        return {key: entry for key, entry in self.directory.entries.items() if self._scope.matches(entry)}

    def _stamped(self, entry: Entry) -> Entry:
        """The entry with an entryUUID and a new entryCSN, as a server gives them."""
        number = next(self._numbers)
        csn = entry.csn or f"20000101000000.{number:06}Z#000000#000#000000"
        return replace(entry, uuid=entry.uuid or str(uuid5(NAMESPACE_OID, str(number))), csn=csn)
