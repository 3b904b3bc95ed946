"""References: `${…}` in rules, filled in from the node's estate."""

from typing import Any

import pytest

from enc.references import REFERENCES, Unresolved, resolve
from facts.estate import Node
from tests.factories import GIB, World, codes, domain, guest, host, kvm, rules, service, site, site_dn


def world() -> World:
    built = World(
        site("angers"),
        kvm("kvm1", "angers"),
        guest("web", ipHostNumber=("10.0.0.1", "2001:db8::1")),
        host("nfs1", enclumeAtSite=site_dn("angers")),
        host("nfs2", enclumeAtSite=site_dn("angers")),
        host("bare"),
        service("b", members=["web"]),
        service("a", members=["web"]),
        service("files", members=["nfs2", "nfs1"], enclumeProvides="nfs"),
    )
    built.see("kvm1", domain("web", memory=GIB))
    return built


@pytest.fixture
def web() -> Node:
    return world().node("web")


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("${site.name}", "angers"),
        ("${site.provider.nfs}", "nfs1"),
        ("${site.providers.nfs}", ["nfs1", "nfs2"]),
        ("${node.certname}", "web"),
        ("${node.kind}", "guest"),
        ("${node.layer}", 2),
        ("${node.hypervisor}", "kvm1"),
        ("${node.services}", ["a", "b"]),
        ("${node.addresses}", ["10.0.0.1", "2001:db8::1"]),
        ("${node.memory}", GIB),
        ("${node.vcpus}", 2),
        ("nfs://${site.provider.nfs}/srv", "nfs://nfs1/srv"),
        ("${site.name}-${node.layer}", "angers-2"),
        ("servers: ${site.providers.nfs}", "servers: nfs1,nfs2"),
        ("$${site.name}", "${site.name}"),
        ("$${", "${"),
        ("a $${b} ${site.name}", "a ${b} angers"),
        ("$$${site.name}", "$${site.name}"),
        ("$ {x} $x", "$ {x} $x"),
        ("${", "${"),
        (["${site.name}", {"${site.name}": "${node.layer}", "k": 1}], ["angers", {"angers": 2, "k": 1}]),
        (1, 1),
        (True, True),
        (None, None),
        ({80: "x"}, {"80": "x"}),
    ],
)
def test_a_value_is_filled_in(web: Node, value: Any, filled: object) -> None:
    found = resolve(value, web)
    assert found == filled
    assert type(found) is type(filled)


@pytest.mark.parametrize(
    "reference",
    ["site.name", "site.provider.nfs", "site.providers.nfs", "node.hypervisor", "node.memory", "node.vcpus"],
)
def test_a_reference_without_a_value_says_which(reference: str) -> None:
    with pytest.raises(Unresolved) as caught:
        resolve({"k": [f"x ${{{reference}}}"]}, world().node("bare"))
    assert caught.value.reference == reference


def test_every_reference_can_be_asked_of_every_node() -> None:
    for node in world().estate().nodes.values():
        for reference in REFERENCES:
            try:
                resolve(f"${{{reference}}}", node)
            except Unresolved:
                continue


def test_an_unresolved_reference_holds_the_node_and_names_the_rules_line() -> None:
    by = rules("- name: mounts\n  parameters: {'nfs::server': '${site.provider.nfs}'}")
    at = world()
    assert at.answer("web", by).answer is not None
    result = at.answer("bare", by)
    assert result.answer is None
    (finding,) = [one for one in result.findings if one.holds]
    assert (finding.code, finding.where, finding.what) == ("bad_reference", "rules.yaml:1", "nfs::server")
    assert "${site.provider.nfs}" in finding.message


def test_a_rule_that_asks_for_its_provider_leaves_the_others_alone() -> None:
    by = rules("- {name: mounts, when: {providers: nfs}, parameters: {'nfs::server': '${site.provider.nfs}'}}")
    assert codes(world().answer("bare", by).findings) == ["no_site"]
