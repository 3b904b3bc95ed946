"""Which entries are ours, and the entries that a server has told of so far.

Containers (organizational units and their like) are among them: a renamed one moves everything below it, of
which LDAP sync says nothing.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Self

from msgspec import Struct

from errors import SourceError
from facts.directory.entries import Directory, Entry
from facts.directory.names import below, normalise
from settings import DirectorySettings

_OURS = ("puppetClient", "enclumeService", "enclumeHost", "enclumeSite", "enclumeProfile", "device")
_LEGACY = ("puppetClient",)
_CONTAINERS = ("organizationalUnit", "organization", "locality", "dcObject")


class RefreshRequired(Exception):
    """What was followed so far can no longer be trusted: everything is to be read again."""


class NoSync(Exception):
    """The server has no RFC 4533 sync for this base."""


class Scope(Struct, frozen=True):
    """The entries that matter: of these object classes, at or below these bases (normalised DNs).

    `base` is as in the settings; all `bases` are at or below it.
    """

    base: str
    bases: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def filter(self) -> str:
        """The LDAP filter that finds entries of these classes."""
        return "(|" + "".join(f"(objectClass={name})" for name in self.classes) + ")"

    def holds(self, key: str) -> bool:
        """Whether an entry with this normalised DN is at or below one of the bases."""
        return any(below(key, base) for base in self.bases)

    def matches(self, entry: Entry) -> bool:
        """Whether the entry is of one of these classes, at or below one of the bases."""
        names = {name.lower() for name in self.classes}
        return self.holds(entry.key) and any(name.lower() in names for name in entry.values("objectclass"))


def scope_of(settings: DirectorySettings) -> Scope:
    """What the settings ask for. Raises `SourceError` when a search base is no DN or not below `directory.base`."""
    root = _base(settings.base, settings.base)
    if settings.legacy:
        named = [base for base in (settings.profiles, settings.services, settings.sites) if base]
        bases = (_base(base, settings.base) for base in (settings.hosts or settings.base, *named))
        return Scope(settings.base, tuple(bases), _LEGACY + _CONTAINERS)
    wanted = (settings.hosts_base, settings.profiles_base, settings.services_base, settings.sites_base)
    bases = (_base(base, settings.base) for base in wanted)
    for base, key in zip(wanted, found := tuple(bases), strict=True):
        if not below(key, root):
            raise SourceError(base, f"this search base is not below directory.base {settings.base}", "correct either")
    return Scope(settings.base, found, _OURS + _CONTAINERS)


def _base(dn: str, target: str) -> str:
    try:
        return normalise(dn)
    except ValueError as error:
        raise SourceError(target, f"directory settings: {error}", "write a DN such as dc=example,dc=org") from error


class Content:
    """The entries of a scope as a server tells of them one by one, by their entryUUID (16 bytes).

    `view` has those at or below the bases by normalised DN. An entry that comes again as it was stays the same
    object; `reuse` (by normalised DN too) are such objects from before.
    """

    def __init__(self, scope: Scope, reuse: Mapping[str, Entry] | None = None) -> None:
        self.scope = scope
        self.reuse = reuse or {}
        self.by_uuid: dict[bytes, Entry] = {}
        self.view: dict[str, Entry] = {}

    def copy(self) -> Self:
        """An independent content with the same entries."""
        twin = copy(self)
        twin.by_uuid, twin.view = self.by_uuid.copy(), self.view.copy()
        return twin

    def __contains__(self, uuid: bytes) -> bool:
        return uuid in self.by_uuid

    def put(self, uuid: bytes, entry: Entry) -> None:
        """An entry is there, or has changed. Raises `RefreshRequired` when others moved with it."""
        old = self.by_uuid.get(uuid)
        if old is not None and old.key != entry.key:
            self._moved(old)
        known = old or self.reuse.get(entry.key)
        kept = known if known == entry else entry
        self.by_uuid[uuid] = kept
        if self.scope.holds(kept.key):
            self.view[kept.key] = kept

    def drop(self, uuid: bytes) -> None:
        """An entry is gone, or no longer ours; unknown ones are no matter."""
        old = self.by_uuid.pop(uuid, None)
        if old is not None and self.view.get(old.key) is old:
            del self.view[old.key]

    def keep_only(self, uuids: Iterable[bytes]) -> None:
        """All other entries are gone."""
        for uuid in self.by_uuid.keys() - set(uuids):
            self.drop(uuid)

    def directory(self) -> Directory:
        """The entries as they stand now; later changes do not reach it."""
        return Directory(self.scope.base, self.view.copy())

    def _moved(self, old: Entry) -> None:
        if any(entry is not old and below(entry.key, old.key) for entry in self.by_uuid.values()):
            raise RefreshRequired(f"{old.dn} was renamed with entries below it")
        if self.view.get(old.key) is old:
            del self.view[old.key]
