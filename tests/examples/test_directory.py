"""The examples' directories say what they should, and hold no fault beyond the documented ones."""

import json
import re
from pathlib import Path

import pytest

from tests.examples import faults
from tests.examples.reading import EXAMPLES, Example, Record, example

BOTH = pytest.mark.parametrize("name", ["lab", "platform"])
DOCS = Path(__file__).resolve().parents[2] / "docs" / "examples.md"
REFERENCES = (
    "member", "owner", "seeAlso", "enclumeAtSite", "enclumeProduction", "enclumeBackup", "enclumeRequires",
)  # fmt: skip
PARAMETER = re.compile(r"(?P<class>[a-z_]+)::(?P<name>[a-z_]+)\+?=(?P<json>.*)")
EVERY_SITE = {"ntp", "dns", "dhcp", "ldap", "nfs", "log", "updates", "gateway", "backup", "puppet", "monitoring"}


def test_the_laboratory_has_its_machines() -> None:
    lab = example("lab")
    kinds = [host.one("enclumeKind") for host in lab.hosts.values()]
    assert (kinds.count("hypervisor"), kinds.count("physical"), kinds.count("guest")) == (2, 8, 14)


def test_the_laboratory_runs_what_its_table_says() -> None:
    """Running and shut off on each hypervisor; what is off is off, or a template, on purpose."""
    lab = example("lab")
    running = {hv: {d.name for d in node.domains.values() if d.running} for hv, node in lab.nodes.items()}
    assert running == {
        "coquille1.lab.test": {"icinga_nfs", "laremagw", "svn", "tonton"},
        "coquille2.lab.test": {"alceste_nfs", "icinguang", "roundcube", "sogo"},
    }
    off = {lab.domain_name(g): g.one("enclumeIntent") for g in lab.guests if g.all("enclumeIntent")}
    assert off == {
        "base": "template", "base_centos6": "template", "base_centos5": "template",
        "dellmonitor": "off", "ds389": "off", "ittp2": "off",
    }  # fmt: skip


def test_the_platform_has_its_machines() -> None:
    """Four technical sites and Grenoble, two hypervisors, one NFS server and one mirror a site, fifty guests."""
    platform = example("platform")
    kinds = [host.one("enclumeKind") for host in platform.hosts.values()]
    assert (kinds.count("hypervisor"), kinds.count("physical"), kinds.count("guest")) == (8, 9, 50)
    sites = {site.name for site in platform.of("enclumeSite")}
    assert sites == {"bordeaux", "lille", "angers", "lyon", "grenoble"}
    for site in sites - {"grenoble"}:
        assert {f"kvm1.{site}.plm.test", f"kvm2.{site}.plm.test"} <= platform.nodes.keys()
        assert {f"nfs.{site}.plm.test", f"mirror.{site}.plm.test"} <= platform.hosts.keys()


def test_seventy_web_sites_are_spread_over_small_guests_behind_a_proxy() -> None:
    platform = example("platform")
    hosting = platform.by_dn["cn=web_hosting,ou=services,dc=plm,dc=test"]
    proxies = platform.by_dn["cn=web_proxy,ou=services,dc=plm,dc=test"]
    members = platform.members(hosting)
    sites = [site for member in members for site in offers(member)["sites"]]
    assert len(sites) == len(set(sites)) == 70
    assert len(members) == 14
    for member in members:
        assert platform.providers(proxies, member), member.name
        assert platform.hardware(member).memory == 2


def offers(host: Record) -> dict[str, list[str]]:
    return {key: json.loads(value) for key, _, value in (text.partition("=") for text in host.all("enclumeOffer"))}


@pytest.mark.parametrize(("name", "more"), [("lab", {"proxy"}), ("platform", {"mirror"})])
def test_every_technical_site_has_every_provider(name: str, more: set[str]) -> None:
    estate = example(name)
    hypervisors = [host for host in estate.hosts.values() if host.one("enclumeKind") == "hypervisor"]
    for hypervisor in hypervisors:
        provided = {
            provided
            for service in estate.services
            for provided in service.all("enclumeProvides")
            if estate.providers(service, hypervisor)
        }
        assert provided >= EVERY_SITE | more, hypervisor.name


