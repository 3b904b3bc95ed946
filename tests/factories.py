"""Factories of real entries, directories, domains and estates, so that a test says only what it is about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from enc import rules as enc_rules
from enc.answer import Result, answer
from enc.rules import Rules
from facts.directory.entries import Directory, Entry
from facts.directory.meaning import EMPTY, Meaning, understand
from facts.directory.names import normalise
from facts.estate import Estate, Node, Remembered
from facts.findings import Finding
from facts.inventory.domains import Disk, Domain, HypervisorSeen, Interface, State
from facts.join import Joined, Seen, join
from facts.puppet import FactSets
from settings import Settings, parse

BASE = "dc=lab,dc=test"
GIB = 2**30
NO_RULES = Rules((), ())
Values = str | Sequence[str]


def host_dn(name: str) -> str:
    """The DN of a host."""
    return f"cn={name},ou=hosts,{BASE}"


def service_dn(name: str) -> str:
    """The DN of a service."""
    return f"cn={name},ou=services,{BASE}"


def profile_dn(name: str) -> str:
    """The DN of a profile."""
    return f"cn={name},ou=profiles,{BASE}"


def site_dn(name: str) -> str:
    """The DN of a site."""
    return f"ou={name},ou=sites,{BASE}"


def entry(dn: str, **attributes: Values) -> Entry:
    """An entry; an attribute is one value or several, under the server's spelling of its name. `entryCSN` may be
    among them.
    """
    values = {name.lower(): (given,) if isinstance(given, str) else tuple(given) for name, given in attributes.items()}
    (csn,) = values.pop("entrycsn", ("20240101000000.000000Z#000000#000#000000",))
    spelling = {name.lower(): name for name in attributes if name.lower() in values and name != name.lower()}
    return Entry(dn, normalise(dn), str(uuid5(NAMESPACE_DNS, dn)), csn, values, spelling)


def host(name: str, **attributes: Values) -> Entry:
    """A host's entry, physical unless its enclumeKind says otherwise; "" leaves enclumeKind out."""
    classes = ("device", "ipHost", "puppetClient", "enclumeHost")
    attributes = {"enclumeKind": "physical"} | attributes
    if not attributes["enclumeKind"]:
        del attributes["enclumeKind"]
    return entry(host_dn(name), **({"objectClass": classes, "cn": name} | attributes))


def guest(name: str, **attributes: Values) -> Entry:
    """A guest's entry."""
    return host(name, **({"enclumeKind": "guest"} | attributes))


def kvm(name: str, site: str = "", **attributes: Values) -> Entry:
    """A hypervisor's entry, with a libvirt URI."""
    stated: dict[str, Values] = {
        "enclumeKind": "hypervisor",
        "enclumeLibvirtURI": f"qemu+tls://{name}/system",
    }
    if site:
        stated["enclumeAtSite"] = site_dn(site)
    return host(name, **(stated | attributes))


def service(name: str, *, members: Iterable[str] = (), **attributes: Values) -> Entry:
    """A service's entry; `members` are certnames."""
    stated: dict[str, Values] = {"objectClass": ("enclumeService", "puppetClient"), "cn": name}
    if members:
        stated["member"] = tuple(host_dn(member) for member in members)
    return entry(service_dn(name), **(stated | attributes))


def service_at(name: str, site: str, *, members: Iterable[str] = (), **attributes: Values) -> Entry:
    """What a service states for one site."""
    stated: dict[str, Values] = {
        "objectClass": ("enclumeService", "puppetClient"),
        "cn": site,
        "enclumeAtSite": site_dn(site),
    }
    if members:
        stated["member"] = tuple(host_dn(member) for member in members)
    return entry(f"cn={site},{service_dn(name)}", **(stated | attributes))


def profile(name: str, **attributes: Values) -> Entry:
    """A profile's entry."""
    classes = ("device", "puppetClient", "enclumeProfile")
    return entry(profile_dn(name), **({"objectClass": classes, "cn": name} | attributes))


