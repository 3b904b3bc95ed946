"""What binds declared things: memberships, profiles, sites and providers, and what each dangling one does."""

import itertools

import pytest

from facts.estate import Node
from facts.findings import Finding
from tests.factories import (
    BASE,
    World,
    codes,
    entry,
    guest,
    host,
    host_dn,
    kvm,
    profile,
    profile_dn,
    service,
    service_at,
    service_dn,
    site,
    site_dn,
)

ANGERS, LILLE = site_dn("angers"), site_dn("lille")


def two_sites() -> World:
    """Two sites, each with an NFS server and a web host."""
    return World(
        site("angers"),
        site("lille"),
        host("nfs-a", enclumeAtSite=ANGERS),
        host("nfs-l", enclumeAtSite=LILLE),
        host("web-a", enclumeAtSite=ANGERS),
        host("web-l", enclumeAtSite=LILLE),
        service("files", members=["nfs-a", "nfs-l"], enclumeProvides="nfs"),
    )


def only(findings: tuple[Finding, ...], code: str) -> Finding:
    """The one finding, of this code."""
    (finding,) = findings
    assert finding.code == code
    return finding


def profiles_of(node: Node) -> list[str]:
    return [one.name for one in node.profiles]


def test_a_nodes_services_are_those_it_is_a_member_of_by_name() -> None:
    world = World(host("web"), service("b", members=["web"]), service("a", members=["web", "web"]), service("c"))
    assert [one.name for one in world.node("web").services] == ["a", "b"]


def test_a_member_of_a_services_site_entry_is_a_member_of_the_service() -> None:
    world = World(
        site("angers"),
        host("web", enclumeAtSite=ANGERS),
        service("web", enclumeProvides="proxy"),
        service_at("web", "angers", members=["web"]),
    )
    node = world.node("web")
    assert [one.dn for one in node.services] == [service_dn("web")]
    assert node.providers == {"proxy": ("web",)}


def test_what_a_service_states_for_a_site_reaches_its_members_there_alone() -> None:
    world = two_sites()
    world.put(service("web", members=["web-a", "web-l"]), service_at("web", "angers"))
    assert [one.name for one in world.node("web-a").site_services] == ["angers"]
    assert world.node("web-l").site_services == ()
    assert world.node("nfs-a").site_services == ()


def test_providers_are_the_members_at_the_nodes_own_site() -> None:
    world = two_sites()
    assert world.node("web-a").providers == {"nfs": ("nfs-a",)}
    assert world.node("web-l").providers == {"nfs": ("nfs-l",)}


def test_a_site_without_a_provider_has_none_never_another_sites() -> None:
    world = two_sites()
    world.put(service("files", members=["nfs-l"], enclumeProvides="nfs"))
    assert world.node("web-a").providers == {}
    assert world.node("web-l").providers == {"nfs": ("nfs-l",)}


def test_a_host_without_a_site_has_no_providers_and_provides_nothing() -> None:
    world = two_sites()
    world.put(host("stray"), service("names", members=["stray"], enclumeProvides="dns"))
    assert world.node("stray").providers == {}
    assert "dns" not in world.node("web-a").providers
    assert codes(world.node("stray").findings) == ["no_site"]


def test_providers_of_one_kind_from_several_services_stand_together_sorted() -> None:
    world = two_sites()
    world.put(service("cache", members=["web-a"], enclumeProvides=("nfs", "dns")))
    assert world.node("web-a").providers == {"dns": ("web-a",), "nfs": ("nfs-a", "web-a")}


def test_a_required_service_without_a_member_at_the_site_is_a_finding_that_holds_nothing() -> None:
    world = two_sites()
    world.put(
        service("mail", members=["web-l"]),
        host("web-a", enclumeAtSite=ANGERS, enclumeRequires=(service_dn("mail"), service_dn("files"))),
    )
    finding = only(world.node("web-a").findings, "no_provider")
    assert (finding.where, finding.what, finding.holds) == (host_dn("web-a"), "enclumeRequires", False)
    assert "mail has no member at angers" in finding.message


