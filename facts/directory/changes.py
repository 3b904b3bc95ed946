"""Changes to a directory as values: what an LDIF record asks for.

Each remembers its line in the LDIF, for what is said when it cannot be done. A value is text, or bytes where it
is no UTF-8: such values are never part of an `Entry`.
"""

from typing import Literal

from msgspec import Struct

Value = str | bytes
Kind = Literal["add", "delete", "replace", "increment"]


class Attribute(Struct, frozen=True):
    """An attribute, named as the LDIF spells it, with its values."""

    name: str
    values: tuple[Value, ...]


class Add(Struct, frozen=True):
    """A new entry: a content record, or changetype add."""

    line: int
    dn: str
    attributes: tuple[Attribute, ...]


class Modification(Struct, frozen=True):
    """One part of a modify. No values: all of the attribute (delete, replace)."""

    line: int
    kind: Kind
    attribute: Attribute


class Modify(Struct, frozen=True):
    """Changes to one entry, all or none."""

    line: int
    dn: str
    modifications: tuple[Modification, ...]


class Delete(Struct, frozen=True):
    """An entry goes away."""

    line: int
    dn: str


class Rename(Struct, frozen=True):
    """An entry gets another RDN, and with `superior` another parent; what is below goes with it."""

    line: int
    dn: str
    new_rdn: str
    delete_old_rdn: bool
    superior: str | None = None


Change = Add | Modify | Delete | Rename
