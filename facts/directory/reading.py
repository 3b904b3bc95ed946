"""How an entry is read: which reading takes it, and what comes of it."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from facts.directory.entries import Entry
from facts.directory.names import below
from facts.directory.statements import Reader
from facts.estate import Host, Profile, Service, Site

Subject = Host | Service | Profile | Site
S = TypeVar("S", Host, Service, Profile, Site)


class Read(Struct, frozen=True, gc=False):
    """One entry and what it means; `members` are the normalised DNs of a service's members."""

    entry: Entry
    stated: Subject
    members: tuple[str, ...] = ()


class Reading(Struct, frozen=True):
    """Reads the entries of some object classes (lower case) below one search base (normalised)."""

    base: str
    object_classes: frozenset[str]
    read: Callable[[Entry], Read]

    def takes(self, entry: Entry) -> bool:
        """Whether this reading is for the entry."""
        return below(entry.key, self.base) and any(
            value.lower() in self.object_classes for value in entry.values("objectclass")
        )


def name_of(entry: Entry, *attributes: str) -> str:
    """The value of the first of these attributes that the entry has, of several the one in its DN; or the DN."""
    values = next((values for values in map(entry.values, attributes) if any(values)), (entry.dn,))
    if len(values) == 1:
        return values[0]
    in_dn = (value for name in attributes for value in values if entry.key.startswith(f"{name}={value.casefold()},"))
    return next(in_dn, min(filter(None, values)))


def finish(reader: Reader, stated: S, members: tuple[str, ...] = ()) -> Read:
    """What was read of one entry, with its statements and findings."""
    stated = replace(stated, statements=tuple(reader.statements), findings=tuple(reader.findings))
    return Read(reader.entry, stated, members)
