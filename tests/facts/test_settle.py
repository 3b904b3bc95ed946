"""What kind of host a host is, where that puts it, and what its answer rests on."""

import pytest

from facts.directory.names import normalise
from facts.estate import Remembered
from tests.factories import (
    World,
    codes,
    domain,
    guest,
    host,
    host_dn,
    kvm,
    service,
    site,
    uuid_of,
)
from tests.facts.two_kvm import ANGERS, two_kvm


def test_a_guest_is_at_the_site_of_its_hypervisor_and_moves_with_it() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm"))
    assert world.node("vm").site == world.estate().declared.sites[ANGERS]
    world.see("kvm-l", domain("vm"))
    world.see("kvm-a", domain("vm", "shutoff", "migrated"))
    node = world.node("vm")
    assert (node.placement.hypervisor, node.site and node.site.name) == ("kvm-l", "lille")


def test_a_guest_that_declares_its_site_stays_there() -> None:
    world = two_kvm()
    world.put(guest("vm", enclumeAtSite=ANGERS, enclumeDomainUUID=uuid_of("vm")))
    world.see("kvm-l", domain("vm"))
    node = world.node("vm")
    assert (node.placement.hypervisor, node.site and node.site.name) == ("kvm-l", "angers")


def test_a_host_whose_domain_is_shown_is_a_guest_though_it_does_not_say_so() -> None:
    world = two_kvm()
    world.put(host("vm", enclumeKind=""))
    world.see("kvm-a", domain("vm"))
    assert (world.node("vm").kind, world.node("vm").layer) == ("guest", 2)


def test_an_undeclared_kind_is_remembered() -> None:
    world = two_kvm()
    world.put(host("vm", enclumeKind=""))
    world.see("kvm-a", domain("vm"))
    shown = world.node("vm").hardware
    world.see("kvm-a")
    node = world.node("vm")
    assert (node.kind, node.placement.hypervisor, node.hardware) == ("guest", "kvm-a", shown)


def test_a_kind_that_was_never_established_holds_the_host() -> None:
    world = two_kvm()
    world.put(host("vm", enclumeKind=""))
    (finding,) = [one for one in world.node("vm").findings if one.holds]
    assert (finding.code, finding.where, finding.what) == ("unknown_kind", host_dn("vm"), "enclumeKind")


def test_a_host_that_is_read_as_a_hypervisor_is_one() -> None:
    world = World(kvm("kvm1", enclumeKind=""))
    assert (world.node("kvm1").kind, world.node("kvm1").layer) == ("hypervisor", 1)


@pytest.mark.parametrize("kind", ["physical", "hypervisor"])
def test_a_host_that_is_declared_to_be_no_guest_is_no_domain(kind: str) -> None:
    world = two_kvm()
    world.put(host("vm", enclumeKind=kind, enclumeAtSite=ANGERS))
    world.see("kvm-a", domain("vm"))
    node = world.node("vm")
    assert (node.hardware, node.placement.hypervisor, node.findings) == (None, None, ())


@pytest.mark.parametrize(("stated", "layer"), [({}, 2), ({"enclumeLayer": "1"}, 1), ({"enclumeLayer": "2"}, 2)])
def test_a_guests_layer_is_two_unless_declared(stated: dict[str, str], layer: int) -> None:
    world = two_kvm()
    world.put(guest("vm", **stated))
    assert world.node("vm").layer == layer


def test_a_guest_that_never_ran_is_where_it_should_run() -> None:
    world = two_kvm()
    world.put(guest("vm", enclumeProduction=host_dn("kvm-l")))
    node = world.node("vm")
    assert (node.placement.hypervisor, node.site and node.site.name, node.findings) == ("kvm-l", "lille", ())


def test_a_guest_whose_placement_was_never_known_is_held() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    (finding,) = [one for one in world.node("vm").findings if one.holds]
    assert (finding.code, finding.where, finding.what) == ("no_placement", host_dn("vm"), "enclumeProduction")


def test_a_guest_that_stopped_is_where_it_last_ran_even_if_it_should_run_elsewhere() -> None:
    world = two_kvm()
    world.put(guest("vm", enclumeProduction=host_dn("kvm-l")))
    world.see("kvm-a", domain("vm"))
    world.estate()
    world.see("kvm-a", domain("vm", "shutoff"))
    assert world.node("vm").placement.hypervisor == "kvm-a"


def test_while_a_guest_runs_twice_its_last_hypervisor_counts_and_stays_remembered() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm"))
    world.estate()
    world.see("kvm-l", domain("vm"))
    assert world.node("vm").placement.hypervisor == "kvm-a"
    assert world.remembered["vm"].hypervisor == "kvm-a"
    world.see("kvm-a")
    assert world.node("vm").placement.hypervisor == "kvm-l"
    assert world.remembered["vm"].hypervisor == "kvm-l"


