"""Directories of Puppet's removed LDAP terminus: what its 4.x and 5.x versions told a node."""

import itertools
from typing import Any

import msgspec
import pytest

from facts.directory.entries import Entry
from tests.factories import BASE, World, codes, entry, settings

MACHINES = f"ou=machines,{BASE}"


def dn(name: str) -> str:
    return f"cn={name},{MACHINES}"


def node(name: str, **attributes: str | tuple[str, ...]) -> Entry:
    """A puppetClient entry."""
    return entry(dn(name), **({"objectClass": ("device", "puppetClient"), "cn": name} | attributes))


def world(*entries: Entry, **directory: object) -> World:
    return World(*entries, settings=settings({"legacy": True} | directory))


def told(name: str, *entries: Entry, **directory: object) -> dict[str, Any]:
    """The answer of one node, our own `enclume` aside."""
    given = world(*entries, **directory).answer(name).answer
    assert given is not None
    document: dict[str, Any] = msgspec.json.decode(given.body)
    document["parameters"].pop("enclume")
    return document


def test_an_entry_anywhere_below_the_base_is_a_node() -> None:
    deep = entry(f"cn=web01,ou=a,ou=b,{BASE}", objectClass="puppetClient", cn="web01", puppetClass="apache")
    assert told("web01", deep) == {"classes": {"apache": {}}, "parameters": {}}


def test_an_entry_without_puppet_client_is_none() -> None:
    assert world(entry(dn("web01"), objectClass="device", cn="web01")).estate().nodes == {}


def test_names_are_compared_without_case() -> None:
    assert told("web01.lab.test", node("WEB01.Lab.test", puppetClass="apache"))["classes"] == {"apache": {}}


@pytest.mark.parametrize("names", list(itertools.permutations(["web01.lab.test", "web01", "www"])))
def test_an_entry_is_found_under_each_of_its_names(names: tuple[str, ...]) -> None:
    aliased = node("web01.lab.test", puppetClass="apache")
    aliased = entry(aliased.dn, objectClass="puppetClient", cn=names, puppetClass="apache")
    for name in names:
        assert told(name, aliased)["classes"] == {"apache": {}}


def test_a_parent_is_found_under_each_of_its_names() -> None:
    parent = entry(dn("base"), objectClass="puppetClient", cn=("base", "default"), puppetClass="base")
    assert told("web", node("web", parentNode="DEFAULT"), parent)["classes"] == {"base": {}}


def test_classes_are_the_nodes_own_and_then_its_parents_each_once() -> None:
    entries = (
        node("web", puppetClass=("apache", "common"), parentNode="base"),
        node("base", puppetClass=("common", "ntp"), parentNode="top"),
        node("top", puppetClass="ssh"),
    )
    assert told("web", *entries)["classes"] == {"apache": {}, "common": {}, "ntp": {}, "ssh": {}}
    assert told("base", *entries)["classes"] == {"common": {}, "ntp": {}, "ssh": {}}


@pytest.mark.parametrize(
    ("value", "name", "content"),
    [
        ("room=B12", "room", "B12"),
        ("url=http://x/?a=b", "url", "http://x/?a=b"),
        ("on=true", "on", True),
        ("on=false", "on", False),
        ("on=True", "on", "True"),
        ("n=12", "n", "12"),
        ("none=", "none", ""),
        ("nil=nil", "nil", "nil"),
    ],
)
def test_a_variable_is_split_at_the_first_equals_and_only_booleans_are_no_text(
    value: str, name: str, content: object
) -> None:
    assert told("web", node("web", puppetVar=value))["parameters"] == {name: content}


def test_of_a_variable_that_stands_twice_the_last_counts() -> None:
    assert told("web", node("web", puppetVar=("a=1", "b=2", "a=3")))["parameters"] == {"a": "3", "b": "2"}


def test_the_child_beats_the_parent_even_with_false() -> None:
    entries = (
        node("web", puppetVar=("on=false", "a=child"), parentNode="base"),
        node("base", puppetVar=("on=true", "a=parent", "b=parent"), parentNode="top"),
        node("top", puppetVar=("b=top", "c=top")),
    )
    assert told("web", *entries)["parameters"] == {"on": False, "a": "child", "b": "parent", "c": "top"}


@pytest.mark.parametrize(
    ("own", "parents", "environment"),
    [("test", "production", "test"), (None, "production", "production"), (None, None, None)],
)
def test_the_environment_is_the_nodes_own_or_else_its_parents(
    own: str | None, parents: str | None, environment: str | None
) -> None:
    def stated(value: str | None) -> dict[str, str]:
        return {"environment": value} if value else {}

    entries = (node("web", parentNode="base", **stated(own)), node("base", **stated(parents)))
    assert told("web", *entries).get("environment") == environment


def test_a_variable_called_environment_does_not_set_it() -> None:
    answered = told("web", node("web", puppetVar="environment=test", parentNode="base"), node("base"))
    assert answered == {"classes": {}, "parameters": {}}


@pytest.mark.parametrize("name", ["enclume", "trusted", "servername", "facts"])
def test_reserved_variables_are_left_out_and_said(name: str) -> None:
    at = world(node("web", puppetVar=(f"{name}=x", "a=1")))
    assert codes(at.estate().findings) == ["reserved_name"]
    assert told("web", node("web", puppetVar=(f"{name}=x", "a=1")))["parameters"] == {"a": "1"}


