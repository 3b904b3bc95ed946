"""Any directory and any inventory that hypothesis can think of, mostly in order."""

from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from enc.answer import Result, answer
from facts.directory.entries import Directory, Entry
from facts.directory.meaning import EMPTY, Meaning, understand
from facts.estate import Estate, Hardware, Remembered
from facts.inventory.domains import Disk, Domain, HypervisorSeen, Interface
from facts.join import Joined, Seen, join
from facts.puppet import FactSets
from settings import Settings
from tests.factories import (
    BASE,
    entry,
    guest,
    host,
    host_dn,
    kvm,
    profile,
    profile_dn,
    rules,
    service,
    service_at,
    service_dn,
    settings,
    shows,
    site,
    site_dn,
    uuid_of,
)

HOSTS = ["a.lab.test", "a", "b.lab.test", "c", "kvm1", "kvm2", "nfs", "Ünfug", "x y"]
PROFILES = ["base", "BASE", "top", "a"]
SERVICES = ["web", "files"]
SITES = ["angers", "lille"]
DOMAINS = ["a.lab.test", "a", "b", "b", "C", "other"]
UUIDS = [uuid_of(name) for name in ("one", "two", "three")]
RULES = rules(
    """
- {name: guests, when: {kind: guest, not: {layer: 1}}, classes: guest, parameters: {"x::y+": ["${node.certname}"]}}
- {name: mounts, when: {providers: nfs}, parameters: {"nfs::server": "${site.provider.nfs}"}, requires: [dns]}
- {name: risky, when: {certname: "b*"}, variables: {memory: "${node.memory}"}}
- {name: facts, when: {facts.os.family: [Debian, 1]}, environment: debian}
- {name: big, when: {memory: ">= 1 GiB", storage: [nfs, lvm]}, classes: [big]}
- {name: placed, when: {hypervisor: "kvm?", networks: [internal, lan], layer: [1, 2], site: angers}, classes: [placed]}
"""
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
).map(lambda value: msgspec.json.encode(value).decode())
DNS = st.sampled_from(
    [make(name) for make, names in ((host_dn, HOSTS[:7]), (service_dn, SERVICES), (site_dn, SITES)) for name in names]
) | st.sampled_from(["CN=A.lab.test , OU=Hosts,DC=lab,DC=test", "", "nonsense", f"cn=gone,{BASE}"])


def some(good: Any, most: int = 1) -> Any:
    """Good values, and garbage now and then."""
    value = st.integers(0, 15).flatmap(lambda chance: good if chance else TEXT)
    return st.lists(value, min_size=1, max_size=most, unique=True).map(tuple)


STATED: dict[str, Any] = {
    "puppetClass": some(st.sampled_from(["apache", "::php", "a::b", "guest"]), 3),
    "puppetVar": some(st.builds("{}={}".format, st.sampled_from(["room", "on", "enclume"]), TEXT), 3),
    "environment": some(st.sampled_from(["production", "test"]), 2),
    "enclumeParameter": some(
        st.builds("{}={}".format, st.sampled_from(["x::y", "apache::port"]), JSON)
        | st.builds("x::y+=[{}]".format, JSON),
        3,
    ),
    "description": some(TEXT),
}
HOST: dict[str, Any] = STATED | {
    "enclumeKind": some(st.sampled_from(["guest", "guest", "hypervisor", "physical"])),
    "enclumeLayer": some(st.sampled_from("12")),
    "enclumeAtSite": some(DNS),
    "enclumeLibvirtURI": some(st.sampled_from(["qemu:///system", "qemu+ssh://h/system?command=x"])),
    "enclumeDomainUUID": some(st.sampled_from(UUIDS)),
    "enclumeProduction": some(DNS),
    "enclumeBackup": some(DNS),
    "enclumeIntent": some(st.sampled_from(["off", "running"])),
    "enclumeRequires": some(DNS, 2),
    "ipHostNumber": some(st.sampled_from(["10.0.0.1", "2001:db8::1"]), 2),
    "parentNode": some(st.sampled_from(PROFILES)),
    "enclumeOffer": some(st.builds("k={}".format, JSON), 2),
}
SERVICE: dict[str, Any] = STATED | {
    "cn": some(st.sampled_from(SERVICES), 2),
    "member": some(DNS, 6),
    "enclumeAtSite": some(DNS),
    "enclumeProvides": some(st.sampled_from(["nfs", "DNS", "coffee"]), 2),
    "enclumeRequires": some(DNS, 2),
    "enclumePublic": some(st.sampled_from(["TRUE", "false"])),
}
PROFILE: dict[str, Any] = STATED | {"parentNode": some(st.sampled_from(PROFILES))}
SITE: dict[str, Any] = STATED | {
    "enclumeNetwork": some(st.sampled_from(["lan=internal 10.0.0.0/24 br0", "dmz=public 2001:db8::/32"]), 2)
}


def attributes(possible: Mapping[str, Any]) -> Any:
    """A few of the possible attributes."""
    names = st.lists(st.sampled_from(sorted(possible)), max_size=5, unique=True)
    return names.flatmap(lambda few: st.fixed_dictionaries({name: possible[name] for name in few}))


def entries_of(dns: Any, possible: Mapping[str, Any], *classes: str) -> Any:
    """Entries of one kind; they are named as their DN says."""

    def made(dn: str, stated: dict[str, Any]) -> Entry:
        kind, _, name = dn.partition(",")[0].partition("=")
        return entry(dn, **{kind.lower(): name.strip(), "objectClass": classes, **stated})

    return st.builds(made, dns, attributes(possible))


