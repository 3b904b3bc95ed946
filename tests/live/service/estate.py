"""A small estate that is real all through: a slapd, two hypervisors, four guests, and machines in LDAP alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.live.hypervisors import Hypervisor, laboratory
from tests.live.slapd import Slapd

BASE = "dc=lab,dc=test"
SITE = f"ou=larema,ou=sites,{BASE}"
GUESTS = {"alpha": "coquille1", "beta": "coquille1", "gamma": "coquille1", "delta": "coquille2"}
MACHINES = tuple(f"calc{number:02}.lab.test" for number in range(1, 9))
HYPERVISORS = ("coquille1.lab.test", "coquille2.lab.test")
NODES = (*(f"{guest}.lab.test" for guest in GUESTS), *MACHINES, *HYPERVISORS)

_BASE = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: lab
o: Laboratory

dn: ou=sites,{BASE}
objectClass: organizationalUnit
ou: sites

dn: {SITE}
objectClass: organizationalUnit
objectClass: puppetClient
objectClass: enclumeSite
ou: larema
environment: production

dn: ou=profiles,{BASE}
objectClass: organizationalUnit
ou: profiles

dn: cn=base,ou=profiles,{BASE}
objectClass: device
objectClass: puppetClient
objectClass: enclumeProfile
cn: base
puppetClass: profile_base

dn: ou=hosts,{BASE}
objectClass: organizationalUnit
ou: hosts

dn: ou=services,{BASE}
objectClass: organizationalUnit
ou: services
"""


def dn_of(certname: str) -> str:
    """A host's DN."""
    return f"cn={certname},ou=hosts,{BASE}"


def service_dn(name: str) -> str:
    """A service's DN."""
    return f"cn={name},ou=services,{BASE}"


def host(certname: str, kind: str, *lines: str) -> str:
    """A host's entry at the site, with these lines more."""
    return "\n".join(
        (
            f"dn: {dn_of(certname)}", "objectClass: device", "objectClass: ipHost", "objectClass: puppetClient",
            "objectClass: enclumeHost", f"cn: {certname}", "ipHostNumber: 10.49.0.9", f"enclumeKind: {kind}",
            f"enclumeAtSite: {SITE}", "parentNode: base", *lines, "",
        )
    )  # fmt: skip


def service(name: str, *lines: str) -> str:
    """A service's entry, which gives the class of its name."""
    classes = ("objectClass: enclumeService", "objectClass: puppetClient")
    return "\n".join((f"dn: {service_dn(name)}", *classes, f"cn: {name}", f"puppetClass: {name}", *lines, ""))


def estate_ldif(one: str, two: str) -> str:
    """The directory, with the libvirt URIs of the two hypervisors."""
    uris = zip(HYPERVISORS, (one, two), strict=True)
    members = [f"member: {dn_of(machine)}" for machine in MACHINES]
    entries = [
        _BASE,
        *(host(name, "hypervisor", f"enclumeLibvirtURI: {uri}") for name, uri in uris),
        *(host(f"{guest}.lab.test", "guest") for guest in GUESTS),
        *(host(machine, "physical") for machine in MACHINES),
        service("compute", *members),
        service("web", f"member: {dn_of('alpha.lab.test')}", 'enclumeParameter: web::php="8.3"'),
    ]
    return "\n".join(entries)


class SmallEstate(Struct, frozen=True):
    """What runs."""

    slapd: Slapd
    one: Hypervisor
    two: Hypervisor

    def settings(self, uri: str | None = None, **directory: Any) -> dict[str, Any]:
        """Settings that make the service notice quickly what is wrong, and the guard strict."""
        return {
            "directory": {"uri": uri or self.slapd.uri, "base": BASE, "deadline": 1, "heartbeat": 0.5, **directory},
            "hypervisors": {"deadline": 1, "interval": 0.5},
            "guard": {"changed": 0.1, "shrunk": 0.1, "at_least": 3},
            "answer": {"parameters": "inline"},
        }

    def replace(self, dn: str, attribute: str, *values: str) -> None:
        """Give an attribute these values, none to remove it."""
        self.change(dn, "replace", attribute, *values)

    def change(self, dn: str, how: str, attribute: str, *values: str) -> None:
        """Add, delete or replace an attribute's values."""
        lines = "".join(f"{attribute}: {value}\n" for value in values)
        self.slapd.modify(f"dn: {dn}\nchangetype: modify\n{how}: {attribute}\n{lines}")


@contextmanager
def small_estate(folder: Path, **slapd: Any) -> Iterator[SmallEstate]:
    """Everything but the service, running; `slapd` says what kind of slapd."""
    with laboratory("coquille1", "coquille2") as (one, two):
        for guest, where in GUESTS.items():
            hypervisor = one if where == one.name else two
            hypervisor.define(guest)
            hypervisor.start(guest)
        with Slapd(folder, base=BASE, ldif=estate_ldif(one.uri, two.uri), **slapd) as server:
            yield SmallEstate(server, one, two)
