"""Attributes of the schema: each good value read, each bad one a finding that names DN and attribute."""

from typing import Any

import pytest

from facts.directory.entries import Entry
from facts.directory.kinds import readings
from facts.directory.reading import Read
from facts.estate import Host, MaxAge, Network, Service, Site
from tests.factories import host, host_dn, service, service_at, service_dn, settings, site, site_dn

WEB = "web01.lab.test"
UUID = "0b1f3d2c-5a6b-4c7d-8e9f-0a1b2c3d4e5f"


def read(entry: Entry) -> Read:
    """What one entry means."""
    reading = next(reading for reading in readings(settings().directory) if reading.takes(entry))
    return reading.read(entry)


def as_host(**attributes: str | tuple[str, ...]) -> Host:
    stated = read(host(WEB, **attributes)).stated
    assert isinstance(stated, Host)
    return stated


def as_service(**attributes: str | tuple[str, ...]) -> Service:
    stated = read(service("web", **attributes)).stated
    assert isinstance(stated, Service)
    return stated


def as_site(*networks: str) -> Site:
    stated = read(site("angers", enclumeNetwork=networks)).stated
    assert isinstance(stated, Site)
    return stated


@pytest.mark.parametrize(
    ("attribute", "value", "field", "meaning"),
    [
        ("enclumeKind", "guest", "kind", "guest"),
        ("enclumeKind", "Hypervisor", "kind", "hypervisor"),
        ("enclumeLayer", "1", "layer", 1),
        ("enclumeLayer", "2", "layer", 2),
        ("enclumeAtSite", "OU=Angers, OU=Sites,DC=lab,DC=test", "site", site_dn("angers")),
        ("enclumeLibvirtURI", "qemu:///system", "libvirt_uri", "qemu:///system"),
        ("enclumeDomainUUID", UUID.upper(), "domain_uuid", UUID),
        ("enclumeProduction", host_dn("KVM1"), "production", host_dn("kvm1")),
        ("enclumeBackup", host_dn("KVM2"), "backup", host_dn("kvm2")),
        ("enclumeIntent", "off", "intent", "off"),
        ("enclumeIntent", "Template", "intent", "template"),
        ("enclumeRequires", (service_dn("nfs"), service_dn("DNS")), "requires", (service_dn("nfs"), service_dn("dns"))),
        ("ipHostNumber", ("192.0.2.1", "2001:DB8::0001"), "addresses", ("192.0.2.1", "2001:db8::1")),
        ("parentNode", "base", "profile", "base"),
        ("enclumeOffer", ('sites=["a.fr"]', "port=80"), "offers", (("sites", ["a.fr"]), ("port", 80))),
        ("cn", "WEB01.lab.test", "name", "web01.lab.test"),
    ],
)
def test_a_host_says(attribute: str, value: Any, field: str, meaning: object) -> None:
    stated = as_host(**{attribute: value})
    assert getattr(stated, field) == meaning
    assert stated.findings == ()


@pytest.mark.parametrize(
    ("field", "default"),
    [("layer", None), ("site", None), ("production", None), ("intent", "running"), ("requires", ()), ("offers", ())],
)
def test_a_host_that_says_nothing_has_defaults(field: str, default: object) -> None:
    stated = as_host()
    assert getattr(stated, field) == default
    assert stated.findings == ()


@pytest.mark.parametrize(
    ("attribute", "value", "code", "holds"),
    [
        ("enclumeKind", "server", "bad_value", True),
        ("enclumeLayer", "3", "bad_value", True),
        ("enclumeLayer", "two", "bad_value", True),
        ("enclumeLayer", "", "bad_value", True),
        ("enclumeAtSite", "angers", "bad_value", True),
        ("enclumeDomainUUID", "1234", "bad_value", True),
        ("enclumeDomainUUID", UUID + "\n", "bad_value", True),
        ("enclumeProduction", "kvm1", "bad_value", True),
        ("enclumeBackup", "", "bad_value", True),
        ("enclumeIntent", "paused", "bad_value", True),
        ("enclumeRequires", "nfs", "bad_value", True),
        ("ipHostNumber", "192.0.2.256", "bad_value", False),
        ("ipHostNumber", "192.0.2.0/24", "bad_value", False),
        ("enclumeOffer", "port", "bad_value", True),
        ("enclumeOffer", "port=http", "bad_value", True),
        ("cn", "web 01", "bad_name", True),
        ("cn", "web..01", "bad_name", True),
        ("cn", "../etc/passwd", "bad_name", True),
        ("cn", "a" * 254, "bad_name", True),
    ],
)
def test_a_bad_value_of_a_host_is_a_finding(attribute: str, value: str, code: str, holds: bool) -> None:
    (finding,) = as_host(**{attribute: value}).findings
    assert (finding.code, finding.where, finding.what, finding.holds) == (code, host_dn(WEB), attribute, holds)


