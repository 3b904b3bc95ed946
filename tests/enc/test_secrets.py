"""Class parameters that are secrets: found wherever they are stated, served from nowhere, shown to nobody."""

import msgspec

from enc.answer import answer
from enc.preview import compare
from enc.why import why
from tests.factories import NO_RULES, World, guest, host_dn, profile, profile_dn, rules, site, site_dn

SECRET = "hunter2"
SENSITIVE = frozenset({"db::password"})


def world() -> World:
    return World(
        site("angers", enclumeParameter=f'db::password="{SECRET}"'),
        profile("base", enclumeParameter=('db::password="other"', "db::port=1")),
        guest("db", enclumeAtSite=site_dn("angers"), parentNode="base", enclumeKind="physical"),
        guest("web", enclumeAtSite=site_dn("angers"), enclumeKind="physical", enclumeParameter="db::port=2"),
    )


def test_every_statement_of_a_secret_is_a_finding_that_names_its_place_and_not_its_value() -> None:
    at = world()
    result = answer(at.node("db"), NO_RULES, at.settings.answer, SENSITIVE)
    assert result.answer is None
    found = [(one.code, one.where, one.what, one.holds) for one in result.findings]
    assert found == [
        ("sensitive_parameter", profile_dn("base"), "enclumeParameter", True),
        ("sensitive_parameter", site_dn("angers"), "enclumeParameter", True),
    ]
    assert "db::password" in result.findings[0].message
    text = msgspec.json.encode(result).decode()
    assert SECRET not in text
    assert "other" not in text


def test_a_secret_in_the_rules_is_found_at_its_line() -> None:
    at = World(guest("db", enclumeKind="physical"))
    by = rules('- {name: all, when: {}, parameters: {"db::password": hunter2}}')
    (finding,) = answer(at.node("db"), by, at.settings.answer, SENSITIVE).findings
    assert (finding.code, finding.where) == ("sensitive_parameter", "rules.yaml:1")


def test_why_shows_where_a_secret_stands_and_not_what_it_is() -> None:
    at = world()
    reasons = why(at.estate(), "db", NO_RULES, SENSITIVE)
    assert reasons is not None
    explained = reasons.parameters["db::password"]
    assert (explained.value, [place.where for place in explained.chosen]) == ("(sensitive)", [profile_dn("base")])
    text = msgspec.json.encode(reasons).decode()
    assert SECRET not in text
    assert '"other"' not in text
    assert reasons.parameters["db::port"].value == 1


def test_other_parameters_are_served_as_ever() -> None:
    at = World(guest("db", enclumeKind="physical", enclumeParameter="db::port=1"))
    result = answer(at.node("db"), NO_RULES, at.settings.answer, SENSITIVE)
    assert result.answer is not None
    assert result.answer.parameters == b'{"db::port":1}'
    assert host_dn("db") in result.answer.shown.decode()


def test_a_preview_says_that_a_secret_goes_and_not_what_it_was() -> None:
    at = World(guest("db", enclumeKind="physical", enclumeParameter=f'db::password="{SECRET}"'))
    served = answer(at.node("db"), NO_RULES, at.settings.answer).answer
    assert served is not None
    at.put(guest("db", enclumeKind="physical"))
    difference = compare("db", served, at.answer("db").answer, (), SENSITIVE)
    assert [(one.path, one.before) for one in difference.loses] == [("parameter db::password", "(sensitive)")]
    gained = compare("db", None, served, (), SENSITIVE)
    changed = compare("db", served, msgspec.structs.replace(served, parameters=b'{"db::password":1}'), (), SENSITIVE)
    assert SECRET not in msgspec.json.encode([difference, gained, changed]).decode()
    assert [one.path for one in changed.changes] == ["parameter db::password"]
