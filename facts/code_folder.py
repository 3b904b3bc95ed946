"""What the Puppet code says of its classes, read as a source: which class parameters are Sensitive there.

Each file of the folder is what Puppet Server answers to `GET /puppet/v3/environment_classes?environment=NAME`
(https://www.puppet.com/docs/puppet/7/server/environment_classes.html):

    {"name": NAME, "files": [
       {"path": …, "classes": [{"name": …, "params": [{"name": …, "type": "Sensitive[String]"}]}]},
       {"path": …, "error": …}]}
"""

import logging
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from facts.looking import Looking
from facts.source import Code, Ledger, Observation, SourceKey

_LOG = logging.getLogger("enclume.facts")
_SENSITIVE = re.compile(r"\bSensitive\b")
Stamp = tuple[int, int]


class _Param(Struct):
    name: str
    type: str = ""


class _Class(Struct):
    name: str
    params: tuple[_Param, ...] = ()


class _File(Struct):
    path: str
    classes: tuple[_Class, ...] = ()
    error: object = None


class _Environment(Struct):
    files: tuple[_File, ...]


class CodeFolder(Looking):
    """Reads a folder of such files whenever one of them changes; looks every `interval` seconds.

    A file that makes no sense or is gone, and a manifest that has an error now, leave what was last read of them: an
    environment is forgotten when its file says that it has no manifests, and by a restart. Of a manifest that was never
    read nobody knows whether it has secrets: that is told, and holds back no node's answer, since no catalog can be
    compiled with it, and a branch of somebody's code is often broken.
    """

    def __init__(self, folder: str, interval: float = 5.0) -> None:
        super().__init__("code")
        self._folder, self._interval = Path(folder), interval
        self._key = SourceKey("code", folder)
        self._stamps: dict[Path, Stamp] = {}
        self._found: dict[Path, Mapping[str, frozenset[str] | None]] = {}

    def look_on(self, ledger: Ledger) -> None:
        """Look every `interval` seconds."""
        told: Code | None = None
        while not self.stopping.is_set():
            at, began = time.time(), time.monotonic()
            try:
                code, took = self._look(), time.monotonic() - began
            except OSError as error:
                ledger.failed(self._key, at, f"it cannot be read: {error.strerror}; see `code` in the settings")
            except ValueError as error:
                ledger.failed(self._key, at, f"{error}; see `code` in the settings")
            else:
                if code == told:
                    ledger.confirmed(self._key, at, took)
                else:
                    ledger.observed(Observation(self._key, code, at, took))
                    told = code
            self.stopping.wait(self._interval)

    def _unread(self) -> str:
        """A sentence on the manifests that had an error whenever they were looked at; empty for none."""
        folder = ((path.name, files) for path, files in self._found.items())
        found = [(name, one) for name, files in folder for one, names in files.items() if names is None]
        if not found:
            return ""
        (file, manifest), more = min(found), f" and {len(found) - 1} more" if len(found) > 1 else ""
        return (
            f"{manifest} in {file}{more} has an error and was never read, so its secrets are not known: "
            f'mend the manifest and fetch {file} anew, or have it say {{"files": []}} if the environment is gone'
        )

    def _look(self) -> Code:
        """Read what is new. Raises ValueError while there is nothing, or a file was never read as a whole."""
        paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".json")
        if not paths:
            raise ValueError("it holds no file that ends with .json")
        for gone in self._stamps.keys() - set(paths):
            del self._stamps[gone]
            _LOG.warning("%s is gone; what was last read of it stays until the service starts anew", gone)
        for path in paths:
            stat = path.stat()
            if self._stamps.get(path) != (stamp := (stat.st_mtime_ns, stat.st_size)):
                self._read(path)
                self._stamps[path] = stamp
        names = (one for files in self._found.values() for one in files.values())
        return Code(frozenset(name for found in names for name in found or ()), self._unread())

    def _read(self, path: Path) -> None:
        known = self._found.get(path, {})
        try:
            environment = msgspec.json.decode(path.read_bytes(), type=_Environment)
        except (msgspec.MsgspecError, RecursionError) as error:
            if path not in self._found:
                raise ValueError(f"{path.name} is no answer of environment_classes: {error}") from error
            _LOG.warning("%s: %s; what was last read of it stays", path, error)
            return
        self._found[path] = {
            file.path: known.get(file.path) if file.error else frozenset(_sensitive(file.classes))
            for file in environment.files
        }


def _sensitive(classes: Iterable[_Class]) -> Iterable[str]:
    for one in classes:
        yield from (f"{one.name}::{param.name}" for param in one.params if _SENSITIVE.search(param.type))
