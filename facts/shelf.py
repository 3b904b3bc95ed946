"""The shelf: files in the state folder, each versioned and checksummed, replaced whole or not at all.

A file is lines of text: `{"kind": …, "version": …}`, then one JSON document a line, then `{"sha256": …}` over all lines
before it. It is written under a temporary name, fsynced and renamed. One that cannot be read is set aside under
`NAME.unreadable` and named; it never stops anybody.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from errors import StateError

VERSION = 1
ASIDE = ".unreadable"
"""What the name of a file that was set aside ends with."""

_LOG = logging.getLogger("enclume.shelf")
_CHUNK = 200


class _Head(Struct):
    kind: str
    version: int


class _Foot(Struct):
    sha256: str


class Shelf:
    """The state folder's files. Safe for one writer and many readers."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.set_aside: list[str] = []

    def write(self, name: str, kind: str, lines: Iterable[bytes], *, lasting: bool = True) -> None:
        """Replace a file by these lines, each a JSON document. Raises `StateError`, leaving the old file whole.

        One that is not `lasting` need not outlive the machine's sudden end.
        """
        path = self.folder / name
        temporary = path.with_name(f".{name}.new")
        try:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
                digest = hashlib.sha256()
                for chunk in _chunks([msgspec.json.encode(_Head(kind, VERSION))], lines):
                    digest.update(chunk)
                    file.write(chunk)
                file.write(msgspec.json.encode(_Foot(digest.hexdigest())) + b"\n")
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            temporary.replace(path)
            if lasting:
                self._sync_folder()
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StateError(str(path), f"cannot be written: {error.strerror}; check space and permissions") from error

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there. Raises `StateError`."""
        path = self.folder / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StateError(str(path), f"cannot be removed: {error.strerror}; check permissions") from error

    def read(self, name: str, kind: str) -> list[bytes] | None:
        """The lines of a file; None when there is none, or none that can be read, which is then set aside."""
        path = self.folder / name
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._refuse(path, f"cannot be read: {error.strerror}")
            return None
        try:
            return _checked(text, kind)
        except (ValueError, msgspec.MsgspecError) as error:
            self.put_aside(name, str(error))
            return None

    def put_aside(self, name: str, reason: str) -> None:
        """Rename a file that makes no sense, so that it is kept for whoever asks, and say so."""
        path = self.folder / name
        aside = path.with_name(f"{name}{ASIDE}")
        with contextlib.suppress(OSError):
            path.replace(aside)
        self._refuse(path, f"{reason}; it was set aside as {aside.name}")

    def _refuse(self, path: Path, reason: str) -> None:
        self.set_aside.append(f"{path}: {reason}")
        _LOG.warning("%s: %s", path, reason)


def _chunks(head: list[bytes], lines: Iterable[bytes]) -> Iterable[bytes]:
    """Lines joined by the few hundred, so that no single step is long."""
    pending = list(head)
    for line in lines:
        pending.append(line)
        if len(pending) >= _CHUNK:
            yield b"\n".join(pending) + b"\n"
            pending = []
    if pending:
        yield b"\n".join(pending) + b"\n"


def _checked(text: bytes, kind: str) -> list[bytes]:
    if not text.endswith(b"\n"):
        raise ValueError("is cut short")
    body, _, foot = text[:-1].rpartition(b"\n")
    if msgspec.json.decode(foot, type=_Foot).sha256 != hashlib.sha256(body + b"\n").hexdigest():
        raise ValueError("does not match its checksum")
    lines = body.split(b"\n")
    head = msgspec.json.decode(lines[0], type=_Head)
    if head.kind != kind or head.version != VERSION:
        raise ValueError(f"holds {head.kind!r} of version {head.version}, expected {kind!r} of version {VERSION}")
    return lines[1:]