def test_a_variable_without_equals_is_left_out_and_said() -> None:
    at = world(node("web", puppetVar=("nonsense", "a=1")))
    assert codes(at.estate().findings) == ["bad_name"]
    assert at.answer("web").answer is not None


def test_attributes_are_no_parameters_unless_the_settings_say_so() -> None:
    assert told("web", node("web", l="Angers", puppetVar="a=1"))["parameters"] == {"a": "1"}


def test_with_legacy_attributes_every_attribute_is_a_parameter_in_the_servers_spelling() -> None:
    stated = node(
        "web", ipHostNumber=("192.0.2.1", "192.0.2.2"), macAddress="02:00:00:00:00:01", puppetClass="apache", l="true"
    )
    assert told("web", stated, legacy_attributes=True)["parameters"] == {
        "objectClass": ["device", "puppetClient"],
        "cn": "web",
        "ipHostNumber": ["192.0.2.1", "192.0.2.2"],
        "macAddress": "02:00:00:00:00:01",
        "puppetClass": "apache",
        "l": True,
    }


def test_with_legacy_attributes_booleans_in_lists_are_booleans() -> None:
    stated = node("web", description=("true", "false", "x"))
    assert told("web", stated, legacy_attributes=True)["parameters"]["description"] == [True, False, "x"]


def test_with_legacy_attributes_an_attribute_beats_a_variable_of_its_name() -> None:
    stated = node("web", l="Angers", puppetVar=("l=Lille", "a=1"))
    parameters = told("web", stated, legacy_attributes=True)["parameters"]
    assert (parameters["l"], parameters["a"]) == ("Angers", "1")
    assert "puppetVar" not in parameters


def test_with_legacy_attributes_the_child_beats_the_parent() -> None:
    entries = (node("web", l="Angers", parentNode="base"), node("base", l="Lille", description="x"))
    parameters = told("web", *entries, legacy_attributes=True)["parameters"]
    assert (parameters["l"], parameters["description"], parameters["cn"]) == ("Angers", "x", "web")


def test_a_password_is_never_a_parameter() -> None:
    hidden = node("web", userPassword="{SSHA}x", l="Angers")
    more = entry(
        hidden.dn, objectClass="puppetClient", cn="web", **{"userPassword;x-old": "secret", "USERPASSWORD": "x"}
    )
    for stated in (hidden, more):
        given = world(stated, legacy_attributes=True).answer("web").answer
        assert given is not None
        assert b"assword" not in given.body.lower()
        assert b"secret" not in given.body


@pytest.mark.parametrize("chain", [["web"], ["web", "base"], ["web", "base", "top"]])
def test_parents_that_lead_back_hold_every_node_on_the_way(chain: list[str]) -> None:
    above = [*chain[1:], chain[0]]
    at = world(*(node(name, parentNode=parent) for name, parent in zip(chain, above, strict=True)), node("other"))
    for name in chain:
        assert at.answer(name).answer is None
        assert codes(at.answer(name).findings) == ["parent_loop"]
    assert at.answer("other").answer is not None


def test_a_parent_that_is_not_there_holds_the_node() -> None:
    at = world(node("web", parentNode="gone"), node("db", parentNode="web"), node("other"))
    for name, where in (("web", "web"), ("db", "web")):
        (finding,) = at.answer(name).findings
        assert (finding.code, finding.where, finding.what) == ("missing_parent", dn(where), "parentNode")
    assert at.answer("other").answer is not None


@pytest.mark.parametrize(("attribute", "code"), [("parentNode", "bad_value"), ("environment", "conflict")])
def test_several_parents_or_environments_hold_the_node(attribute: str, code: str) -> None:
    at = world(node("web", **{attribute: ("base", "other")}), node("base"), node("other"))
    assert at.answer("web").answer is None
    assert codes(at.answer("web").findings) == [code]
    assert at.answer("base").answer is not None


def test_what_is_wrong_in_a_parent_holds_its_children_too() -> None:
    """A class that cannot be read is not simply missing from all who inherit it."""
    at = world(node("web", parentNode="base"), node("base", puppetClass=("ntp", "Bad Class")), node("other"))
    for name in ("web", "base"):
        (finding,) = at.answer(name).findings
        assert (finding.code, finding.where, finding.certname) == ("bad_name", dn("base"), name)
        assert at.answer(name).answer is None
    assert at.answer("other").answer is not None


def test_names_that_a_filter_would_misread_are_names_like_others() -> None:
    odd = entry(f"cn=a*)(cn\\3D*,{MACHINES}", objectClass="puppetClient", cn="a*)(cn=*", puppetClass="secret")
    at = world(node("web", parentNode="a*)(cn=*"), odd, node("b", parentNode="a*"))
    assert codes(at.answer("b").findings) == ["missing_parent"]
    given = at.answer("web").answer
    assert given is not None
    assert b"secret" in given.body


def test_an_entry_that_did_not_change_gives_the_same_nodes() -> None:
    at = world(node("web", parentNode="base", cn=("web", "www")), node("base", puppetVar="a=1"))
    before = at.estate()
    at.put(node("base", puppetVar="a=1", entryCSN="9"))
    after = at.estate()
    assert all(after.nodes[name] is before.nodes[name] for name in before.nodes)
