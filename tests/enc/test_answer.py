"""The answer: its fixed shape, what stands in it, and what never does."""

import hashlib
from typing import Any

import msgspec
import pytest

from enc.answer import Answer
from enc.rules import Rules
from facts.inventory.domains import Disk, Domain, Interface
from tests.factories import (
    GIB,
    NO_RULES,
    World,
    codes,
    guest,
    host,
    host_dn,
    kvm,
    rules,
    service,
    settings,
    site,
    site_dn,
    uuid_of,
)

ANGERS = site_dn("angers")


def world() -> World:
    """A guest with everything, beside its site's servers."""
    built = World(
        site(
            "angers",
            enclumeNetwork=("lan=internal 10.0.0.0/24 br0", "dmz=public 192.0.2.0/24 vlan9"),
            environment="production",
        ),
        kvm("kvm1.lab.test", "angers", ipHostNumber="10.0.0.11"),
        guest(
            "web01.lab.test",
            ipHostNumber=("192.0.2.1", "10.0.0.1"),
            puppetClass=("apache", "php::fpm"),
            puppetVar=("room=B12", "managed=true"),
            enclumeParameter=("apache::port=80", 'php::fpm::pools={"www":{"max":5}}', "absent::x=1"),
            enclumeOffer='sites=["a.fr"]',
        ),
        host("nfs1.lab.test", enclumeAtSite=ANGERS),
        host("bare.lab.test"),
        service("web", members=["web01.lab.test"]),
        service("files", members=["nfs1.lab.test"], enclumeProvides=("nfs", "mirror")),
    )
    interfaces = (
        Interface("52:54:00:00:00:01", "default", "br0"),
        Interface("52:54:00:00:00:02", "vlan9"),
        Interface("52:54:00:00:00:03", "unknown"),
    )
    disks = (Disk("vda", "nfs", "/m/web01.qcow2", "nfs1.lab.test", "/srv/vms"), Disk("vdb", "lvm", "/dev/vg/web01"))
    shown = Domain(uuid_of("web01"), "web01", "running", "booted", GIB, 2, True, True, interfaces, disks)
    built.see("kvm1.lab.test", shown)
    return built


def given(at: World, name: str, by: Rules = NO_RULES) -> Answer:
    found = at.answer(name, by).answer
    assert found is not None
    return found


def told(at: World, name: str) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(given(at, name).body)
    return document


def test_the_whole_answer() -> None:
    assert told(world(), "web01.lab.test") == {
        "classes": {"apache": {}, "php::fpm": {}},
        "environment": "production",
        "parameters": {
            "room": "B12",
            "managed": True,
            "enclume": {
                "site": "angers",
                "kind": "guest",
                "layer": 2,
                "hypervisor": "kvm1.lab.test",
                "services": ["web"],
                "providers": {"mirror": ["nfs1.lab.test"], "nfs": ["nfs1.lab.test"]},
                "networks": [
                    {"name": "lan", "role": "internal", "mac": "52:54:00:00:00:01", "address": "10.0.0.1"},
                    {"name": "dmz", "role": "public", "mac": "52:54:00:00:00:02", "address": "192.0.2.1"},
                ],
                "storage": [
                    {"kind": "lvm", "server": None, "path": "/dev/vg/web01"},
                    {"kind": "nfs", "server": "nfs1.lab.test", "path": "/srv/vms"},
                ],
            },
        },
    }


def test_a_host_of_which_nothing_is_known_has_the_same_keys() -> None:
    assert told(world(), "bare.lab.test") == {
        "classes": {},
        "parameters": {
            "enclume": {
                "site": None,
                "kind": "physical",
                "layer": 1,
                "hypervisor": None,
                "services": [],
                "providers": {},
                "networks": [],
                "storage": [],
            }
        },
    }


def test_a_host_without_virtual_interfaces_is_on_the_networks_of_its_addresses() -> None:
    assert told(world(), "kvm1.lab.test")["parameters"]["enclume"]["networks"] == [
        {"name": "lan", "role": "internal", "mac": None, "address": "10.0.0.11"}
    ]