def test_a_guest_that_no_hypervisor_shows_for_a_moment_keeps_its_place_and_its_hardware() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm", networks=["natnet"]))
    shown = world.node("vm").hardware
    world.see("kvm-a")
    assert (world.node("vm").placement.hypervisor, world.node("vm").hardware) == ("kvm-a", shown)


def test_a_guest_that_should_run_where_nobody_has_looked_is_held() -> None:
    world = two_kvm()
    world.put(guest("vm", enclumeProduction=host_dn("kvm-a")))
    del world.hypervisors["kvm-a"]
    assert codes(world.node("vm").findings) == ["unread_hypervisor"]
    world.see("kvm-a")
    assert (world.node("vm").findings, world.node("vm").placement.hypervisor) == ((), "kvm-a")


def test_a_guest_of_a_hypervisor_that_cannot_be_read_stays_there() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm"))
    before = world.node("vm")
    world.fail("kvm-a")
    node = world.node("vm")
    assert (node.placement.hypervisor, node.hardware, node.findings) == ("kvm-a", before.hardware, ())


def test_a_guest_recovered_on_another_hypervisor_is_there_though_the_dead_one_last_ran_it() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm"))
    world.fail("kvm-a")
    world.see("kvm-l", domain("vm"))
    assert world.node("vm").placement.hypervisor == "kvm-l"


def test_guests_of_a_hypervisor_whose_uri_turned_bad_keep_their_last_answer() -> None:
    """What it shows is not looked at any more, and that is no news of its guests."""
    world = two_kvm()
    world.put(guest("vm"), guest("other"))
    world.see("kvm-a", domain("vm"))
    world.see("kvm-l", domain("other"))
    world.estate()
    world.put(kvm("kvm-a", "angers", enclumeLibvirtURI="qemu+ssh://kvm-a/system?command=/tmp/x"))
    estate = world.estate()
    (finding,) = estate.nodes["vm"].findings
    assert (finding.code, finding.where, finding.holds) == ("unread_hypervisor", host_dn("vm"), True)
    assert "kvm-a" in finding.message
    assert estate.nodes["other"].findings == ()
    world.see("kvm-l", domain("vm"), domain("other"))
    assert world.node("vm").findings == ()


def test_after_a_start_guests_wait_for_a_hypervisor_that_has_not_been_read() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.remembered = {"vm": Remembered("guest", "kvm-a")}
    del world.hypervisors["kvm-a"]
    assert codes(world.node("vm").findings) == ["unread_hypervisor"]
    world.see("kvm-a", domain("vm", "shutoff"))
    assert world.node("vm").findings == ()


def test_a_guest_of_a_hypervisor_that_is_no_longer_to_be_read_is_not_held() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm"))
    world.estate()
    world.drop(host_dn("kvm-a"))
    assert not [one for one in world.node("vm").findings if one.holds]


def test_what_a_hypervisor_last_showed_counts_no_more_when_it_is_not_to_be_read() -> None:
    world = two_kvm()
    world.put(guest("vm"))
    world.see("kvm-a", domain("vm"))
    world.see("kvm-l", domain("vm"))
    world.drop(host_dn("kvm-a"))
    assert world.node("vm").placement.observed_on == ("kvm-l",)
    assert set(world.estate().hypervisors) == {"kvm-l"}


def test_guests_of_a_hypervisor_at_a_site_that_is_gone_keep_their_last_answer() -> None:
    world = two_kvm()
    world.put(guest("vm"), guest("other"))
    world.see("kvm-a", domain("vm"))
    world.see("kvm-l", domain("other"))
    world.drop(ANGERS)
    estate = world.estate()
    (finding,) = estate.nodes["vm"].findings
    assert (finding.code, finding.what, finding.holds) == ("dangling_reference", "enclumeAtSite", True)
    assert normalise(ANGERS) in finding.message
    assert estate.nodes["other"].findings == ()


def test_a_host_at_no_site_is_said_where_there_are_sites() -> None:
    (finding,) = World(site("angers"), host("web")).node("web").findings
    assert (finding.code, finding.where, finding.holds) == ("no_site", host_dn("web"), False)
    assert World(host("web")).node("web").findings == ()


def test_a_provider_that_is_a_guest_provides_where_it_runs() -> None:
    world = two_kvm()
    world.put(guest("vm"), service("names", members=["vm"], enclumeProvides="dns"))
    world.see("kvm-a", domain("vm"))
    assert world.node("kvm-a").providers == {"dns": ("vm",)}
    world.see("kvm-a")
    world.see("kvm-l", domain("vm"))
    estate = world.estate()
    assert (estate.nodes["kvm-a"].providers, estate.nodes["kvm-l"].providers) == ({}, {"dns": ("vm",)})
