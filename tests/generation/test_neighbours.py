"""What Hiera tells a node of those around it: who sees whom, and what stays when an answer is held or kept."""

from collections.abc import Iterable
from typing import Any

import msgspec

from enc.answer import Answer
from enc.topology import define
from facts.directory.entries import Entry
from generation.build import NOTHING, Classification, approve, build, classify_all
from generation.generation import NONE, Generation
from generation.neighbours import Neighbours
from tests.factories import (
    BASE,
    NO_RULES,
    World,
    domain,
    entry,
    guest,
    host,
    host_dn,
    kvm,
    service,
    service_at,
    service_dn,
    site,
    site_dn,
    uuid_of,
)

ANGERS, LILLE = site_dn("angers"), site_dn("lille")
WEBS = [f"web{number:02d}" for number in range(1, 13)]


class Estate:
    """A world with its generations, and the documents of the newest."""

    def __init__(self, *entries: Entry) -> None:
        self.world = World(*entries)
        for name in ("kvm1", "kvm2"):
            self.world.see(name)
        self.generation: Generation = NONE
        self.classification: Classification = NOTHING
        self.neighbours = Neighbours()
        self.build()

    def build(self) -> Generation:
        estate = self.world.estate()
        self.classification = classify_all(estate, NO_RULES, self.world.settings.answer, self.classification)
        definitions = define(estate.declared, self.generation.definitions)
        entries, guard = len(self.world.entries), self.world.settings.guard
        self.generation = build(self.generation, self.classification, entries, guard, 1.0, definitions)
        return self.generation

    def put(self, *entries: Entry) -> None:
        self.world.put(*entries)
        self.build()

    def document(self, name: str) -> Any:
        text = self.neighbours.document(self.generation, name)
        assert text == Neighbours().document(self.generation, name), "what was followed is not what is made anew"
        return msgspec.json.decode(text)

    def services(self, name: str) -> Any:
        return self.document(name)["enclume::services"]

    def members(self, name: str, of: str) -> list[str]:
        return list(self.services(name)[of]["members"])


def web(name: str, at: str = ANGERS, **more: Any) -> Entry:
    return guest(name, **({"enclumeAtSite": at, "enclumeProduction": host_dn("kvm1")} | more))


def hosting(members: Iterable[str], **more: Any) -> Entry:
    stated = {"enclumeRequires": service_dn("nfs"), "puppetClass": "web_hosting", "enclumeOffer": "port=80"}
    return service("web_hosting", members=members, **(stated | more))


def platform(webs: Iterable[str] = WEBS) -> Estate:
    """Two sites, each with a proxy and an NFS server; all webs but the last are at Angers."""
    *here, last = webs
    return Estate(
        site("angers", enclumeNetwork="lan=internal 10.0.0.0/24 br0"),
        site("lille"),
        kvm("kvm1", "angers"),
        kvm("kvm2", "angers"),
        *(web(name, enclumeParameter=f'web_hosting::secret_of="{name}"') for name in here),
        web(last, LILLE),
        *(host(f"{kind}-{at}", enclumeAtSite=site_dn(at)) for kind in ("proxy", "nfs") for at in ("angers", "lille")),
        hosting(webs),
        service("nfs", members=["nfs-angers", "nfs-lille"], enclumeProvides="nfs"),
        service(
            "front",
            members=["proxy-angers", "proxy-lille"],
            enclumeProvides="proxy",
            enclumeRequires=service_dn("web_hosting"),
        ),
        service("unrelated", members=["kvm1"]),
    )


def test_a_proxy_sees_the_webs_of_its_own_site_with_their_addresses_and_offers() -> None:
    at = platform()
    at.put(web("web02", ipHostNumber="10.0.0.2", enclumeOffer='sites=["a.fr"]'))
    front = at.services("proxy-angers")
    assert list(front) == ["front", "web_hosting"]
    hosting = front["web_hosting"]
    assert (hosting["relations"], hosting["offers"], hosting["requires"]) == (["required"], {"port": 80}, ["nfs"])
    assert list(hosting["members"]) == WEBS[:-1]
    assert hosting["members"]["web02"] == {
        "addresses": ["10.0.0.2"],
        "intent": "running",
        "kind": "guest",
        "layer": 2,
        "offers": {"sites": ["a.fr"]},
        "site": "angers",
    }
    assert at.members("proxy-lille", "web_hosting") == ["web12"]


