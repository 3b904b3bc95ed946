"""One entry's attributes while an LDIF changes them.

Values are compared as the schemas of LDAP, Puppet and Enclume do: DN attributes as names, Enclume's own with case,
all others without case and with inner spaces squeezed.
"""

from functools import lru_cache

from errors import LdifError
from facts.directory.changes import Add, Attribute, Change, Modification, Value
from facts.directory.entries import Entry
from facts.directory.names import normalise

_DNS = frozenset(
    ("member", "owner", "seealso", "enclumeatsite", "enclumeproduction", "enclumebackup", "enclumerequires")
)
_EXACT = frozenset(
    "enclume" + name for name in ("kind", "libvirturi", "intent", "provides", "parameter", "offer", "network", "maxage")
)
# What servers keep themselves (RFC 4512, 3.4; OpenLDAP), or what nobody is shown: dumps have it, entries do not.
_LEFT_OUT = frozenset(
    (
        *("userpassword", "entryuuid", "entrycsn", "creatorsname", "createtimestamp", "modifiersname", "entrydn"),
        *("modifytimestamp", "structuralobjectclass", "subschemasubentry", "hassubordinates", "contextcsn"),
    )
)


def same(attribute: str, value: str) -> str:
    """What two values of an attribute (its name in lower case) have in common when LDAP takes them for one."""
    name = attribute.partition(";")[0]
    if name in _EXACT:
        return value
    if name in _DNS:
        try:
            return normalise(value)
        except ValueError:
            return value
    return " ".join(value.casefold().split())


def text_of(change: Add, attribute: str) -> str:
    """The first value of a new entry's attribute (its name in lower case), "" when it has none."""
    values = (known.values[0] for known in change.attributes if known.name.lower() == attribute and known.values)
    return next((value for value in values if isinstance(value, str)), "")


class Attributes:
    """The attributes of `entry`, or of a new one, while `change` is made to them."""

    def __init__(self, change: Change, entry: Entry | None = None) -> None:
        self._dn = change.dn
        self.found: dict[str, tuple[str, ...]] = dict(entry.attributes) if entry else {}
        self._spelling = dict(entry.spelling) if entry else {}

    def shown(self) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        """Attributes and spelling as an `Entry` has them."""
        found = {name: values for name, values in self.found.items() if values}
        return found, {name: self._spelling[name] for name in self._spelling if name in found}

    def has(self, name: str, value: str) -> bool:
        """Whether the attribute has the value, whatever its spelling."""
        key = name.lower()
        return same(key, value) in {same(key, known) for known in self.found.get(key, ())}

    def have(self, name: str, value: str) -> None:
        """See to it that the attribute has the value."""
        if not self.has(name, value):
            self._spell(name)
            self.found[name.lower()] = (*self.found.get(name.lower(), ()), value)

    def lack(self, name: str, value: str) -> None:
        """See to it that the attribute has not got the value."""
        key = name.lower()
        self.found[key] = tuple(known for known in self.found.get(key, ()) if same(key, known) != same(key, value))

    def change(self, part: Modification) -> None:
        """Make one part of a modify. Raises `LdifError` where LDAP would refuse it."""
        match part.kind:
            case "add":
                self.add(part.line, part.attribute)
            case "delete":
                self._delete(part.line, part.attribute)
            case "replace":
                self.found.pop(part.attribute.name.lower(), None)
                self.add(part.line, part.attribute)
            case "increment":
                self._increment(part.line, part.attribute)

    def add(self, line: int, attribute: Attribute) -> None:
        """Add values that are not there yet. Raises `LdifError` when one is."""
        key, values = attribute.name.lower(), _texts(attribute)
        known = {same(key, value) for value in self.found.get(key, ())}
        for value in values:
            if same(key, value) in known:
                raise LdifError(line, self._dn, f"{attribute.name} has the value {value!r} already")
            known.add(same(key, value))
        if values:
            self._spell(attribute.name)
            self.found[key] = (*self.found.get(key, ()), *values)

    def _delete(self, line: int, attribute: Attribute) -> None:
        key = attribute.name.lower()
        if left_out(key):
            return
        if key not in self.found or not self.found[key]:
            raise LdifError(line, self._dn, f"the entry has no {attribute.name}")
        if not attribute.values:
            del self.found[key]
        values = _texts(attribute)
        for value in values:
            if not self.has(key, value):
                raise LdifError(line, self._dn, f"{attribute.name} has no value {value!r}")
        for value in values:
            self.lack(key, value)

    def _increment(self, line: int, attribute: Attribute) -> None:
        """RFC 4525: every value grows by one number."""
        key = attribute.name.lower()
        try:
            (step,) = (int(value) for value in attribute.values)
            self.found[key] = tuple(str(int(value) + step) for value in self.found[key])
        except KeyError as error:
            raise LdifError(line, self._dn, f"the entry has no {attribute.name}") from error
        except ValueError as error:
            reason = f"{attribute.name} can only grow by one whole number, and from whole numbers"
            raise LdifError(line, self._dn, reason) from error

    def _spell(self, name: str) -> None:
        if name != name.lower():
            self._spelling.setdefault(name.lower(), name)


def _texts(attribute: Attribute) -> list[str]:
    """The values that an entry shows."""
    values: tuple[Value, ...] = () if left_out(attribute.name.lower()) else attribute.values
    return [value for value in values if isinstance(value, str)]


@lru_cache(maxsize=4096)
def left_out(name: str) -> bool:
    """Whether entries never show this attribute (its name in lower case)."""
    return name.partition(";")[0] in _LEFT_OUT
