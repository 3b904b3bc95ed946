"""Which hypervisors are read: those that directory or settings give an acceptable URI."""

from typing import Any

import pytest

from facts.directory.entries import Entry
from facts.directory.meaning import understand
from facts.findings import Finding
from facts.inventory.domains import HypervisorTarget
from facts.targets import targets_of
from tests.factories import BASE, directory, entry, host, host_dn, kvm, settings, site

URI = "qemu+tls://kvm/system"


def targets(*entries: Entry, **others: Any) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """The URIs by name, and the findings."""
    by = settings(**others)
    found, wrong = targets_of(understand(directory(*entries), by.directory).declared, by)
    assert list(found) == sorted(found)
    assert all(isinstance(one, HypervisorTarget) for one in found)
    return {one.name: one.uri for one in found}, wrong


def test_hypervisors_of_the_directory_are_read() -> None:
    assert targets(kvm("kvm2"), kvm("kvm1"), host("web")) == (
        {"kvm1": "qemu+tls://kvm1/system", "kvm2": "qemu+tls://kvm2/system"},
        (),
    )


def test_hypervisors_of_the_settings_are_read_and_beat_the_directory() -> None:
    uris = {"uris": {"kvm1": "qemu:///system", "xen1": "xen+ssh://root@xen1/"}}
    found, wrong = targets(kvm("kvm1"), hypervisors=uris)
    assert found == {"kvm1": "qemu:///system", "xen1": "xen+ssh://root@xen1/"}
    assert wrong == ()


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://kvm/system?command=/tmp/evil",
        "qemu+ssh://kvm/system?netcat=/tmp/evil",
        "qemu+ssh://kvm/system?keyfile=/root/.ssh/id",
        "qemu+ext://kvm/system",
        "qemu+tcp://kvm/system",
        "lxc:///",
        "test:///default",
        "",
        "kvm",
    ],
)
def test_a_uri_that_is_refused_is_a_finding_and_leaves_the_other_hypervisors(uri: str) -> None:
    found, wrong = targets(kvm("bad", enclumeLibvirtURI=uri), kvm("good"))
    assert set(found) == {"good"}
    if uri:
        (finding,) = wrong
        assert (finding.code, finding.where, finding.what) == ("bad_uri", host_dn("bad"), "enclumeLibvirtURI")
        assert (finding.certname, finding.holds) == ("bad", False)


def test_a_refused_uri_of_the_settings_names_the_setting() -> None:
    _, (finding,) = targets(hypervisors={"uris": {"kvm1": "qemu+tcp://kvm1/system"}})
    assert (finding.where, finding.what) == ("settings", "hypervisors.uris.kvm1")


def test_the_test_driver_is_read_where_the_settings_allow_it() -> None:
    found, wrong = targets(kvm("kvm1", enclumeLibvirtURI="test:///default"), hypervisors={"allow_test": True})
    assert (found, wrong) == ({"kvm1": "test:///default"}, ())


def test_with_sites_in_the_settings_other_sites_hypervisors_are_left_alone() -> None:
    entries = (site("angers"), site("lille"), kvm("a", "angers"), kvm("l", "lille"), kvm("nowhere"))
    found, _ = targets(*entries, sites=["angers"], hypervisors={"uris": {"extra": URI}})
    assert set(found) == {"a", "extra"}


def test_of_two_entries_of_one_certname_the_same_one_counts_in_any_order() -> None:
    twin = entry(
        f"cn=kvm,ou=old,ou=hosts,{BASE}", objectClass="device", cn="kvm", enclumeLibvirtURI="qemu+tls://old/system"
    )
    assert targets(kvm("kvm"), twin) == targets(twin, kvm("kvm")) == ({"kvm": URI}, ())
