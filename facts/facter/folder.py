"""A Puppet server's fact cache, read as a source of facts: a folder of `CERTNAME.json` or `CERTNAME.yaml`.

Puppet 7 and later write JSON (`server_data/facts`), older ones YAML (`yaml/facts`); a folder may hold both, and the
newer facts of a node count. Files are read in small portions, since ten thousand of YAML take half a minute of the
interpreter that answers need too.
"""

import errno
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from math import inf
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from errors import FactsError
from facts.certname import is_certname
from facts.facter.book import FactBook
from facts.facter.cache import Line, Stamp
from facts.facter.document import LARGEST, Document, read_json
from facts.facter.node_facts import NodeFacts, kept_of
from facts.facter.ruby_yaml import read_yaml
from facts.looking import Looking
from facts.source import Ledger, SourceKey

_LOG = logging.getLogger("enclume.facts")

READERS: Mapping[str, Callable[[bytes], Document]] = {".json": read_json, ".yaml": read_yaml}
_REST = 0.001
_BUSY = 0.002
"""Seconds of work after which others get their turn, for as long."""
_LISTED = 200
_TOGETHER = 500
_KEPT_EVERY = 60.0


class Memory(NamedTuple):
    """What was read of a folder before a restart, and how what is read now is kept; both in the folder's own thread."""

    recall: Callable[[], Iterable[Line]]
    keep: Callable[[tuple[Line, ...]], None]


class FactsFolder(Looking):
    """Reads a folder of fact files whenever one of them changes; looks every `interval` seconds."""

    def __init__(self, folder: str, book: FactBook, memory: Memory | None = None, interval: float = 5.0) -> None:
        super().__init__("facts")
        self.folder, self._book, self._interval = Path(folder), book, interval
        self._memory = memory or Memory(tuple, lambda _: None)
        self._key = SourceKey("facts", folder)
        self._lines: dict[str, Line] = {}
        self._refused: dict[str, Stamp] = {}
        self._changes = 0

    def look_on(self, ledger: Ledger) -> None:
        """Look every `interval` seconds."""
        self._lines = {line.path: line for line in self._memory.recall()}
        self._tell({line.certname for line in self._lines.values()})
        self._changes = 0
        kept, kept_at = self._changes, -inf
        while not self.stopping.is_set():
            self.look(ledger)
            if self._changes != kept and time.monotonic() - kept_at > _KEPT_EVERY:
                kept, kept_at = self._changes, time.monotonic()
                self._memory.keep(tuple(self._lines.values()))
            self.stopping.wait(self._interval)
        if self._changes != kept:
            self._memory.keep(tuple(self._lines.values()))

    def look(self, ledger: Ledger) -> None:
        """Read what is new."""
        at, began = time.time(), time.monotonic()
        try:
            self._look(at)
        except OSError as error:
            reason = f"{self.folder} cannot be read: {error.strerror}; see `facts` in the settings"
            ledger.failed(self._key, at, reason)
        else:
            if not self.stopping.is_set():
                ledger.confirmed(self._key, at, time.monotonic() - began)
        if not self.stopping.is_set():
            self._book.tried(str(self.folder))

    def _look(self, at: float) -> None:
        found = self._list()
        touched = {self._lines.pop(path).certname for path in self._lines.keys() - found.keys()}
        self._refused = {path: stamp for path, stamp in self._refused.items() if path in found}
        pause = _Pause()
        for path, stamp in found.items():
            if self.stopping.is_set():
                return
            known = self._lines.get(path)
            if (known is not None and known.stamp == stamp) or self._refused.get(path) == stamp:
                continue
            if self._read(Path(path), stamp, at):
                touched.add(Path(path).stem)
            if len(touched) >= _TOGETHER:
                self._tell(touched)
                touched = set()
            pause.after_work()
        self._tell(touched)

    def _list(self) -> dict[str, Stamp]:
        """The files that may hold facts, by their path. A folder that had some and has none is not mounted: that no
        node has facts any more would take classes from all of them.
        """
        found = {}
        with os.scandir(self.folder) as entries:
            for number, entry in enumerate(entries):
                stem, dot, suffix = entry.name.rpartition(".")
                if dot + suffix in READERS and is_certname(stem):
                    stamp = self._stamp(entry)
                    if stamp is not None:
                        found[entry.path] = stamp
                if number % _LISTED == 0:
                    time.sleep(_REST)
        if self._lines and not found:
            held = f"it has no file of facts, and held {len(self._lines)}: is it mounted?"
            raise OSError(errno.ENODATA, held)
        return found

    def _stamp(self, entry: os.DirEntry[str]) -> Stamp | None:
        """None for what is no file, or is gone; of one that cannot be looked at, what it was."""
        try:
            stat = entry.stat()
        except FileNotFoundError:
            return None
        except OSError:
            known = self._lines.get(entry.path)
            return known.stamp if known is not None else None
        return Stamp(stat.st_mtime_ns, stat.st_size) if S_ISREG(stat.st_mode) else None

    def _read(self, path: Path, stamp: Stamp, at: float) -> bool:
        """Read one file that changed. One that makes no sense leaves the last good facts."""
        try:
            document = _document(path)
        except (OSError, FactsError) as error:
            self._refused[str(path)] = stamp
            _LOG.warning("%s: %s; the last good facts of %s stay", path, error, path.stem)
            return False
        self._refused.pop(str(path), None)
        facts = kept_of(document, self._book.names, min(at, stamp.mtime_ns / 1e9) or at)
        self._lines[str(path)] = Line(str(path), path.stem, stamp, facts)
        return True

    def _tell(self, certnames: Iterable[str]) -> None:
        """Tell the book of these nodes: of two files of one, the newer facts."""
        told = {name: self._newest(name) for name in certnames}
        if told:
            self._changes += 1
            self._book.tell(str(self.folder), told)

    def _newest(self, certname: str) -> NodeFacts | None:
        lines = (self._lines.get(str(self.folder / f"{certname}{suffix}")) for suffix in READERS)
        return max((line.facts for line in lines if line is not None), key=lambda facts: facts.at, default=None)


class _Pause:
    """Lets others work for as long as we did."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def after_work(self) -> None:
        worked = time.monotonic() - self._began
        if worked >= _BUSY:
            time.sleep(worked)
            self._began = time.monotonic()


def _document(path: Path) -> Document:
    """What a file holds; no more of it is read than can be of use."""
    with path.open("rb") as file:
        document = READERS[path.suffix](file.read(LARGEST + 1))
    if document.name != path.stem:
        raise FactsError(f"the facts of {document.name[:80]!r}")
    return document
