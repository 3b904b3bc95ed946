"""Which domain a host is."""

import pytest

from tests.factories import (
    codes,
    domain,
    guest,
    host_dn,
    uuid_of,
)
from tests.facts.two_kvm import LILLE, two_kvm


@pytest.mark.parametrize("name", ["vm.lab.test", "vm", "VM.Lab.Test", "Vm"])
def test_a_domain_is_named_like_the_certname_or_its_first_label(name: str) -> None:
    world = two_kvm()
    world.put(guest("vm.lab.test"))
    world.see("kvm-a", domain(name))
    assert world.node("vm.lab.test").placement.hypervisor == "kvm-a"


def test_the_whole_certname_beats_the_first_label() -> None:
    world = two_kvm()
    world.put(guest("vm.lab.test"))
    world.see("kvm-a", domain("vm"), domain("vm.lab.test"))
    hardware = world.node("vm.lab.test").hardware
    assert hardware is not None
    assert hardware.uuid == uuid_of("vm.lab.test")


def test_the_declared_uuid_beats_every_name() -> None:
    world = two_kvm()
    world.put(guest("vm.lab.test", enclumeDomainUUID=uuid_of("other").upper()))
    world.see("kvm-a", domain("vm.lab.test"), domain("other"))
    hardware = world.node("vm.lab.test").hardware
    assert hardware is not None
    assert hardware.uuid == uuid_of("other")


def test_a_declared_uuid_that_nobody_shows_is_no_other_domain() -> None:
    world = two_kvm()
    world.put(guest("vm", enclumeDomainUUID=uuid_of("gone")))
    world.see("kvm-a", domain("vm"))
    node = world.node("vm")
    assert node.hardware is None
    assert codes(node.findings) == ["no_placement", "no_site"]


def test_a_name_is_looked_for_on_the_declared_sites_hypervisors_only() -> None:
    world = two_kvm()
    world.put(guest("vm.lab.test", enclumeAtSite=LILLE))
    world.see("kvm-a", domain("vm.lab.test"))
    world.see("kvm-l", domain("vm"))
    node = world.node("vm.lab.test")
    assert node.placement.hypervisor == "kvm-l"
    assert node.hardware is not None
    assert node.hardware.uuid == uuid_of("vm")


def test_two_domains_that_a_guest_could_be_hold_it_and_are_both_named() -> None:
    world = two_kvm()
    world.put(guest("vm"), guest("other"))
    world.see("kvm-a", domain("vm", uuid=uuid_of("one")), domain("other"))
    world.see("kvm-l", domain("vm", uuid=uuid_of("two")))
    estate = world.estate()
    (finding,) = [one for one in estate.nodes["vm"].findings if one.code == "ambiguous_domain"]
    assert (finding.where, finding.what, finding.holds) == (host_dn("vm"), "enclumeDomainUUID", True)
    assert uuid_of("one") in finding.message
    assert uuid_of("two") in finding.message
    assert estate.nodes["other"].findings == ()
    assert "vm" not in estate.remembered


def test_a_declared_site_makes_two_candidates_one() -> None:
    world = two_kvm()
    world.put(guest("vm", enclumeAtSite=LILLE))
    world.see("kvm-a", domain("vm", uuid=uuid_of("one")))
    world.see("kvm-l", domain("vm", uuid=uuid_of("two")))
    node = world.node("vm")
    assert (node.placement.hypervisor, node.findings) == ("kvm-l", ())


def test_two_hosts_that_claim_one_domain_are_both_held_and_named() -> None:
    world = two_kvm()
    world.put(guest("vm.a.test"), guest("vm.b.test"), guest("other"))
    world.see("kvm-a", domain("vm"), domain("other"))
    estate = world.estate()
    for name, rival in (("vm.a.test", "vm.b.test"), ("vm.b.test", "vm.a.test")):
        (finding,) = estate.nodes[name].findings
        assert (finding.code, finding.where, finding.holds) == ("shared_domain", host_dn(name), True)
        assert host_dn(rival) in finding.message
    assert estate.nodes["other"].findings == ()
