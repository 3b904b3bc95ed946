"""Classification: level by level, and who is held by what."""

import pytest

from enc.classify import classify
from enc.rules import Rules
from facts.directory.entries import Entry
from tests.factories import (
    NO_RULES,
    World,
    codes,
    host,
    host_dn,
    profile,
    rules,
    service,
    service_at,
    service_dn,
    site,
    site_dn,
)

ANGERS = site_dn("angers")
RULES = rules(
    """
- {name: first, parameters: {"a::b": first}}
- {name: second, parameters: {"a::b": second}}
"""
)


def levels(without: int = 0) -> World:
    """A host whose parameter is stated at every level, without the most specific ones."""
    stating: list[Entry] = [
        host("web", enclumeAtSite=ANGERS, parentNode="near", enclumeParameter='a::b="host"'),
        service_at("svc", "angers", enclumeParameter='a::b="service at the site"'),
        service("svc", members=["web"], enclumeParameter='a::b="service"'),
        profile("near", parentNode="far", enclumeParameter='a::b="near"'),
        profile("far", enclumeParameter='a::b="far"'),
        site("angers", enclumeParameter='a::b="site"'),
    ]
    silent: list[Entry] = [
        host("web", enclumeAtSite=ANGERS, parentNode="near"),
        service_at("svc", "angers"),
        service("svc", members=["web"]),
        profile("near", parentNode="far"),
        profile("far"),
        site("angers"),
    ]
    return World(*silent[:without], *stating[without:])


@pytest.mark.parametrize(
    ("without", "value"),
    list(enumerate(["host", "service at the site", "service", "near", "far", "site", "first"])),
)
def test_the_most_specific_level_that_says_something_counts(without: int, value: str) -> None:
    classified = classify(levels(without).node("web"), RULES)
    assert classified.merged.of("parameter") == {"a::b": value}
    assert not classified.holds


def test_rules_beat_the_rules_behind_them() -> None:
    swapped = Rules(tuple(reversed(RULES.rules)), ())
    assert classify(World(host("web")).node("web"), swapped).merged.of("parameter") == {"a::b": "second"}


def test_rules_that_do_not_apply_say_nothing() -> None:
    by = rules(
        "- {name: guests, when: {kind: guest}, classes: [a]}\n- {name: others, when: {kind: physical}, classes: [b]}"
    )
    classified = classify(World(host("web")).node("web"), by)
    assert classified.merged.of("class") == {"b": True}
    assert [rule.name for rule in classified.applied] == ["others"]


def test_services_in_conflict_hold_the_members_of_both_and_name_both() -> None:
    at = World(
        host("both"),
        host("one"),
        host("other"),
        service("a", members=["both", "one"], enclumeParameter="x::y=1"),
        service("b", members=["both", "other"], enclumeParameter="x::y=2"),
    )
    held = classify(at.node("both"), NO_RULES)
    assert held.holds
    (finding,) = held.findings
    assert (finding.code, finding.certname, finding.where, finding.what) == (
        "conflict",
        "both",
        service_dn("a"),
        "enclumeParameter",
    )
    assert service_dn("a") in finding.message
    assert service_dn("b") in finding.message
    assert "parameter x::y" in finding.message
    for name, value in (("one", 1), ("other", 2)):
        free = classify(at.node(name), NO_RULES)
        assert not free.holds
        assert free.merged.of("parameter") == {"x::y": value}


def test_a_conflict_is_resolved_by_stating_it_on_the_host() -> None:
    at = World(
        host("web", enclumeParameter="x::y=3"),
        service("a", members=["web"], enclumeParameter="x::y=1"),
        service("b", members=["web"], enclumeParameter="x::y=2"),
    )
    classified = classify(at.node("web"), NO_RULES)
    assert (classified.merged.of("parameter"), classified.holds) == ({"x::y": 3}, False)


@pytest.mark.parametrize(
    ("stated", "what"),
    [
        ({"environment": ("test", "production")}, "the environment"),
        ({"puppetVar": ("room=1", "room=2")}, "variable room"),
        ({"enclumeParameter": ("x::y=1", "x::y=true")}, "parameter x::y"),
    ],
)
def test_an_entry_that_contradicts_itself_holds_its_host(stated: dict[str, tuple[str, ...]], what: str) -> None:
    at = World(host("web", **stated), host("other"))
    (finding,) = classify(at.node("web"), NO_RULES).findings
    assert (finding.code, finding.where, finding.holds) == ("conflict", host_dn("web"), True)
    assert what in finding.message
    assert not classify(at.node("other"), NO_RULES).holds


def test_what_rules_require_and_nobody_provides_is_said_and_holds_nothing() -> None:
    by = rules("- {name: everybody resolves names, requires: [dns, nfs]}")
    at = World(
        site("angers"),
        host("web", enclumeAtSite=ANGERS),
        host("bare"),
        service("files", members=["web"], enclumeProvides="nfs"),
    )
    (finding,) = classify(at.node("web"), by).findings
    assert (finding.code, finding.where, finding.what, finding.holds) == (
        "no_provider",
        "rules.yaml:1",
        "requires",
        False,
    )
    assert "nothing provides dns at angers" in finding.message
    assert codes(classify(at.node("bare"), by).findings) == ["no_site"]


def test_what_holds_a_node_is_what_was_found_in_it() -> None:
    at = World(host("web", parentNode="gone"), host("other"))
    assert classify(at.node("web"), NO_RULES).holds
    assert not classify(at.node("other"), NO_RULES).holds
