"""Changes made to a directory in memory, with LDAP's own refusals.

What a schema would refuse is not refused here, since no schema is known. DNs that name a renamed entry elsewhere
stay as they are, as in OpenLDAP.
"""

from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace

from errors import LdifError
from facts.directory.attributes import Attributes, text_of
from facts.directory.changes import Add, Change, Delete, Modify, Rename
from facts.directory.entries import Directory, Entry
from facts.directory.names import below, normalise, parent
from facts.directory.rdn import pairs, split


def apply(directory: Directory, changes: Iterable[Change]) -> Directory:
    """The directory after the changes; entries that none of them touches stay the same objects.

    A changed entry has no `csn`, a new one no `uuid` either, unless the LDIF names them. Raises `LdifError` for
    the first change that LDAP would refuse.
    """
    tree = _Tree(directory)
    for change in changes:
        match change:
            case Add():
                tree.add(change)
            case Modify():
                tree.modify(change)
            case Delete():
                tree.delete(change)
            case Rename():
                tree.rename(change)
    return Directory(directory.base, tree.entries)


class _Tree:
    """The entries while they are changed, and how many stand below each."""

    def __init__(self, directory: Directory) -> None:
        self.entries = dict(directory.entries)
        self._base = normalise(directory.base)
        self._children = Counter(map(parent, self.entries))

    def add(self, change: Add) -> None:
        key = _key(change, change.dn)
        if key in self.entries:
            raise _refused(change, "this entry exists already")
        self._check_parent(change, parent(key))
        above = self.entries.get(parent(key))
        dn = f"{split(change.dn)[0]},{above.dn}" if above else change.dn
        attributes = Attributes(change)
        for attribute in change.attributes:
            attributes.add(change.line, attribute)
        if not attributes.found.get("objectclass"):
            raise _refused(change, "an entry needs an objectClass")
        for name, value in pairs(split(change.dn)[0]):
            attributes.have(name, value)
        uuid, csn = text_of(change, "entryuuid"), text_of(change, "entrycsn")
        self._put(Entry(dn, key, uuid, csn, *attributes.shown()))

    def modify(self, change: Modify) -> None:
        entry = self._entry(change)
        attributes = Attributes(change, entry)
        for part in change.modifications:
            attributes.change(part)
        for name, value in pairs(split(entry.dn)[0]):
            if not attributes.has(name, value):
                raise _refused(change, f"{name}: {value} is part of the entry's name; rename the entry (modrdn)")
        if not attributes.found.get("objectclass"):
            raise _refused(change, "an entry needs an objectClass")
        self._put(Entry(entry.dn, entry.key, entry.uuid, "", *attributes.shown()))

    def delete(self, change: Delete) -> None:
        entry = self._entry(change)
        if self._children[entry.key]:
            raise _refused(change, "other entries stand below this one; delete them first")
        self._take(entry)

    def rename(self, change: Rename) -> None:
        entry = self._entry(change)
        above = self._above(change, entry)
        dn = f"{change.new_rdn},{above}" if above else change.new_rdn
        key = _key(change, dn)
        if key != entry.key and key in self.entries:
            raise _refused(change, f"the entry {dn} exists already")
        attributes = Attributes(change, entry)
        if change.delete_old_rdn:
            for name, value in pairs(split(entry.dn)[0]):
                attributes.lack(name, value)
        for name, value in pairs(change.new_rdn):
            attributes.have(name, value)
        lower = [found for found in self.entries.values() if found is not entry and below(found.key, entry.key)]
        self._take(entry)
        self._put(Entry(dn, key, entry.uuid, "", *attributes.shown()))
        for found in lower:
            self._move(found, entry.dn, dn)

    def _above(self, change: Rename, entry: Entry) -> str:
        """The DN below which a renamed entry will stand."""
        if parent(_key(change, change.new_rdn)):
            raise _refused(change, f"newrdn {change.new_rdn!r} is no single name such as cn=web01")
        if change.superior is None:
            return ",".join(split(entry.dn)[1:])
        key = _key(change, change.superior)
        if below(key, entry.key):
            raise _refused(change, "an entry cannot move below itself")
        self._check_parent(change, key)
        return self.entries[key].dn if key in self.entries else change.superior

    def _move(self, entry: Entry, old: str, new: str) -> None:
        """Let an entry stand below the renamed one; it has not changed itself, so that its csn stays."""
        own = split(entry.dn)[: len(split(entry.dn)) - len(split(old))]
        dn = ",".join([*own, new])
        self._take(entry)
        self._put(replace(entry, dn=dn, key=normalise(dn)))

    def _check_parent(self, change: Change, key: str) -> None:
        if below(key, self._base) and key != self._base and key not in self.entries:
            raise _refused(change, f"there is no entry {key} for it to stand below")

    def _entry(self, change: Change) -> Entry:
        entry = self.entries.get(_key(change, change.dn))
        if entry is None:
            raise _refused(change, "there is no such entry (among those that Enclume reads)")
        return entry

    def _put(self, entry: Entry) -> None:
        if entry.key not in self.entries:
            self._children[parent(entry.key)] += 1
        self.entries[entry.key] = entry

    def _take(self, entry: Entry) -> None:
        self._children[parent(entry.key)] -= 1
        del self.entries[entry.key]


def _key(change: Change, dn: str) -> str:
    try:
        return normalise(dn)
    except ValueError as error:
        raise _refused(change, str(error)) from error


def _refused(change: Change, reason: str) -> LdifError:
    return LdifError(change.line, change.dn, reason)
