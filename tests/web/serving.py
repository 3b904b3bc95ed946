"""A whole service over a directory and an inventory in memory: for what only the routes decide."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

import settings
from app import Runtime, create_app
from facts.directory.memory import MemoryDirectory
from facts.inventory.domains import Domain, HypervisorSeen, State
from facts.inventory.memory import MemoryInventory
from settings import Settings
from tests.waiting import until

BASE = "dc=lab,dc=test"
UUID = "5a000000-0000-4000-8000-00000000000{}"

LDIF = f"""\
dn: {BASE}
objectClass: dcObject
dc: lab

dn: ou=sites,{BASE}
objectClass: organizationalUnit
ou: sites

dn: ou=hosts,{BASE}
objectClass: organizationalUnit
ou: hosts

dn: ou=services,{BASE}
objectClass: organizationalUnit
ou: services

dn: ou=angers,ou=sites,{BASE}
objectClass: organizationalUnit
objectClass: enclumeSite
ou: angers

dn: cn=hv1.lab.test,ou=hosts,{BASE}
objectClass: device
objectClass: enclumeHost
cn: hv1.lab.test
enclumeKind: hypervisor
enclumeLibvirtURI: qemu:///system
enclumeAtSite: ou=angers,ou=sites,{BASE}

dn: cn=web.lab.test,ou=hosts,{BASE}
objectClass: device
objectClass: enclumeHost
objectClass: puppetClient
cn: web.lab.test
enclumeKind: guest
puppetClass: base

dn: cn=mail.lab.test,ou=hosts,{BASE}
objectClass: device
objectClass: enclumeHost
objectClass: puppetClient
cn: mail.lab.test
enclumeKind: guest
puppetClass: base

dn: cn=web_hosting,ou=services,{BASE}
objectClass: enclumeService
objectClass: puppetClient
cn: web_hosting
puppetClass: apache
enclumeParameter: apache::port=8080
member: cn=web.lab.test,ou=hosts,{BASE}
"""


def domain(number: int, name: str, state: State = "running") -> Domain:
    """A guest's domain."""
    return Domain(UUID.format(number), name, state, "booted", 2**31, 2, autostart=False, persistent=True)


def hypervisor(*domains: Domain) -> HypervisorSeen:
    """A hypervisor with these domains."""
    return HypervisorSeen("hv1", 8, 2**36, "9.0.0", domains)


class Service:
    """A running service in memory, and a client of it."""

    def __init__(self, runtime: Runtime, directory: MemoryDirectory, inventory: MemoryInventory) -> None:
        self.runtime, self.directory, self.inventory = runtime, directory, inventory
        self.app = create_app(runtime)
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, **environ: Any) -> Any:
        """The response to a GET."""
        return self.client.get(path, environ_base=environ)

    def preview(self, *lines: str) -> Any:
        """What one LDIF record would do."""
        return self.client.post("/preview", data="\n".join(lines) + "\n").json

    def wait_for(self, certname: str, status: int = 200) -> Any:
        """The response for a node once it has this status."""
        self.until(lambda: self.get(f"/enc/{certname}").status_code == status, f"{status} for {certname}")
        return self.get(f"/enc/{certname}")

    def until(self, condition: Any, what: str) -> None:
        """Wait for a condition."""
        until(condition, 10, what)

    def modify(self, *lines: str) -> None:
        """Apply one LDIF record to the directory."""
        self.directory.modify("\n".join(lines) + "\n")


def configured(folder: Path, **more: Any) -> Settings:
    """Settings with a state folder."""
    return settings.parse({"directory": {"uri": "ldapi://x", "base": BASE}, "state": str(folder), **more})


@contextmanager
def service(folder: Path, ldif: str = LDIF, **more: Any) -> Iterator[Service]:
    """A service that has read everything once."""
    the_settings = configured(folder, **more)
    directory, inventory = MemoryDirectory(the_settings.directory, ldif), MemoryInventory()
    inventory.set("hv1.lab.test", hypervisor(domain(1, "web"), domain(2, "mail")))
    inventory.set("hv2.lab.test", hypervisor())
    runtime = Runtime(the_settings, directory, inventory)
    runtime.start()
    try:
        served = Service(runtime, directory, inventory)
        until(lambda: runtime.now.generation.number, 10, "the first generation")
        until(lambda: runtime.observatory.restored, 10, "what was kept on disk")
        yield served
    finally:
        runtime.stop()