def test_what_a_service_requires_is_looked_for_at_each_members_site() -> None:
    world = two_sites()
    world.put(
        service("names", members=["nfs-l"]),
        service("web", members=["web-a", "web-l"], enclumeRequires=service_dn("names")),
    )
    assert only(world.node("web-a").findings, "no_provider").where == service_dn("web")
    assert world.node("web-l").findings == ()


def test_a_required_dn_that_is_no_service_is_a_finding() -> None:
    world = World(host("web", enclumeRequires=host_dn("web")))
    finding = only(world.node("web").findings, "dangling_reference")
    assert (finding.what, finding.holds) == ("enclumeRequires", False)


def test_a_dangling_member_is_a_finding_of_the_service_and_touches_nobody() -> None:
    world = two_sites()
    world.put(service("web", member=(host_dn("web-a"), host_dn("gone"), ANGERS)))
    estate = world.estate()
    assert [(one.code, one.where, one.what, one.certname) for one in estate.findings] == [
        ("dangling_reference", service_dn("web"), "member", "")
    ] * 2
    assert {"gone" in one.message for one in estate.findings} == {True, False}
    assert estate.nodes["web-a"].findings == ()


@pytest.mark.parametrize(
    ("attribute", "holds"), [("enclumeAtSite", True), ("enclumeProduction", False), ("enclumeBackup", False)]
)
def test_a_hosts_dangling_reference_is_a_finding_of_that_host(attribute: str, holds: bool) -> None:
    world = World(site("angers"), guest("vm", **{attribute: f"cn=gone,{BASE}"}), host("other", enclumeAtSite=ANGERS))
    estate = world.estate()
    (finding,) = [one for one in estate.nodes["vm"].findings if one.code == "dangling_reference"]
    assert (finding.where, finding.what, finding.holds) == (host_dn("vm"), attribute, holds)
    assert estate.nodes["other"].findings == ()


@pytest.mark.parametrize("dn", [host_dn("web-a"), f"ou=gone,ou=sites,{BASE}"])
def test_a_service_that_speaks_for_no_site_holds_its_members_only(dn: str) -> None:
    world = two_sites()
    stray = entry(
        f"cn=stray,{service_dn('web')}", objectClass=("enclumeService", "puppetClient"), cn="stray", enclumeAtSite=dn
    )
    world.put(service("web", members=["web-a"]), stray)
    estate = world.estate()
    finding = only(estate.nodes["web-a"].findings, "dangling_reference")
    assert (finding.where, finding.what, finding.holds) == (stray.dn, "enclumeAtSite", True)
    assert [one for name in ("web-l", "nfs-a", "nfs-l") for one in estate.nodes[name].findings] == []
    assert [one.certname for one in estate.findings] == ["web-a"]


def test_a_site_entry_below_no_service_holds_its_own_members_only() -> None:
    world = two_sites()
    world.put(service_at("gone", "angers", members=["web-a"]))
    estate = world.estate()
    finding = only(estate.nodes["web-a"].findings, "dangling_reference")
    assert (finding.what, finding.holds) == ("enclumeAtSite", True)
    assert estate.nodes["web-l"].findings == ()


def test_what_is_wrong_in_a_service_holds_its_members_and_nobody_else() -> None:
    world = two_sites()
    world.put(service("web", members=["web-a"], enclumeParameter="apache::port=eighty"))
    estate = world.estate()
    finding = only(estate.nodes["web-a"].findings, "bad_value")
    assert (finding.where, finding.certname, finding.holds) == (service_dn("web"), "web-a", True)
    assert estate.nodes["web-l"].findings == ()


def test_what_is_wrong_in_a_services_site_entry_holds_its_members_there() -> None:
    world = two_sites()
    world.put(
        service("web", members=["web-a", "web-l"]), service_at("web", "angers", enclumeParameter="apache::port=eighty")
    )
    estate = world.estate()
    assert codes(estate.nodes["web-a"].findings) == ["bad_value"]
    assert estate.nodes["web-l"].findings == ()


