"""Keeping what the sources last saw on disk: one file of the shelf for each, and one for when each was read."""

import hashlib
from collections.abc import Callable, Mapping
from itertools import chain
from typing import TypeVar

import msgspec
from msgspec import Struct

from facts.directory.entries import Directory, Entry
from facts.estate import Remembered
from facts.inventory.domains import HypervisorSeen
from facts.observatory import HostSeen
from facts.puppet import Run
from facts.shelf import ASIDE, Shelf
from facts.source import SourceKey, SourceKind, Value
from facts.upkeep import Freshness

T = TypeVar("T")
_LONGEST = 200
"""Most bytes of a file's name."""


class _Time(Struct, frozen=True):
    kind: SourceKind
    target: str
    read_at: float


def keep_directory(shelf: Shelf, directory: Directory) -> None:
    """Write the directory to the shelf."""
    entries = map(msgspec.json.encode, directory.entries.values())
    shelf.write("directory", "directory", chain([msgspec.json.encode(directory.base)], entries))


def keep_hypervisor(shelf: Shelf, name: str, seen: HypervisorSeen) -> None:
    """Write one hypervisor's last observation to the shelf."""
    shelf.write(file_of(name), "hypervisor", [msgspec.json.encode(name), msgspec.json.encode(seen)])


def keep_times(shelf: Shelf, freshness: Mapping[SourceKey, Freshness]) -> None:
    """Write when each target was last read."""
    times = (_Time(key.kind, key.target, fresh.read_at) for key, fresh in sorted(freshness.items()))
    shelf.write("times", "times", map(msgspec.json.encode, times))


def keep_remembered(shelf: Shelf, remembered: Mapping[str, Remembered]) -> None:
    """Write what libvirt once showed."""
    shelf.write("remembered", "remembered", map(msgspec.json.encode, sorted(remembered.items())))


def keep_runs(shelf: Shelf, runs: Mapping[str, Run]) -> None:
    """Write the last run of each node. The history has them too: no disk is waited for."""
    shelf.write("runs", "runs", map(msgspec.json.encode, runs.values()), lasting=False)


def restore_runs(shelf: Shelf) -> dict[str, Run]:
    """Read from the shelf the last run of each node, by certname. What cannot be read is set aside."""
    return {run.certname: run for run in _decoded(shelf, "runs", "runs", _runs) or ()}


def forget_hypervisor(shelf: Shelf, name: str) -> None:
    """Remove what a hypervisor showed that is not to be read any more."""
    shelf.remove(file_of(name))


def keep_host(shelf: Shelf, seen: HostSeen) -> None:
    """Write what a host said of itself to the shelf. It says so again within a minute: no disk is waited for."""
    shelf.write(file_of(seen.certname, "host"), "host", [msgspec.json.encode(seen)], lasting=False)


def forget_host(shelf: Shelf, certname: str) -> None:
    """Remove what a host said of itself that is no host any more."""
    shelf.remove(file_of(certname, "host"))


def restore_hosts(shelf: Shelf) -> dict[str, HostSeen]:
    """Read from the shelf what hosts said of themselves, by certname. What cannot be read is set aside."""
    found = ((file, _decoded(shelf, file, "host", _host)) for file in files_of(shelf, "host"))
    return {seen.certname: seen for file, seen in found if seen is not None and file == file_of(seen.certname, "host")}


def restore(shelf: Shelf) -> tuple[dict[SourceKey, Value], dict[SourceKey, Freshness], dict[str, Remembered]]:
    """Read from the shelf what was last seen, when, and what libvirt once showed. What cannot be read is set aside."""
    values: dict[SourceKey, Value] = {}
    directory = _decoded(shelf, "directory", "directory", _directory)
    if directory is not None:
        values[SourceKey("directory", directory.base)] = directory
    for file in files_of(shelf, "hypervisor"):
        seen = _decoded(shelf, file, "hypervisor", _hypervisor)
        if seen is not None and file == file_of(seen[0]):
            values[SourceKey("inventory", seen[0])] = seen[1]
    times = _decoded(shelf, "times", "times", _times)
    freshness = {SourceKey(time.kind, time.target): Freshness(time.read_at) for time in times or []}
    return values, freshness, _decoded(shelf, "remembered", "remembered", _remembered) or {}


def _decoded(shelf: Shelf, name: str, kind: str, decode: Callable[[list[bytes]], T]) -> T | None:
    lines = shelf.read(name, kind)
    if lines is None:
        return None
    try:
        return decode(lines)
    except (msgspec.MsgspecError, IndexError, ValueError, RecursionError) as error:
        shelf.put_aside(name, str(error))
        return None


def _times(lines: list[bytes]) -> list[_Time]:
    return [msgspec.json.decode(line, type=_Time) for line in lines]


def _runs(lines: list[bytes]) -> list[Run]:
    return [msgspec.json.decode(line, type=Run) for line in lines]


def _directory(lines: list[bytes]) -> Directory:
    entries = (msgspec.json.decode(line, type=Entry) for line in lines[1:])
    return Directory(msgspec.json.decode(lines[0], type=str), {entry.key: entry for entry in entries})


def _hypervisor(lines: list[bytes]) -> tuple[str, HypervisorSeen]:
    return msgspec.json.decode(lines[0], type=str), msgspec.json.decode(lines[1], type=HypervisorSeen)


def _host(lines: list[bytes]) -> HostSeen:
    return msgspec.json.decode(lines[0], type=HostSeen)


def _remembered(lines: list[bytes]) -> dict[str, Remembered]:
    return dict(msgspec.json.decode(line, type=tuple[str, Remembered]) for line in lines)


def files_of(shelf: Shelf, kind: str) -> list[str]:
    """The names of this kind's files, without those that were set aside. A copy that somebody made has another name
    than what is in it says, which is for the caller to see.
    """
    return sorted(path.name for path in shelf.folder.glob(f"{kind}-*") if not path.name.endswith(ASIDE))


def file_of(name: str, kind: str = "hypervisor") -> str:
    """A file name for any name, another one for each: `_2f_` for what may be none, a digest for the end of a long one.

    None ends as those that were set aside. A file system takes 255 bytes, the shelf's own additions among them.
    """
    stem, aside = (name.removesuffix(ASIDE), ASIDE) if name.endswith(ASIDE) else (name, "")
    file = f"{kind}-" + "".join(map(_escaped, stem)) + aside.replace(".", "_2e_")
    if len(file.encode()) <= _LONGEST:
        return file
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    # No short name has a tilde, which is escaped there.
    return f"{file.encode()[: _LONGEST - len(digest) - 1].decode(errors='ignore')}~{digest}"


def _escaped(letter: str) -> str:
    return letter if letter.isalnum() or letter in "-." else f"_{ord(letter):x}_"
