"""What other nodes are shown of a node, and what services and sites are."""

from typing import Any

import msgspec
import pytest

from enc.topology import UNDEFINED, Shown, define
from errors import SettingsError
from tests.factories import (
    World,
    codes,
    domain,
    guest,
    host,
    host_dn,
    kvm,
    rules,
    service,
    service_at,
    service_dn,
    site,
    site_dn,
    uuid_of,
)

ANGERS = site_dn("angers")


def world() -> World:
    built = World(
        site("angers", enclumeNetwork="lan=internal 10.0.0.0/24 br0"),
        kvm("kvm1", "angers"),
        guest(
            "web01",
            enclumeAtSite=ANGERS,
            ipHostNumber="10.0.0.1",
            enclumeProduction=host_dn("kvm1"),
            enclumeParameter='secret::of_mine="x"',
            enclumeOffer=('sites=["a.fr"]', "port=80"),
            enclumeRequires=service_dn("files"),
        ),
        host("nfs", enclumeAtSite=ANGERS),
        service("web", members=["web01"], enclumeRequires=service_dn("files"), enclumeOffer="port=80"),
        service_at("web", "angers", enclumeOffer="port=81"),
        service("files", members=["nfs"], enclumeProvides="nfs"),
    )
    built.see("kvm1", domain("web01"))
    return built


def shown_of(at: World, name: str) -> dict[str, Any]:
    answer = at.answer(name).answer
    assert answer is not None
    decoded: dict[str, Any] = msgspec.json.decode(answer.shown)
    assert msgspec.json.decode(answer.shown, type=Shown).services == tuple(decoded["services"])
    return decoded


def test_others_see_addresses_offers_and_where_a_node_is_and_no_parameter() -> None:
    assert shown_of(world(), "web01") == {
        "key": host_dn("web01"),
        "site": "angers",
        "services": ["web"],
        "requires": [service_dn("files")],
        "member": {
            "addresses": ["10.0.0.1"],
            "intent": "running",
            "kind": "guest",
            "layer": 2,
            "offers": {"sites": ["a.fr"], "port": 80},
            "site": "angers",
        },
        "guest": {
            "hypervisor": "kvm1",
            "uuid": uuid_of("web01"),
            "production": host_dn("kvm1"),
            "backup": None,
        },
    }


def test_a_host_that_is_no_guest_has_no_domain() -> None:
    assert "guest" not in shown_of(world(), "nfs")


def test_a_key_that_one_entry_offers_with_two_values_is_a_conflict_that_holds() -> None:
    at = world()
    at.put(host("nfs", enclumeAtSite=ANGERS, enclumeOffer=("port=1", "port=1.0")))
    result = at.answer("nfs")
    assert result.answer is None
    assert codes(result.findings) == ["conflict"]
    at.put(host("nfs", enclumeAtSite=ANGERS, enclumeOffer=("port=1", "port= 1")))
    assert shown_of(at, "nfs")["member"]["offers"] == {"port": 1}


def test_an_offer_that_puppet_would_read_differently_holds_like_a_parameter() -> None:
    at = world()
    at.put(host("nfs", enclumeAtSite=ANGERS, enclumeOffer=f"port={2**63}"))
    assert codes(at.answer("nfs").findings) == ["not_representable"]


def test_a_parameter_with_a_name_of_the_topology_is_left_out() -> None:
    at = world()
    at.put(host("nfs", enclumeAtSite=ANGERS, enclumeParameter=("enclume::services={}", "enclume::other=1")))
    result = at.answer("nfs")
    assert codes(result.findings) == ["reserved_name"]
    assert result.answer is not None
    assert result.answer.parameters == b'{"enclume::other":1}'


def test_services_and_sites_are_defined_with_what_holds_at_one_site() -> None:
    defined = define(world().estate().declared)
    web = defined.services[service_dn("web")]
    assert (web.name, web.requires, web.offers) == ("web", (service_dn("files"),), {"port": 80})
    assert web.at_site == {ANGERS: {"port": 81}}
    assert list(defined.services) == [service_dn("files"), service_dn("web")]
    assert defined.sites[ANGERS].networks[0].cidr == "10.0.0.0/24"


def test_definitions_that_are_as_they_were_are_the_same_object() -> None:
    at = world()
    first = define(at.estate().declared)
    assert define(at.estate().declared, first) is first
    at.put(service("files", members=["nfs"], enclumeProvides="nfs", enclumeOffer="x=true"))
    second = define(at.estate().declared, first)
    at.put(service("files", members=["nfs"], enclumeProvides="nfs", enclumeOffer="x=1"))
    assert define(at.estate().declared, second) is not second


def test_a_service_with_a_broken_entry_stays_what_it_was() -> None:
    at = world()
    first = define(at.estate().declared)
    at.put(service("web", members=["web01"], enclumeRequires="nonsense", enclumeOffer="port=90"))
    second = define(at.estate().declared, first)
    assert second.services[service_dn("web")] is first.services[service_dn("web")]
    at.put(site("angers", enclumeNetwork="nonsense"))
    assert define(at.estate().declared, first).sites[ANGERS] is first.sites[ANGERS]
    assert define(at.estate().declared, UNDEFINED).services[service_dn("web")].offers == {"port": 90}


def test_a_rule_cannot_state_what_the_topology_says() -> None:
    with pytest.raises(SettingsError, match="rename it"):
        rules('- {name: x, when: {}, parameters: {"enclume::site": 1}}')