def test_what_is_wrong_in_a_site_holds_its_hosts() -> None:
    world = two_sites()
    world.put(site("angers", puppetClass="Bad Class"))
    estate = world.estate()
    assert {name: codes(node.findings) for name, node in estate.nodes.items()} == {
        "nfs-a": ["bad_name"],
        "web-a": ["bad_name"],
        "nfs-l": [],
        "web-l": [],
    }


def test_profiles_follow_each_other_nearest_first_whatever_the_case_of_their_names() -> None:
    world = World(
        host("web", parentNode="WEB"),
        profile("web", parentNode="Linux"),
        profile("linux", parentNode="base"),
        profile("base"),
    )
    assert profiles_of(world.node("web")) == ["web", "linux", "base"]


def test_a_host_without_a_parent_has_no_profiles() -> None:
    assert World(host("web"), profile("base")).node("web").profiles == ()


def test_a_parent_that_is_no_profile_holds_each_of_its_children_by_its_own_dn() -> None:
    world = World(host("a", parentNode="gone"), host("b", parentNode="gone"), host("c"))
    estate = world.estate()
    for name in ("a", "b"):
        finding = only(estate.nodes[name].findings, "missing_parent")
        assert (finding.where, finding.what, finding.certname) == (host_dn(name), "parentNode", name)
        assert finding.holds
    assert estate.nodes["c"].findings == ()


def test_a_gap_further_up_is_found_at_the_profile_that_names_nothing() -> None:
    world = World(host("web", parentNode="linux"), profile("linux", parentNode="gone"), host("db", parentNode="base"))
    world.put(profile("base"))
    estate = world.estate()
    finding = only(estate.nodes["web"].findings, "missing_parent")
    assert (finding.where, finding.certname) == (profile_dn("linux"), "web")
    assert estate.nodes["db"].findings == ()


@pytest.mark.parametrize("chain", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_parents_that_lead_back_hold_the_nodes_below_them(chain: list[str]) -> None:
    world = World(host("web", parentNode=chain[0]), host("other"))
    for name, above in zip(chain, itertools.islice(itertools.cycle(chain), 1, None), strict=False):
        world.put(profile(name, parentNode=above))
    estate = world.estate()
    finding = only(estate.nodes["web"].findings, "parent_loop")
    assert (finding.where, finding.what, finding.holds) == (profile_dn(chain[-1]), "parentNode", True)
    assert " → ".join([*chain, chain[0]]) in finding.message
    assert estate.nodes["web"].profiles == ()
    assert estate.nodes["other"].findings == ()


def test_a_loop_higher_up_is_found_too() -> None:
    world = World(host("web", parentNode="leaf"), profile("leaf", parentNode="a"), profile("a", parentNode="a"))
    assert only(world.node("web").findings, "parent_loop").where == profile_dn("a")


def test_two_profiles_of_one_name_hold_the_nodes_that_use_it() -> None:
    twin = entry(f"cn=base,ou=old,ou=profiles,{BASE}", objectClass=("device", "puppetClient"), cn="base")
    world = World(host("web", parentNode="base"), profile("base"), twin, host("other"))
    estate = world.estate()
    finding = only(estate.nodes["web"].findings, "missing_parent")
    assert profile_dn("base") in finding.message
    assert twin.dn in finding.message
    assert estate.nodes["other"].findings == ()


def test_two_entries_of_one_certname_hold_that_node_alone() -> None:
    twin = entry(f"cn=web,ou=old,ou=hosts,{BASE}", objectClass=("device", "puppetClient"), cn="web")
    world = World(host("web"), twin, host("other"), kvm("kvm"))
    estate = world.estate()
    assert set(estate.nodes) == {"web", "other", "kvm"}
    (finding,) = [one for one in estate.nodes["web"].findings if one.code == "duplicate_certname"]
    assert finding.holds
    assert host_dn("web") in finding.message
    assert twin.dn in finding.message
    assert estate.nodes["other"].findings == ()
