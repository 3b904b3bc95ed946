"""The join: what is served, what is said, and that nodes that did not change stay the same objects."""

from collections.abc import Callable

import pytest

from facts.estate import Estate, Remembered
from facts.puppet import FactSets
from tests.factories import (
    BASE,
    World,
    codes,
    domain,
    entry,
    guest,
    host,
    host_dn,
    kvm,
    profile,
    service,
    service_at,
    service_dn,
    settings,
    site,
    site_dn,
    uuid_of,
)

ANGERS, LILLE = site_dn("angers"), site_dn("lille")


def world() -> World:
    """Two sites, two hypervisors, guests, services and profiles."""
    built = World(
        site("angers", puppetClass="base"),
        site("lille"),
        kvm("kvm-a", "angers"),
        kvm("kvm-l", "lille"),
        host("nfs-a", enclumeAtSite=ANGERS),
        guest("vm1", parentNode="linux", enclumeParameter="linux::swap=1"),
        guest("vm2", parentNode="linux"),
        guest("vm3"),
        profile("linux", puppetClass="linux", enclumeParameter='linux::disks=["a"]'),
        service("files", members=["nfs-a"], enclumeProvides="nfs"),
        service("web", members=["vm1", "vm2"], puppetClass="apache", enclumeParameter="apache::port=80"),
        service_at("web", "angers", puppetClass="apache::angers"),
    )
    built.see("kvm-a", domain("vm1"), domain("vm2"))
    built.see("kvm-l", domain("vm3"))
    built.facts = FactSets({"vm1": {"os": {"family": "Debian"}}})
    return built


def changed(before: Estate, after: Estate) -> set[str]:
    """The nodes that are other objects."""
    names = before.nodes.keys() | after.nodes.keys()
    return {name for name in names if before.nodes.get(name) is not after.nodes.get(name)}


FACTS = ("os.family",)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda at: at.put(), set()),
        (lambda at: at.put(*at.entries.values()), set()),
        (lambda at: at.put(host("nfs-a", enclumeAtSite=ANGERS, entryCSN="9")), set()),
        (lambda at: at.put(host("nfs-a", enclumeAtSite=ANGERS, description="new disks")), set()),
        (lambda at: at.put(host("nfs-a", enclumeAtSite=ANGERS, puppetClass="nfs")), {"nfs-a"}),
        (
            lambda at: at.put(
                service(
                    "web",
                    members=["vm1", "vm2", "vm3"],
                    puppetClass="apache",
                    enclumeParameter="apache::port=80",
                    entryCSN="9",
                )
            ),
            {"vm3"},
        ),
        (
            lambda at: at.put(
                service("web", members=["vm2", "vm1"], puppetClass="apache", enclumeParameter="apache::port=80")
            ),
            set(),
        ),
        (
            lambda at: at.put(
                service("web", members=["vm2"], puppetClass="apache", enclumeParameter="apache::port=80")
            ),
            {"vm1"},
        ),
        (
            lambda at: at.put(
                service("web", members=["vm1", "vm2"], puppetClass="apache", enclumeParameter="apache::port=80.0")
            ),
            {"vm1", "vm2"},
        ),
        (lambda at: at.put(guest("vm1", parentNode="linux", enclumeParameter="linux::swap=true")), {"vm1"}),
        (
            lambda at: at.put(profile("linux", puppetClass="linux", enclumeParameter='linux::disks=["b"]')),
            {"vm1", "vm2"},
        ),
        (lambda at: at.put(profile("unused")), set()),
        (lambda at: at.put(site("lille", puppetClass="nord")), {"kvm-l", "vm3"}),
        (lambda at: at.put(service("names", members=["nfs-a"])), {"nfs-a"}),
        (
            lambda at: at.put(service("names", members=["nfs-a"], enclumeProvides="dns")),
            {"nfs-a", "kvm-a", "vm1", "vm2"},
        ),
        (lambda at: at.see("kvm-l", domain("vm3")), set()),
        (lambda at: at.see("kvm-l", domain("vm3", "shutoff")), {"vm3"}),
        (lambda at: at.see("kvm-l", domain("vm3", memory=2**31)), {"vm3"}),
        (lambda at: at.fail("kvm-a"), {"vm1", "vm2"}),
        (lambda at: at.put(host("new")), {"new"}),
        (lambda at: at.drop(host_dn("vm3")), {"vm3"}),
        (lambda at: setattr(at, "facts", FactSets({"vm1": {"os": {"family": "Debian", "x": 1}}})), set()),
        (lambda at: setattr(at, "facts", FactSets({"vm1": {"os": {"family": "RedHat"}}})), {"vm1"}),
        (lambda at: setattr(at, "facts", FactSets({"vm2": {"os": {"family": True}}})), {"vm1", "vm2"}),
    ],
)
def test_only_the_nodes_that_changed_are_other_objects(change: Callable[[World], None], expected: set[str]) -> None:
    at = world()
    before = at.estate(FACTS)
    change(at)
    after = at.estate(FACTS)
    assert changed(before, after) == expected
    assert_as_alone(at, after)


def assert_as_alone(at: World, joined: Estate) -> None:
    """What was joined onto something is what is joined onto nothing."""
    fresh = World(*at.entries.values())
    fresh.hypervisors, fresh.unreadable, fresh.facts = at.hypervisors, at.unreadable, at.facts
    fresh.remembered = at.remembered
    alone = fresh.estate(FACTS)
    assert {name: repr(node) for name, node in alone.nodes.items()} == {
        name: repr(node) for name, node in joined.nodes.items()
    }
    assert alone.findings == joined.findings


def step(at: World) -> Estate:
    """The estate after one more change."""
    joined = at.estate(FACTS)
    assert_as_alone(at, joined)
    return joined