def test_class_parameters_travel_beside_the_answer_for_hiera() -> None:
    found = given(world(), "web01.lab.test")
    assert msgspec.json.decode(found.parameters) == {
        "apache::port": 80,
        "php::fpm::pools": {"www": {"max": 5}},
        "absent::x": 1,
    }
    assert b"pools" not in found.body


def test_inline_parameters_stand_in_their_class_and_those_without_one_are_said() -> None:
    at = world()
    at.settings = settings(answer={"parameters": "inline"})
    result = at.answer("web01.lab.test")
    assert result.answer is not None
    assert msgspec.json.decode(result.answer.body)["classes"] == {
        "apache": {"port": 80},
        "php::fpm": {"pools": {"www": {"max": 5}}},
    }
    (finding,) = result.findings
    assert (finding.code, finding.what, finding.holds) == ("parameter_without_class", "absent::x", False)


def test_rules_may_offer_inline_parameters_to_classes_that_are_not_there() -> None:
    at = World(host("web"), settings=settings(answer={"parameters": "inline"}))
    result = at.answer("web", rules("- {name: offered, parameters: {'ntp::servers': [a]}}"))
    assert result.findings == ()


def test_the_digest_is_that_of_answer_parameters_and_what_others_see_together() -> None:
    at = world()
    first = given(at, "web01.lab.test")
    assert first.digest == hashlib.sha256(b"\n".join((first.body, first.parameters, first.shown))).hexdigest()[:32]
    at.put(site("angers", enclumeParameter="x::y=1"))
    body_only = given(at, "bare.lab.test")
    at.put(host("bare.lab.test", enclumeParameter="x::y=1"))
    assert given(at, "bare.lab.test").body == body_only.body
    assert given(at, "bare.lab.test").digest != body_only.digest
    at.put(host("bare.lab.test", enclumeOffer="port=1"))
    assert given(at, "bare.lab.test").body == body_only.body
    assert given(at, "bare.lab.test").digest != body_only.digest


def test_the_same_facts_in_another_order_are_the_same_bytes() -> None:
    at = world()
    other = World(*reversed(list(at.entries.values())))
    other.hypervisors = at.hypervisors
    for name in at.estate().nodes:
        assert given(at, name) == given(other, name)


def test_no_answer_holds_what_only_concerns_another_node() -> None:
    at = world()
    at.put(
        host("a", enclumeAtSite=ANGERS, enclumeParameter='x::y="tag-a"', puppetVar="v=tag-a", enclumeOffer='k="tag-a"'),
        host("b", enclumeAtSite=ANGERS, enclumeRequires=host_dn("a")),
        service("both", members=["a", "b"]),
    )
    for name in at.estate().nodes:
        found = given(at, name)
        assert (b"tag-a" in found.body + found.parameters) == (name == "a")


def test_offers_stand_in_no_answer() -> None:
    found = given(world(), "web01.lab.test")
    assert b"a.fr" not in found.body + found.parameters


@pytest.mark.parametrize(
    ("stated", "path"),
    [
        ({"enclumeParameter": "x::y=123456789012345678901234567890"}, "x::y"),
        ({"enclumeParameter": 'x::y={"<<": 1}'}, "x::y.<<"),
        ({"enclumeParameter": "x::y=" + '{"' + "k" * 2000 + '": 1}'}, "x::y"),
    ],
)
def test_what_puppet_would_misread_holds_the_node_and_names_the_path(stated: dict[str, str], path: str) -> None:
    at = World(host("web", **stated), host("other"))
    result = at.answer("web")
    assert result.answer is None
    (finding,) = result.findings
    assert (finding.code, finding.where, finding.holds) == ("not_representable", host_dn("web"), True)
    assert path in finding.message
    assert at.answer("other").answer is not None


def test_a_held_node_has_findings_and_no_answer() -> None:
    result = World(host("web", puppetClass="Bad")).answer("web")
    assert result.answer is None
    assert codes(result.findings) == ["bad_name"]


def test_an_ipv6_address_lies_in_ipv6_networks_alone() -> None:
    at = World(
        site("angers", enclumeNetwork=("v4=internal 0.0.0.0/0", "v6=public 2001:db8::/32")),
        host("web", enclumeAtSite=ANGERS, ipHostNumber="2001:DB8::1"),
    )
    assert [one["name"] for one in told(at, "web")["parameters"]["enclume"]["networks"]] == ["v6"]