def test_an_nfs_server_sees_who_needs_it_at_its_site_and_its_peers_everywhere() -> None:
    at = platform()
    at.put(host("alone", enclumeAtSite=ANGERS, enclumeRequires=service_dn("nfs")), host("idle", enclumeAtSite=ANGERS))
    services = at.services("nfs-angers")
    assert services["web_hosting"]["relations"] == ["requiring"]
    assert list(services["web_hosting"]["members"]) == WEBS[:-1]
    assert list(services["nfs"]["members"]) == ["nfs-angers", "nfs-lille"]
    assert list(services["nfs"]["clients"]) == ["alone"]
    assert "front" not in services


def test_a_web_sees_its_peers_its_servers_and_its_front_at_its_own_site() -> None:
    at = platform()
    services = at.services("web01")
    assert {name: one["relations"] for name, one in services.items()} == {
        "front": ["requiring"],
        "nfs": ["required"],
        "web_hosting": ["own"],
    }
    assert list(services["web_hosting"]["members"]) == WEBS[:-1]
    assert list(services["nfs"]["members"]) == ["nfs-angers"]
    assert list(services["front"]["members"]) == ["proxy-angers"]


def test_a_document_holds_the_nodes_own_parameters_and_no_others() -> None:
    at = platform()
    document = at.document("web02")
    assert document["web_hosting::secret_of"] == "web02"
    for name in at.generation.answers:
        text = at.neighbours.document(at.generation, name).decode()
        others = [web for web in WEBS if web != name and f'"web_hosting::secret_of":"{web}"' in text]
        assert others == []


def test_the_site_and_its_providers() -> None:
    document = platform().document("web01")
    assert document["enclume::site"] == {
        "name": "angers",
        "networks": [{"name": "lan", "role": "internal", "cidr": "10.0.0.0/24"}],
    }
    assert document["enclume::providers"] == {"nfs": ["nfs-angers"], "proxy": ["proxy-angers"]}
    assert "enclume::guests" not in document


def test_what_a_service_offers_at_one_site_beats_what_it_offers_anywhere() -> None:
    at = platform()
    at.put(service_at("web_hosting", "lille", enclumeOffer=("port=81", "tls=true")))
    assert at.services("proxy-lille")["web_hosting"]["offers"] == {"port": 81, "tls": True}
    assert at.services("proxy-angers")["web_hosting"]["offers"] == {"port": 80}


def test_a_hypervisor_sees_the_guests_that_it_runs_should_run_or_keeps_a_copy_of() -> None:
    at = platform()
    at.put(web("web01", enclumeBackup=host_dn("kvm2")), web("web02", enclumeProduction=host_dn("kvm2")))
    at.world.see("kvm1", domain("web01"), domain("web02"))
    at.world.see("kvm2")
    at.build()
    guests = at.document("kvm2")["enclume::guests"]
    assert {name: (one["placed"], one["production"], one["backup"]) for name, one in guests.items()} == {
        "web01": (False, False, True),
        "web02": (False, True, False),
    }
    assert guests["web01"]["uuid"] == uuid_of("web01")
    assert guests["web01"]["site"] == "angers"
    assert at.document("kvm1")["enclume::guests"]["web02"]["placed"]
    at.world.see("kvm2", domain("web01"), domain("web02"))
    at.world.see("kvm1")
    at.build()
    assert at.document("kvm2")["enclume::guests"]["web01"]["placed"]


def test_hosts_without_a_site_see_each_other_and_nobody_at_a_site() -> None:
    at = Estate(
        site("angers"),
        host("a"),
        host("b"),
        host("c", enclumeAtSite=ANGERS),
        service("cluster", members=["a", "b", "c"]),
    )
    assert at.members("a", "cluster") == ["a", "b"]
    assert at.members("c", "cluster") == ["c"]
    assert at.document("a")["enclume::site"] is None


