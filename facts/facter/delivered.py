"""What nodes delivered (`PUT /facts/CERTNAME`): whole on disk, one file each; the little that is wanted in the book.

The whole stays on disk, since other rules may name other facts after a restart.
"""

import logging
import threading
import time
import zlib
from collections.abc import Set as AbstractSet

import msgspec
from msgspec import Struct

from errors import FactsError, StateError
from facts.facter.book import FactBook
from facts.facter.document import Document, read_json
from facts.facter.node_facts import NodeFacts, kept_of
from facts.keep import file_of, files_of
from facts.looking import Looking
from facts.shelf import Shelf
from facts.source import Ledger

BY = "PUT /facts"
"""What the book calls these."""

_LOG = logging.getLogger("enclume.facts")
_KIND = "facts"
_LOCKS = 16
_REST = 0.001
_FEW = 10


class _Head(Struct, frozen=True):
    certname: str
    received_at: float


class Delivered(Looking):
    """Keeps what nodes delivered. Safe for all threads; `restored` once everything on disk is in the book."""

    def __init__(self, shelf: Shelf, book: FactBook) -> None:
        super().__init__("delivered facts")
        self._shelf, self._book = shelf, book
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        # Two megabytes of JSON may become a hundred of objects: one at a time.
        self._reading = threading.Lock()
        self._known: dict[str, NodeFacts] = {}
        self._strangers: dict[str, float] = {}
        self.restored = False

    @property
    def problems(self) -> tuple[str, ...]:
        """Files that were set aside."""
        return tuple(self._shelf.set_aside)

    def look_on(self, ledger: Ledger) -> None:
        """Read what is on disk, once."""
        del ledger
        self.restore()

    def restore(self) -> None:
        """Read what is on disk; what was delivered meanwhile stays."""
        try:
            for number, file in enumerate(files_of(self._shelf, _KIND)):
                if self.stopping.is_set():
                    return
                self._restore(file)
                if number % _FEW == 0:
                    time.sleep(_REST)
        finally:
            self.restored = True
            self._book.tried(BY)

    def take(self, certname: str, text: bytes, received_at: float) -> None:
        """Take the facts of a node that arrived at `received_at`, once they are safe on disk; older ones than those it
        delivered before are passed over. Raises `FactsError` for what are none, or another node's; `StateError` where
        the disk does not take them: the last good ones stay.
        """
        with self._reading:
            document = _named_well(read_json(text), certname)
            facts = kept_of(document, self._book.names, received_at)
        body = msgspec.json.format(text, indent=-1)
        head = msgspec.json.encode(_Head(certname, received_at))
        with self._lock_of(certname):
            known = self._known.get(certname)
            if known is not None and known.at > facts.at:
                return
            self._shelf.write(file_of(certname, _KIND), _KIND, [head, body])
            self._tell(certname, facts)

    def forget(self, known: AbstractSet[str], now: float, patience: float) -> None:
        """Remove what nodes delivered that have not been among the known ones for so many seconds."""
        strangers = self._known.keys() - known
        self._strangers = {name: self._strangers.get(name, now) for name in strangers}
        for name in [name for name, since in self._strangers.items() if now - since >= patience]:
            try:
                self._forget(name)
            except StateError as error:
                _LOG.warning("%s; it is tried again", error)

    def _forget(self, name: str) -> None:
        with self._lock_of(name):
            self._shelf.remove(file_of(name, _KIND))
            self._known.pop(name, None)
            self._book.tell(BY, {name: None})

    def _restore(self, file: str) -> None:
        lines = self._shelf.read(file, _KIND)
        if lines is None:
            return
        try:
            head = msgspec.json.decode(lines[0], type=_Head)
            document = _named_well(read_json(lines[1]), head.certname)
        except (msgspec.MsgspecError, IndexError, FactsError) as error:
            self._shelf.put_aside(file, str(error))
            return
        if file != file_of(head.certname, _KIND):
            return
        facts = kept_of(document, self._book.names, head.received_at)
        with self._lock_of(head.certname):
            known = self._known.get(head.certname)
            if known is None or known.at < facts.at:
                self._tell(head.certname, facts)

    def _lock_of(self, certname: str) -> threading.Lock:
        return self._locks[zlib.crc32(certname.encode()) % _LOCKS]

    def _tell(self, certname: str, facts: NodeFacts) -> None:
        self._known[certname] = facts
        self._book.tell(BY, {certname: facts})


def _named_well(document: Document, certname: str) -> Document:
    if document.name not in {"", certname}:
        raise FactsError(f"the facts of {document.name[:80]!r}, not of {certname}")
    return document
