"""Why: each thing with its DN, attribute and entryCSN, its rule's file and line, its hypervisor and domain."""

from typing import Any

import msgspec

from enc.rules import Rules
from enc.why import why
from tests.factories import (
    NO_RULES,
    World,
    domain,
    guest,
    host,
    host_dn,
    kvm,
    profile,
    profile_dn,
    rules,
    service,
    service_dn,
    settings,
    site,
    site_dn,
    uuid_of,
)

RULES = rules(
    """
- name: guests have an agent
  when: {kind: guest}
  classes: [agent]
  parameters: {"apache::port": 8080}
"""
)


def world() -> World:
    built = World(
        site("angers", entryCSN="1", environment="production"),
        kvm("kvm1", "angers"),
        guest(
            "web",
            entryCSN="2",
            puppetClass="apache",
            enclumeParameter="apache::port=80",
            puppetVar="room=B12",
            parentNode="base",
        ),
        profile("base", entryCSN="3", puppetClass="apache", enclumeParameter='apache::modules+=["a"]'),
        service(
            "svc", members=["web"], entryCSN="4", enclumeParameter='apache::modules+=["b"]', enclumeProvides="proxy"
        ),
    )
    built.see("kvm1", domain("web"))
    return built


def reasons(name: str = "web", at: World | None = None, by: Rules = RULES) -> dict[str, Any]:
    found = why((at or world()).estate(), name, by)
    assert found is not None
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return plain


def test_a_class_knows_every_entry_and_rule_that_states_it() -> None:
    assert reasons()["classes"] == {
        "agent": [{"where": "rules.yaml:2", "what": "guests have an agent"}],
        "apache": [
            {"where": host_dn("web"), "what": "puppetClass", "entryCSN": "2"},
            {"where": profile_dn("base"), "what": "puppetClass", "entryCSN": "3"},
        ],
    }


def test_a_parameter_knows_where_its_value_comes_from_and_what_it_beats() -> None:
    assert reasons()["parameters"]["apache::port"] == {
        "value": 80,
        "from": [{"where": host_dn("web"), "what": "enclumeParameter", "entryCSN": "2"}],
        "beats": [{"where": "rules.yaml:2", "what": "guests have an agent", "value": 8080}],
    }


def test_a_united_parameter_knows_all_that_it_unites() -> None:
    found = reasons()["parameters"]["apache::modules"]
    assert found["value"] == ["b", "a"]
    assert [one["where"] for one in found["from"]] == [service_dn("svc"), profile_dn("base")]
    assert not found.get("beats")


def test_a_variable_and_the_environment_know_their_entry() -> None:
    found = reasons()
    assert found["variables"]["room"]["from"] == [{"where": host_dn("web"), "what": "puppetVar", "entryCSN": "2"}]
    assert found["environment"]["value"] == "production"
    assert found["environment"]["from"] == [{"where": site_dn("angers"), "what": "environment", "entryCSN": "1"}]
    assert reasons(at=World(host("web")), by=NO_RULES)["environment"] is None


def test_what_the_join_says_names_hypervisor_uri_and_domain() -> None:
    found = reasons()["enclume"]
    assert found["hypervisor"] == {
        "value": "kvm1",
        "because": "its domain runs on kvm1",
        "domain": uuid_of("web"),
        "defined_on": {"kvm1": "qemu+tls://kvm1/system"},
    }
    assert found["kind"] == {"value": "guest", "because": "enclumeKind"}
    assert found["site"] == {"value": "angers", "because": "its hypervisor is kvm1"}
    assert found["layer"] == {"value": 2, "because": "the default for its kind"}
    assert found["services"] == {"svc": service_dn("svc")}
    assert found["providers"] == {"proxy": ["web"]}


def test_kinds_are_explained() -> None:
    at = World(kvm("kvm1", enclumeKind=""), host("vm", enclumeKind=""), host("box", enclumeLayer="2"))
    at.see("kvm1", domain("vm"))
    at.estate()
    assert reasons("kvm1", at)["enclume"]["kind"] == {"value": "hypervisor", "because": "enclumeLibvirtURI"}
    assert reasons("vm", at)["enclume"]["kind"] == {"value": "guest", "because": "libvirt shows its domain"}
    assert reasons("box", at)["enclume"]["layer"] == {"value": 2, "because": "enclumeLayer"}
    at.see("kvm1")
    assert reasons("vm", at)["enclume"]["kind"]["because"] == "libvirt showed it before"


def test_a_hypervisor_of_the_settings_is_explained() -> None:
    read_by = settings(hypervisors={"uris": {"kvm1": "qemu:///system"}})
    at = World(kvm("kvm1", enclumeKind="", enclumeLibvirtURI=""), settings=read_by)
    kind = reasons("kvm1", at)["enclume"]["kind"]
    assert kind == {"value": "hypervisor", "because": "hypervisors.uris in the settings"}


def test_the_levels_that_were_merged_stand_in_their_order() -> None:
    assert reasons()["levels"] == [
        {"level": "host", "where": [host_dn("web")]},
        {"level": "service", "where": [service_dn("svc")]},
        {"level": "profile", "where": [profile_dn("base")]},
        {"level": "site", "where": [site_dn("angers")]},
        {"level": "rule", "where": ["rules.yaml:2"]},
    ]


def test_findings_are_told_with_dn_and_attribute() -> None:
    (finding,) = reasons(at=World(host("web", puppetClass="Bad")), by=NO_RULES)["findings"]
    assert finding["code"] == "bad_name"
    assert (finding["where"], finding["what"], finding["holds"]) == (host_dn("web"), "puppetClass", True)


def test_every_node_has_reasons() -> None:
    at = world()
    for name in at.estate().nodes:
        assert reasons(name, at)["certname"] == name


def test_a_node_that_is_not_there_has_no_reasons() -> None:
    assert why(world().estate(), "gone", RULES) is None