def test_a_required_service_without_a_member_at_the_site_is_there_and_empty() -> None:
    at = platform()
    at.put(service("nfs", members=["nfs-lille"], enclumeProvides="nfs"))
    assert at.services("web01")["nfs"]["members"] == {}


def test_documents_follow_every_change() -> None:
    """`document` compares what was followed with what is made anew, each time."""
    at = platform()
    assert "web13" not in at.members("proxy-angers", "web_hosting")
    at.put(web("web13"), hosting([*WEBS, "web13"]))
    assert "web13" in at.members("proxy-angers", "web_hosting")
    at.put(web("web13", LILLE))
    assert "web13" in at.members("proxy-lille", "web_hosting")
    assert "web13" not in at.members("proxy-angers", "web_hosting")
    at.put(hosting(WEBS[1:]))
    assert "web01" not in at.members("proxy-angers", "web_hosting")
    at.world.drop(host_dn("web02"))
    at.build()
    assert "web02" not in at.members("proxy-angers", "web_hosting")
    at.put(hosting(WEBS[1:], enclumeOffer="port=8080"))
    assert at.services("proxy-angers")["web_hosting"]["offers"] == {"port": 8080}


def test_a_node_that_keeps_its_answer_is_seen_by_others_as_it_was() -> None:
    """A typing error in the site of one backend takes it out of nobody's configuration."""
    at = platform()
    at.put(web("web02", site_dn("anger"), enclumeOffer="port=9"))
    assert at.classification.results["web02"].answer is None
    member = at.services("proxy-angers")["web_hosting"]["members"]["web02"]
    assert (member["site"], member["offers"]) == ("angers", {})


def test_while_the_guard_holds_members_and_services_stay_until_it_is_approved() -> None:
    at = platform()
    before = at.document("proxy-angers")
    front = service("front", members=["proxy-angers", "proxy-lille"], enclumeProvides="proxy")
    at.put(hosting([], enclumeOffer="port=1"), front)
    hold = at.generation.hold
    assert hold is not None
    assert at.document("proxy-angers") == before
    approved = approve(at.generation, hold.number, 2.0)
    assert approved is not None
    at.generation = approved
    assert list(at.services("proxy-angers")) == ["front"]


def test_members_of_a_service_without_classes_are_held_too() -> None:
    """Others' configuration rests on them, though they themselves lose no class."""
    at = platform()
    at.put(hosting(WEBS, puppetClass="web_hosting"), service("cluster", members=WEBS))
    at.put(service("cluster"))
    assert at.generation.hold is not None
    assert at.members("web01", "cluster") == WEBS[:-1]


def test_the_number_grows_when_a_service_is_other_than_it_was_and_else_not() -> None:
    at = platform()
    first = at.generation
    assert at.build() is first
    at.put(hosting(WEBS, enclumeOffer="port=8080"))
    assert at.generation.number == first.number + 1
    assert at.generation.answers["web01"] is first.answers["web01"]


def test_an_answer_kept_by_an_older_version_is_a_document_without_neighbours() -> None:
    body = b'{"classes":{},"parameters":{"enclume":{"site":null,"kind":null,"services":[],"providers":{}}}}'
    old = Generation(1, 1, 1.0, 1, {"web": Answer(body, b'{"a::b":1}', "x")})
    assert msgspec.json.decode(Neighbours().document(old, "web")) == {
        "a::b": 1,
        "enclume::providers": {},
        "enclume::services": {},
        "enclume::site": None,
    }


def test_two_services_of_one_name_are_told_as_one() -> None:
    """Answers name services, so these are one to Puppet."""
    at = platform()
    stated = {"objectClass": "enclumeService", "cn": "nfs", "enclumeProvides": "mirror", "enclumeOffer": "twin=1"}
    at.put(entry(f"cn=nfs,ou=more,ou=services,{BASE}", member=host_dn("kvm1"), **stated))
    nfs = at.services("nfs-angers")["nfs"]
    assert (nfs["provides"], nfs["offers"]) == (["mirror", "nfs"], {"twin": 1})
    assert "kvm1" in nfs["members"]