@pytest.mark.parametrize(
    ("attribute", "value", "field", "meaning"),
    [
        ("enclumeProvides", ("NFS", "ntp"), "provides", ("nfs", "ntp")),
        ("enclumePublic", "TRUE", "public", True),
        ("enclumePublic", "false", "public", False),
        ("enclumeRequires", service_dn("dns"), "requires", (service_dn("dns"),)),
        ("enclumeOffer", "port=443", "offers", (("port", 443),)),
        ("cn", "Web", "name", "Web"),
    ],
)
def test_a_service_says(attribute: str, value: Any, field: str, meaning: object) -> None:
    stated = as_service(**{attribute: value})
    assert getattr(stated, field) == meaning
    assert stated.findings == ()


@pytest.mark.parametrize(
    ("attribute", "value", "holds"),
    [
        ("enclumeProvides", "coffee", True),
        ("enclumePublic", "yes", True),
        ("enclumePublic", "", True),
        ("enclumeRequires", "dns", True),
        ("enclumeAtSite", "angers", True),
        ("enclumeOffer", "=", True),
        ("member", "web01", False),
    ],
)
def test_a_bad_value_of_a_service_is_a_finding(attribute: str, value: str, holds: bool) -> None:
    (finding,) = as_service(**{attribute: value}).findings
    assert (finding.code, finding.where, finding.what) == ("bad_value", service_dn("web"), attribute)
    assert finding.holds is holds


def test_a_services_members_are_normalised_and_a_bad_one_leaves_the_others() -> None:
    one = read(service("web", member=("CN=Web01.lab.test,ou=hosts,dc=lab,dc=test", "nonsense", host_dn("web02"))))
    assert one.members == (host_dn("web01.lab.test"), host_dn("web02"))


def test_an_entry_with_a_site_speaks_for_the_service_above_it() -> None:
    stated = read(service_at("web", "angers")).stated
    assert isinstance(stated, Service)
    assert (stated.of, stated.site) == (service_dn("web"), site_dn("angers"))


@pytest.mark.parametrize(
    ("value", "network"),
    [
        ("lan=internal 10.49.0.0/24 br0", Network("lan", "internal", "10.49.0.0/24", "br0")),
        ("dmz=public 192.0.2.0/26", Network("dmz", "public", "192.0.2.0/26", None)),
        (" lan = internal  10.49.0.0/24  default ", Network("lan", "internal", "10.49.0.0/24", "default")),
        ("six=public 2001:DB8::/32 br6", Network("six", "public", "2001:db8::/32", "br6")),
        ("one=internal 10.0.0.1 br0", Network("one", "internal", "10.0.0.1/32", "br0")),
    ],
)
def test_a_site_says_its_networks(value: str, network: Network) -> None:
    stated = as_site(value)
    assert stated.networks == (network,)
    assert stated.findings == ()


@pytest.mark.parametrize(
    "value",
    [
        "lan",
        "lan=private 10.49.0.0/24 br0",
        "lan=internal",
        "lan=internal 10.49.0.0/33",
        "lan=internal 10.49.0.1/24",
        "lan=internal ten",
        "lan=internal 10.49.0.0/24 br0 br1",
        "=internal 10.49.0.0/24",
        "",
    ],
)
def test_a_bad_network_is_a_finding_and_leaves_the_others(value: str) -> None:
    stated = as_site(value, "dmz=public 192.0.2.0/26")
    (finding,) = stated.findings
    assert (finding.code, finding.where, finding.what) == ("bad_value", site_dn("angers"), "enclumeNetwork")
    assert finding.holds
    assert [network.name for network in stated.networks] == ["dmz"]


def test_hosts_services_and_sites_say_how_old_a_backup_may_be() -> None:
    daily = MaxAge("data", "daily", 26 * 3600.0)
    assert as_host(enclumeMaxAge=("system/weekly=192.5", "data/daily=26")).max_ages == (
        daily,
        MaxAge("system", "weekly", 192.5 * 3600),
    )
    assert as_service(enclumeMaxAge="data/daily=26").max_ages == (daily,)
    stated = read(site("angers", enclumeMaxAge="data/daily=26")).stated
    assert isinstance(stated, Site)
    assert stated.max_ages == (daily,)


@pytest.mark.parametrize("value", ["data", "data/hourly=1", "home/daily=1", "data/daily=-1", "data/daily=a day", ""])
def test_a_bad_age_is_a_finding_that_holds_nobody(value: str) -> None:
    stated = as_host(enclumeMaxAge=(value, "data/daily=26"))
    (finding,) = stated.findings
    assert (finding.code, finding.what, finding.holds) == ("bad_value", "enclumeMaxAge", False)
    assert stated.max_ages == (MaxAge("data", "daily", 26 * 3600.0),)


@pytest.mark.parametrize("values", [("web01.lab.test", "www.lab.test"), ("www.lab.test", "web01.lab.test")])
def test_of_several_names_the_one_in_the_dn_counts_whatever_the_order(values: tuple[str, ...]) -> None:
    assert as_host(cn=values).name == "web01.lab.test"
