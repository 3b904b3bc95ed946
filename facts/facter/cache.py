"""What was read of a fact cache, kept over a restart: a file of the state folder for each folder.

With it a restart neither reads ten thousand files again, nor takes classes away while their folder cannot be read.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from facts.facter.node_facts import NodeFacts
from facts.keep import file_of
from facts.shelf import Shelf

_KIND = "factcache"
_VERSION = 1
"""Another number where what is kept of a node's facts is other than before: all is read anew then."""


class Stamp(Struct, frozen=True):
    """By what a file is known to be unchanged: its time in nanoseconds, and its size."""

    mtime_ns: int
    size: int


NO_STAMP = Stamp(0, 0)


class Line(Struct, frozen=True):
    """What was read of one file: its path, and whose facts."""

    path: str
    certname: str
    stamp: Stamp
    facts: NodeFacts


class _Head(Struct, frozen=True):
    version: int
    names: tuple[str, ...]


def keep(shelf: Shelf, folder: str, names: tuple[str, ...], lines: Iterable[Line]) -> None:
    """Write what was read of a folder, for rules that name these facts. Raises `StateError`."""
    shelf.write(file_of(folder, _KIND), _KIND, _encoded(names, lines), lasting=False)


def restore(shelf: Shelf, folder: str, names: tuple[str, ...]) -> tuple[Line, ...]:
    """What was kept of a folder; nothing where there is none, or none that makes sense. What was kept for rules that
    named other facts has the stamp of no file, so that it is read anew where that is possible.
    """
    file = file_of(folder, _KIND)
    written = shelf.read(file, _KIND)
    if written is None:
        return ()
    try:
        head = msgspec.json.decode(written[0], type=_Head)
        if head.version != _VERSION:
            return ()
        lines = tuple(msgspec.json.decode(line, type=Line) for line in written[1:])
    except (msgspec.MsgspecError, IndexError, RecursionError) as error:
        shelf.put_aside(file, str(error))
        return ()
    return lines if head.names == names else tuple(replace(line, stamp=NO_STAMP) for line in lines)


def _encoded(names: tuple[str, ...], lines: Iterable[Line]) -> Iterator[bytes]:
    yield msgspec.json.encode(_Head(_VERSION, names))
    yield from map(msgspec.json.encode, lines)
