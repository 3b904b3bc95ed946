"""LDAP entries as values: what the directory holds, before anybody asks what it means."""

from collections.abc import Mapping

from msgspec import Struct


class Entry(Struct, frozen=True, gc=False):
    """One LDAP entry.

    `key` is its DN normalised (`facts.directory.names.normalise`); `attributes` maps lower-case attribute
    names to their values in the server's order, as text. Values that are no UTF-8, `userPassword` and
    operational attributes are left out. `csn` is its entryCSN, "" where the server has none.
    `spelling` gives the server's own spelling of those attribute names that are not in lower case.
    """

    dn: str
    key: str
    uuid: str
    csn: str
    attributes: Mapping[str, tuple[str, ...]]
    spelling: Mapping[str, str] = {}

    def values(self, attribute: str) -> tuple[str, ...]:
        """The attribute's values (its name in lower case), () when it has none."""
        return self.attributes.get(attribute, ())

    def first(self, attribute: str) -> str | None:
        """The attribute's first value, None when it has none."""
        values = self.attributes.get(attribute)
        return values[0] if values else None


class Directory(Struct, frozen=True):
    """All entries below the search bases at one instant, by normalised DN.

    Whoever changes an entry makes a new `Directory`; unchanged entries stay the same objects.
    """

    base: str
    entries: Mapping[str, Entry]