@BOTH
def test_every_required_service_has_a_member_at_the_site_of_who_requires_it(name: str) -> None:
    estate = example(name)
    for host in estate.hosts.values():
        for service in estate.used_by(host):
            assert estate.providers(service, host), f"{host.name} has no {service.name}"


@BOTH
def test_services_do_not_require_each_other_in_a_circle(name: str) -> None:
    estate = example(name)
    requires = {service.dn: set(service.all("enclumeRequires")) for service in estate.services}
    while free := {dn for dn, wanted in requires.items() if not wanted & requires.keys()}:
        requires = {dn: wanted for dn, wanted in requires.items() if dn not in free}
    assert not requires


@BOTH
def test_every_reference_names_an_entry(name: str) -> None:
    estate = example(name)
    named = {dn for record in estate.records for reference in REFERENCES for dn in record.all(reference)}
    assert named - estate.by_dn.keys() == faults.DANGLING[name]


@BOTH
def test_every_domain_is_a_guest_of_the_directory_and_the_reverse(name: str) -> None:
    estate = example(name)
    domains = {domain for node in estate.nodes.values() for domain in node.domains}
    assert domains == {estate.domain_name(guest) for guest in estate.guests}
    hypervisors = {h.name for h in estate.hosts.values() if h.one("enclumeKind") == "hypervisor"}
    assert hypervisors == estate.nodes.keys()
    assert all(estate.hosts[hypervisor].all("enclumeLibvirtURI") for hypervisor in hypervisors)


@BOTH
def test_parameters_and_offers_are_json(name: str) -> None:
    estate = example(name)
    broken = set()
    for record in estate.records:
        for value in record.all("enclumeParameter") + record.all("enclumeOffer"):
            try:
                json.loads(value.partition("=")[2])
            except json.JSONDecodeError:
                broken.add(record.name)
    assert broken == faults.BROKEN_JSON[name]


@BOTH
def test_whoever_gets_a_parameter_has_its_class(name: str) -> None:
    """So that the examples also serve answers with inline parameters."""
    estate = example(name)
    for host in estate.hosts.values():
        stating = stated(estate, host)
        classes = {value for record in stating for value in record.all("puppetClass")}
        for value in (value for record in stating for value in record.all("enclumeParameter")):
            match = PARAMETER.fullmatch(value)
            assert match, f"{host.name}: {value}"
            assert match["class"] in classes, f"{host.name}: {value}"


def stated(estate: Example, host: Record) -> list[Record]:
    """All entries whose classes and parameters the host gets."""
    services = [service for service in estate.services if host.dn in service.all("member")]
    of_site = [
        record
        for record in estate.of("enclumeService")
        if record.one("enclumeAtSite") == estate.site(host) and record.dn.partition(",")[2] in {s.dn for s in services}
    ]
    return [host, *services, *of_site, *estate.profiles(host), estate.by_dn[estate.site(host)]]


@BOTH
def test_no_address_no_mac_and_no_uuid_is_used_twice(name: str) -> None:
    estate = example(name)
    addresses = [address for host in estate.hosts.values() for address in host.all("ipHostNumber")]
    assert len(addresses) == len(set(addresses))
    every = [definition for node in estate.nodes.values() for definition in node.domains.values()]
    definitions = {definition.hardware: definition for definition in every}
    uuids = [definition.uuid for definition in definitions.values()]
    macs = [mac for definition in definitions.values() for mac in definition.macs]
    assert len(uuids) == len(set(uuids))
    assert len(macs) == len(set(macs))


def test_every_fault_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for fault in faults.ALL:
        for name in fault["platform"]:
            assert f"\n| {name.removeprefix('cn=').split('.')[0]} | " in text, name


def test_every_file_of_the_examples_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for file in EXAMPLES.rglob("*.*"):
        pattern = re.sub(r"^kvm[12]-\w+\.xml$", "kvmN-SITE.xml", file.name)
        assert pattern in text, file
