"""Changes in memory do what a real slapd does: the same refused, the same accepted, the same directory after it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import LdifError
from facts.directory.apply import apply
from facts.directory.connection import close, connect
from facts.directory.content import Content, Scope
from facts.directory.entries import Directory
from facts.directory.ldif import parse
from facts.directory.names import normalise
from facts.directory.refresh import load
from facts.directory.sync import Link
from tests.facts.directory.contract import BASE, LDIF
from tests.live.following import settings
from tests.live.slapd import Refused, Slapd

HOSTS = f"ou=hosts,{BASE}"
SEEDS = range(3)
NAMES = ("cn=a", "cn=B", "cn=c d", r"cn=e\2Cf", "cn=g+serialNumber=1", "serialNumber=2", "cn=h")
PLACES = (HOSTS, f"ou=rack,{HOSTS}", f"cn=h,{HOSTS}", f"ou=services,{BASE}", f"ou=none,{BASE}")
VALUES = {
    "description": ("x", "X", "x  y", "X y", "é"),
    "serialNumber": ("1", "2", "a", "A"),
    "puppetClass": ("web", "Web", "a::b"),
    "enclumeParameter": ("a::b=1", "A::b=1"),
    "seeAlso": (HOSTS, HOSTS.upper(), BASE),
    "cn": ("a", "b", "A", "e,f"),
}


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(Path(tmp_path_factory.mktemp("slapd")), ldif=LDIF) as server:
        yield server


def everything(slapd: Slapd) -> Directory:
    """All entries of the server, whatever their class."""
    scope = Scope(BASE, (BASE,), ("*",))
    content = Content(scope)
    connection = connect(settings(slapd.uri), slapd.uri)
    try:
        load(Link(connection, slapd.uri, 5), scope, content)
    finally:
        close(connection)
    return content.directory()


def shape(directory: Directory) -> dict[str, tuple[str, dict[str, set[str]]]]:
    return {
        key: (entry.dn, {name: {_pretty(name, value) for value in values} for name, values in entry.attributes.items()})
        for key, entry in directory.entries.items()
    }


def _pretty(name: str, value: str) -> str:
    """A server spells DNs its own way."""
    return normalise(value) if name == "seealso" else value


class Changes:
    """Changes that nobody would make, most of them possible."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self, directory: Directory) -> str:
        pick = self._random.choice
        known = [entry.dn for entry in directory.entries.values() if entry.key.endswith("," + HOSTS)]
        dn = pick(known) if known and self._random.random() < 0.9 else f"{pick(NAMES)},{pick(PLACES)}"
        make = pick((self._add, self._add, self._modify, self._modify, self._modify, self._rename, self._delete))
        return make(dn)

    def _add(self, _: str) -> str:
        dn = f"{self._random.choice((*NAMES, 'ou=rack'))},{self._random.choice(PLACES)}"
        if dn.startswith("ou="):
            return f"dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n"
        classes = "".join(f"objectClass: {name}\n" for name in ("device", "puppetClient", "enclumeHost"))
        # A device needs a cn: what only a schema would refuse is left out.
        name = "" if dn.startswith("cn=") and self._random.random() < 0.5 else "cn: a\n"
        return f"dn: {dn}\nchangetype: add\n{classes}{name}{self._values('description')}"

    def _modify(self, dn: str) -> str:
        if dn.startswith("ou="):
            return f"dn: {dn}\nchangetype: modify\n{self._part('description')}"
        names = self._random.sample(sorted(VALUES), 2)
        return f"dn: {dn}\nchangetype: modify\n" + "".join(self._part(name) for name in names)

    def _part(self, name: str) -> str:
        kind = self._random.choice(("add", "delete", "replace"))
        values = self._values(name)
        if name == "cn" and not (values and kind != "delete"):
            kind, values = "add", f"cn: {self._random.choice(VALUES['cn'])}\n"
        if kind == "add" and not values:
            kind = "replace"
        return f"{kind}: {name}\n{values}-\n"

    def _values(self, name: str) -> str:
        count = self._random.choice((0, 1, 1, 2))
        return "".join(f"{name}: {value}\n" for value in self._random.sample(VALUES[name], count))

    def _rename(self, dn: str) -> str:
        new = "ou=Rack" if dn.startswith("ou=") else self._random.choice([name for name in NAMES if "cn=" in name])
        superior = f"newsuperior: {self._random.choice(PLACES)}\n" if self._random.random() < 0.4 else ""
        return f"dn: {dn}\nchangetype: modrdn\nnewrdn: {new}\ndeleteoldrdn: {self._random.choice('01')}\n{superior}"

    def _delete(self, dn: str) -> str:
        return f"dn: {dn}\nchangetype: delete\n"


def refused_by(slapd: Slapd, ldif: str) -> str:
    try:
        slapd.modify(ldif)
    except Refused as refusal:
        return str(refusal)
    return ""


def applied(directory: Directory, ldif: str) -> tuple[Directory, str]:
    try:
        return apply(directory, parse(ldif)), ""
    except LdifError as refusal:
        return directory, str(refusal)


@pytest.mark.parametrize("seed", SEEDS)
def test_slapd_and_memory_agree(slapd: Slapd, seed: int) -> None:
    directory, changes = everything(slapd), Changes(seed)
    accepted = 0
    for _ in range(120):
        ldif = changes.one(directory)
        refusal = refused_by(slapd, ldif)
        directory, ours = applied(directory, ldif)
        assert bool(ours) == bool(refusal), f"slapd: {refusal or 'accepted'}; memory: {ours or 'accepted'}:\n{ldif}"
        assert shape(directory) == shape(everything(slapd)), ldif
        accepted += not refusal
    assert accepted > 10