CLIENT = ("device", "puppetClient", "enclumeHost")
CERTNAMES = [host_dn(name) for name in HOSTS]
SERVICE_DNS = [service_dn(name) for name in SERVICES]
AT_SITES = [f"cn={name},{dn}" for dn in SERVICE_DNS for name in SITES]
ENTRIES = st.lists(
    st.one_of(
        entries_of(st.sampled_from([*CERTNAMES, f"cn=a,ou=old,ou=hosts,{BASE}"]), HOST, *CLIENT),
        entries_of(st.sampled_from(CERTNAMES[:7]), HOST, *CLIENT),
        entries_of(st.sampled_from(SERVICE_DNS + AT_SITES), SERVICE, "enclumeService", "puppetClient"),
        entries_of(st.sampled_from([profile_dn(name) for name in ("base", "top", "a")]), PROFILE, *CLIENT),
        entries_of(st.sampled_from([site_dn(name) for name in SITES]), SITE, "enclumeSite", "puppetClient"),
        entries_of(DNS.filter(lambda dn: dn.count("=") > 1), HOST | SERVICE | SITE, "enclumeService", *CLIENT),
    ),
    max_size=8,
)
FRAME = (
    site("angers", enclumeNetwork="lan=internal 10.0.0.0/24 br0"),
    site("lille"),
    kvm("kvm1", "angers"),
    kvm("kvm2", "lille"),
    host("nfs", enclumeAtSite=site_dn("angers")),
    guest("a.lab.test"),
    guest("b.lab.test", parentNode="base"),
    guest("c", enclumeProduction=host_dn("kvm2")),
    profile("base", parentNode="top", puppetClass="base"),
    profile("top"),
    service("web", members=["a.lab.test", "b.lab.test", "c"], enclumeRequires=service_dn("files")),
    service_at("web", "angers"),
    service("files", members=["nfs"], enclumeProvides="nfs"),
)


def framed(entries: list[Entry], whole: bool) -> list[Entry]:
    """The entries, over a directory that is in order."""
    frame = {one.key: one for one in FRAME} if whole else {}
    return list((frame | {one.key: one for one in entries}).values())


DIRECTORIES = st.builds(framed, ENTRIES, st.sampled_from([True, True, True, False]))
DISKS = st.lists(st.builds(Disk, TEXT, st.sampled_from(["nfs", "lvm", "file"]), TEXT, st.none() | TEXT), max_size=2)
DOMAIN = st.builds(
    lambda name, uuid, state, reason, memory, bridge, disks: Domain(
        uuid, name, state, reason, memory, 1, True, True, (Interface("52:54:00:00:00:01", bridge),), tuple(disks)
    ),
    st.sampled_from(DOMAINS),
    st.sampled_from(UUIDS),
    st.sampled_from(["running", "running", "shutoff", "paused", "crashed"]),
    st.sampled_from(["booted", "migration"]),
    st.integers(0, 2**40),
    st.none() | st.just("br0"),
    DISKS,
)
HYPERVISOR = st.lists(DOMAIN, max_size=4, unique_by=lambda one: one.uuid).map(lambda domains: shows(*domains))
HARDWARE = st.builds(Hardware, st.sampled_from(UUIDS), st.just(2**30), st.just(2), st.just(()), st.just(()))
REMEMBERED = st.builds(
    Remembered, st.just("guest"), st.none() | st.sampled_from(["kvm1", "kvm2", "gone"]), st.none() | HARDWARE
)
SETTINGS = st.sampled_from(
    [
        settings(),
        settings(hypervisors={"uris": {"kvm1": "qemu:///system"}}),
        settings(answer={"parameters": "inline"}),
        settings(sites=["angers"]),
        settings({"legacy": True}),
        settings({"legacy": True, "legacy_attributes": True}, hypervisors={"uris": {"kvm1": "qemu:///system"}}),
    ]
)


class Onto(Struct, frozen=True):
    """An estate with what the next join takes over, and what its directory means."""

    joined: Joined
    meaning: Meaning


class Case(Struct, frozen=True):
    """Everything that a join looks at."""

    settings: Settings
    entries: list[Entry]
    hypervisors: dict[str, HypervisorSeen]
    unreadable: frozenset[str]
    remembered: dict[str, Remembered]
    facts: dict[str, dict[str, Any]]

    def joined(self, remembered: Mapping[str, Remembered] | None = None, before: Estate | None = None) -> Estate:
        """The estate of it; `before` without what a join takes over besides the nodes."""
        onto = Onto(Joined(before), EMPTY) if before else None
        return self.onto(onto, self.remembered if remembered is None else remembered).joined.estate

    def onto(self, before: "Onto | None", remembered: Mapping[str, Remembered]) -> "Onto":
        """It joined onto what was before."""
        directory = Directory(BASE, {one.key: one for one in self.entries})
        meaning = understand(directory, self.settings.directory, before.meaning if before else EMPTY)
        seen = Seen(directory, meaning, self.hypervisors, self.unreadable, FactSets(self.facts))
        names = RULES.fact_names
        return Onto(join(seen, self.settings, remembered, names, before.joined if before else None), meaning)

    def answers(self, estate: Estate) -> dict[str, Result]:
        """Every node's result."""
        return {name: answer(node, RULES, self.settings.answer) for name, node in estate.nodes.items()}


CASES = st.builds(
    Case,
    SETTINGS,
    DIRECTORIES,
    st.dictionaries(st.sampled_from(["kvm1", "kvm2", "a"]), HYPERVISOR, max_size=3),
    st.frozensets(st.sampled_from(["kvm1", "kvm2"])),
    st.dictionaries(st.sampled_from(HOSTS), REMEMBERED, max_size=3),
    st.dictionaries(st.sampled_from(HOSTS), st.just({"os": {"family": "Debian"}}) | st.just({"os": 1}), max_size=3),
)
OWN = {**STATED, "enclumeOffer": HOST["enclumeOffer"], "parentNode": HOST["parentNode"]}