def site(name: str, **attributes: Values) -> Entry:
    """A site's entry."""
    classes = ("organizationalUnit", "enclumeSite", "puppetClient")
    return entry(site_dn(name), **({"objectClass": classes, "ou": name} | attributes))


def directory(*entries: Entry) -> Directory:
    """A directory of these entries."""
    return Directory(BASE, {one.key: one for one in entries})


def uuid_of(name: str) -> str:
    """The UUID that `domain` gives a domain of this name."""
    return str(uuid5(NAMESPACE_DNS, f"domain {name}"))


def domain(
    name: str,
    state: State = "running",
    reason: str = "booted",
    *,
    uuid: str = "",
    memory: int = GIB,
    networks: Iterable[str] = (),
    disks: Iterable[Disk] = (),
) -> Domain:
    """A domain; `networks` are the libvirt networks that it has an interface on."""
    interfaces = tuple(Interface(f"52:54:00:00:00:{number:02x}", network) for number, network in enumerate(networks))
    found = uuid or uuid_of(name)
    return Domain(found, name, state, reason, memory, 2, True, True, interfaces, tuple(disks))


def shows(*domains: Domain, hostname: str = "kvm") -> HypervisorSeen:
    """What a hypervisor shows."""
    ordered = tuple(sorted(domains, key=lambda one: one.uuid))
    return HypervisorSeen(hostname, 16, 64 * GIB, "9.0.0", ordered)


def settings(directory: Mapping[str, Any] | None = None, **others: Any) -> Settings:
    """Settings for the directory below BASE."""
    stated = {"uri": "ldap://ldap.lab.test", "base": BASE} | dict(directory or {})
    return parse({"directory": stated, "state": "/nonexistent"} | others)


def rules(text: str) -> Rules:
    """Rules from YAML."""
    return enc_rules.parse(text, "rules.yaml")


class World:
    """An estate under way: entries and hypervisors that a test changes between two joins."""

    def __init__(self, *entries: Entry, settings: Settings | None = None) -> None:
        self.settings = settings or _SETTINGS
        self.entries: dict[str, Entry] = {}
        self.hypervisors: dict[str, HypervisorSeen] = {}
        self.unreadable: set[str] = set()
        self.facts = FactSets({})
        self.remembered: Mapping[str, Remembered] = {}
        self.meaning: Meaning = EMPTY
        self.before: Joined | None = None
        self.put(*entries)

    def put(self, *entries: Entry) -> None:
        """Add or replace entries."""
        self.entries |= {one.key: one for one in entries}

    def drop(self, *dns: str) -> None:
        """Remove entries."""
        for dn in dns:
            del self.entries[normalise(dn)]

    def see(self, hypervisor: str, *domains: Domain) -> None:
        """The hypervisor is read, and shows these domains."""
        self.hypervisors[hypervisor] = shows(*domains, hostname=hypervisor)
        self.unreadable.discard(hypervisor)

    def fail(self, hypervisor: str) -> None:
        """The hypervisor cannot be read now."""
        self.unreadable.add(hypervisor)

    def seen(self) -> Seen:
        """All that the sources last saw."""
        held = Directory(self.settings.directory.base, dict(self.entries))
        self.meaning = understand(held, self.settings.directory, self.meaning)
        return Seen(held, self.meaning, dict(self.hypervisors), frozenset(self.unreadable), self.facts)

    def estate(self, fact_names: tuple[str, ...] = ()) -> Estate:
        """The estate now; the next one is joined onto it."""
        self.before = join(self.seen(), self.settings, self.remembered, fact_names, self.before)
        self.remembered = self.before.estate.remembered
        return self.before.estate

    def node(self, certname: str) -> Node:
        """One node of the estate now."""
        return self.estate().nodes[certname]

    def answer(self, certname: str, by: Rules = NO_RULES) -> Result:
        """What one node is told now."""
        return answer(self.estate(by.fact_names).nodes[certname], by, self.settings.answer)


def codes(findings: Iterable[Finding]) -> list[str]:
    """The sorted codes of findings."""
    return sorted(finding.code for finding in findings)


_SETTINGS = settings()