def test_a_host_hears_of_another_that_claims_its_domain_and_of_one_that_does_no_more() -> None:
    at = world()
    at.put(guest("vm1", enclumeDomainUUID=uuid_of("vm1")), guest("vm2", enclumeDomainUUID=uuid_of("vm2")))
    assert codes(step(at).nodes["vm1"].findings) == []
    at.put(guest("vm2", enclumeDomainUUID=uuid_of("vm1")))
    assert codes(step(at).nodes["vm1"].findings) == ["shared_domain"]
    at.put(guest("vm2", enclumeDomainUUID=uuid_of("vm2")))
    assert codes(step(at).nodes["vm1"].findings) == []


def test_a_domain_that_shows_elsewhere_under_another_name_is_the_same_guest() -> None:
    at = world()
    step(at)
    at.see("kvm-l", domain("vm3"), domain("other", "shutoff", uuid=uuid_of("vm1")))
    assert step(at).nodes["vm1"].placement.observed_on == ("kvm-a", "kvm-l")
    at.see("kvm-l", domain("vm3"))
    assert step(at).nodes["vm1"].placement.observed_on == ("kvm-a",)


def test_a_provider_that_moves_to_another_site_provides_there() -> None:
    at = world()
    at.put(service("names", members=["vm1"], enclumeProvides="dns"))
    assert (step(at).nodes["vm2"].providers.get("dns"), step(at).nodes["vm3"].providers.get("dns")) == (("vm1",), None)
    at.see("kvm-a", domain("vm2"))
    at.see("kvm-l", domain("vm1"), domain("vm3"))
    moved = step(at)
    assert (moved.nodes["vm2"].providers.get("dns"), moved.nodes["vm3"].providers.get("dns")) == (None, ("vm1",))


def test_what_is_remembered_of_a_host_counts_at_once() -> None:
    at = world()
    at.put(guest("vm4"))
    assert step(at).nodes["vm4"].placement.hypervisor is None
    at.remembered = {**at.remembered, "vm4": Remembered("guest", "kvm-l")}
    assert step(at).nodes["vm4"].placement.hypervisor == "kvm-l"


def test_who_requires_a_service_hears_of_its_first_and_of_its_last_member_there() -> None:
    at = world()
    at.put(guest("vm1", enclumeRequires=service_dn("mail")), service("mail", members=["vm3"]))
    assert codes(step(at).nodes["vm1"].findings) == ["no_provider"]
    at.put(service("mail", members=["vm3", "vm2"]))
    assert codes(step(at).nodes["vm1"].findings) == []
    at.put(service("mail", members=["vm3"]))
    assert codes(step(at).nodes["vm1"].findings) == ["no_provider"]


def test_a_fact_that_only_changes_its_type_is_a_change() -> None:
    at = world()
    at.facts = FactSets({"vm1": {"n": 1}})
    before = at.estate(("n",))
    at.facts = FactSets({"vm1": {"n": True}})
    assert at.estate(("n",)).nodes["vm1"] is not before.nodes["vm1"]
    assert at.estate(("n",)).nodes["vm1"].facts["n"] is True


def test_nodes_hold_the_facts_that_are_asked_for_alone() -> None:
    at = world()
    assert at.estate(("os.family", "os.gone")).nodes["vm1"].facts == {"os.family": "Debian"}
    assert at.estate(("os.family",)).nodes["vm2"].facts == {}


def test_with_sites_in_the_settings_only_their_nodes_and_hypervisors_are_served() -> None:
    at = World(*world().entries.values(), host("stray"), settings=settings(sites=["angers"]))
    at.see("kvm-a", domain("vm1"), domain("vm2"))
    estate = at.estate()
    assert set(estate.nodes) == {"kvm-a", "nfs-a", "vm1", "vm2", "vm3", "stray"}
    assert [target.name for target in estate.targets] == ["kvm-a"]
    assert codes(estate.nodes["vm3"].findings) == ["no_placement", "no_site"]


def test_a_guest_that_leaves_the_served_sites_is_served_here_no_more() -> None:
    at = World(*world().entries.values(), settings=settings(sites=["angers"]))
    at.see("kvm-a", domain("vm1"))
    assert "vm1" in at.estate().nodes
    at.put(guest("vm1", enclumeAtSite=LILLE))
    assert "vm1" not in at.estate().nodes


def test_every_finding_is_said_once_with_the_node_that_it_concerns() -> None:
    at = World(
        host("web", puppetClass="Bad"),
        service("s", members=["web"], enclumeParameter="x"),
        service("empty", enclumeParameter="x"),
        site("angers", enclumeNetwork="x"),
        kvm("kvm", "angers", enclumeLibvirtURI="lxc:///"),
    )
    said = [(one.code, one.where, one.certname) for one in at.estate().findings]
    assert sorted(said) == [
        ("bad_name", host_dn("web"), "web"),
        ("bad_uri", host_dn("kvm"), "kvm"),
        ("bad_value", service_dn("empty"), ""),
        ("bad_value", service_dn("s"), "web"),
        ("bad_value", ANGERS, "kvm"),
        ("no_site", host_dn("web"), "web"),
    ]


def test_an_empty_directory_has_no_nodes() -> None:
    estate = World().estate()
    assert (estate.nodes, estate.targets, estate.findings) == ({}, (), ())


def test_hosts_far_from_any_search_base_are_none() -> None:
    assert World(entry(f"cn=x,ou=elsewhere,{BASE}", objectClass="device", cn="x")).estate().nodes == {}


def test_what_is_remembered_outlives_hosts_and_is_the_same_object_while_nothing_changes() -> None:
    at = world()
    first = at.estate().remembered
    assert set(first) == {"vm1", "vm2", "vm3"}
    at.drop(host_dn("vm3"))
    assert at.estate().remembered is first
