"""An existing directory of `puppetClient` entries, read as Puppet's own LDAP terminus read it (removed in Puppet 6).

Source of the rules: `lib/puppet/indirector/node/ldap.rb` and `ldap.rb` of Puppet 4.x and 5.x. An entry is at once a
node, under each of its names (cn), and what another's `parentNode` names. Of a variable that an entry gives twice, the
last value counts; an attribute beats a `puppetVar` of its name; "true" and "false" are booleans, everything else stays
text. Where it raised an error (several parents, several environments), the node is held.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from facts.directory.entries import Entry
from facts.directory.names import normalise
from facts.directory.reading import Read, Reading, finish, name_of
from facts.directory.statements import BOOLEANS, RESERVED, VARIABLE, Reader
from facts.estate import Declared, Host, Profile
from settings import DirectorySettings

_NEVER = frozenset({"userpassword", "puppetvar"})


def readings(settings: DirectorySettings) -> tuple[Reading, ...]:
    """Every puppetClient entry below the base."""
    read = _with_attributes if settings.legacy_attributes else _plain
    return (Reading(normalise(settings.base), frozenset({"puppetclient"}), read),)


def declared(read: Iterable[Read]) -> Declared:
    """Every entry as a host, and as the profile that others' parentNode may name."""
    hosts = [host for one in read if isinstance(one.stated, Host) for host in _under_all_names(one.stated, one.entry)]
    return Declared(
        hosts={host.key: host for host in hosts},
        services={},
        profiles={host.key: _profile(host) for host in hosts},
        sites={},
        members={},
        findings=tuple({finding for host in hosts for finding in host.findings}),
    )


def _under_all_names(host: Host, entry: Entry) -> Iterable[Host]:
    """The host, and the same one under each other name of its entry."""
    yield host
    for name in sorted({value.lower() for value in entry.values("cn")} - {host.name}):
        yield replace(host, name=name, key=f"{host.key} as {name}")


def _profile(host: Host) -> Profile:
    return Profile(
        dn=host.dn,
        key=host.key,
        name=host.name,
        statements=host.statements,
        findings=host.findings,
        parent=host.profile,
    )


def _plain(entry: Entry) -> Read:
    return _host(entry, {})


def _with_attributes(entry: Entry) -> Read:
    spelled = {
        name: entry.spelling.get(name, name) for name in entry.attributes if name.partition(";")[0] not in _NEVER
    }
    return _host(entry, {spelled[name]: _one_or_many(entry.values(name)) for name in spelled})


def _host(entry: Entry, attributes: Mapping[str, Any]) -> Read:
    reader = Reader(entry)
    for value in entry.values("puppetclass"):
        reader.state_class(value)
    for value in entry.values("environment"):
        reader.state_environment(value)
    variables = dict(_variables(reader))
    for name, (value, attribute) in (variables | {n: (v, n) for n, v in attributes.items()}).items():
        if name not in RESERVED:
            reader.state("variable", name, _converted(value), attribute)
    if len(entry.values("parentnode")) > 1:
        reader.wrong(
            "bad_value", "parentNode", f"{entry.values('parentnode')}: an entry has one parent; remove the others"
        )
    host = Host(
        dn=entry.dn, key=entry.key, name=name_of(entry, "cn").lower(), profile=_lower(entry.first("parentnode"))
    )
    return finish(reader, host)


def _variables(reader: Reader) -> Iterable[tuple[str, tuple[str, str]]]:
    for value in reader.entry.values("puppetvar"):
        name, equals, content = value.partition("=")
        if not equals or not VARIABLE.fullmatch(name):
            reader.wrong("bad_name", "puppetVar", f"{value!r} is no `name=value` that Puppet accepts", holds=False)
        elif name in RESERVED:
            reader.wrong("reserved_name", "puppetVar", f"{name} is reserved: it is left out; rename it", holds=False)
        else:
            yield name, (content, "puppetVar")


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _converted(value: str | list[str]) -> Any:
    if isinstance(value, list):
        return [BOOLEANS.get(one, one) for one in value]
    return BOOLEANS.get(value, value)


def _lower(value: str | None) -> str | None:
    return value.lower() if value is not None else None
