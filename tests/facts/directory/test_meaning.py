"""What the directory means: who is read as what, and what stays the same object when something else changed."""

from typing import Any

import pytest

from facts.directory.entries import Directory, Entry
from facts.directory.meaning import Meaning, understand
from facts.directory.names import normalise
from settings import DirectorySettings
from tests.factories import (
    BASE,
    directory,
    entry,
    host,
    host_dn,
    profile,
    profile_dn,
    service,
    service_at,
    service_dn,
    settings,
    site,
    site_dn,
)

SETTINGS = settings().directory


def understood(*entries: Entry, before: Meaning | None = None, by: DirectorySettings = SETTINGS) -> Meaning:
    """What a directory of these entries means."""
    found = directory(*entries)
    return understand(found, by) if before is None else understand(found, by, before)


def test_each_entry_is_read_as_what_its_classes_and_its_place_say() -> None:
    meaning = understood(host("web01"), profile("base"), service("web"), service_at("web", "angers"), site("angers"))
    declared = meaning.declared
    assert list(declared.hosts) == [host_dn("web01")]
    assert list(declared.profiles) == [profile_dn("base")]
    assert list(declared.services) == [service_dn("web"), f"cn=angers,{service_dn('web')}"]
    assert list(declared.sites) == [site_dn("angers")]


def test_other_entries_mean_nothing() -> None:
    people = entry(f"uid=ana,ou=people,{BASE}", objectClass=("inetOrgPerson", "puppetClient"), cn="ana")
    unit = entry(f"ou=hosts,{BASE}", objectClass="organizationalUnit", ou="hosts")
    stray = entry(f"cn=web,ou=hosts,{BASE}", objectClass="enclumeService", cn="web")
    meaning = understood(people, unit, stray)
    assert meaning.read == {}
    assert meaning.declared.findings == ()


def test_search_bases_may_stand_elsewhere_and_within_each_other() -> None:
    by = settings({"hosts": BASE, "profiles": f"ou=p,{BASE}", "services": f"ou=s,{BASE}"}).directory
    inner = entry(f"cn=linux,ou=p,{BASE}", objectClass=("device", "puppetClient"), cn="linux")
    outer = entry(f"cn=web01,ou=x,{BASE}", objectClass=("device", "puppetClient"), cn="web01")
    meaning = understood(inner, outer, by=by)
    assert [one.name for one in meaning.declared.profiles.values()] == ["linux"]
    assert [one.name for one in meaning.declared.hosts.values()] == ["web01"]


def test_members_stand_under_their_service() -> None:
    meaning = understood(service("web", members=["web01", "web02"]), service_at("web", "angers", members=["web03"]))
    assert meaning.declared.members == {
        service_dn("web"): (host_dn("web01"), host_dn("web02")),
        f"cn=angers,{service_dn('web')}": (host_dn("web03"),),
    }


def test_all_findings_of_all_entries_are_gathered() -> None:
    meaning = understood(host("web01", puppetClass="Bad"), site("angers", enclumeNetwork="x"), host("ok"))
    assert {finding.where for finding in meaning.declared.findings} == {host_dn("web01"), site_dn("angers")}


def test_an_entry_that_is_the_same_object_is_not_read_again() -> None:
    web, other = host("web01"), host("web02")
    before = understood(web, other)
    after = understood(web, host("web02", puppetClass="apache"), before=before)
    assert after.read[web.key] is before.read[web.key]
    assert after.read[other.key] is not before.read[other.key]


def test_a_service_whose_members_changed_is_the_same_service() -> None:
    before = understood(service("web", members=["a"], puppetClass="apache"))
    after = understood(service("web", members=["a", "b"], puppetClass="apache", entryCSN="2"), before=before)
    key = normalise(service_dn("web"))
    assert after.declared.services[key] is before.declared.services[key]
    assert after.declared.members[key] == (host_dn("a"), host_dn("b"))


def test_an_entry_that_came_again_with_another_csn_means_the_same_object() -> None:
    before = understood(host("web01", entryCSN="1", puppetClass="apache"))
    after = understood(host("web01", entryCSN="2", puppetClass="apache"), before=before)
    assert after.read[host_dn("web01")].stated is before.read[host_dn("web01")].stated
    assert after.read[host_dn("web01")].entry.csn == "2"


@pytest.mark.parametrize(
    ("old", "new"),
    [("1", "true"), ("true", "1"), ("0", "false"), ("1", "1.0"), ("[1]", "[true]"), ('{"k":1}', '{"k":1.0}')],
)
def test_values_that_python_takes_for_equal_are_a_change(old: str, new: str) -> None:
    """A parameter that turns from 1 to true is another parameter, though Python says 1 == True."""

    def value(meaning: Meaning) -> Any:
        return meaning.declared.hosts[host_dn("web01")].statements[0].value

    before = understood(host("web01", enclumeParameter=f"a::b={old}"))
    after = understood(host("web01", enclumeParameter=f"a::b={new}"), before=before)
    assert repr(value(after)) != repr(value(before))
    assert repr(value(after)) == repr(value(understood(host("web01", enclumeParameter=f"a::b={new}"))))


def test_an_entry_that_became_something_else_is_that() -> None:
    before = understood(entry(f"cn=x,ou=hosts,{BASE}", objectClass="device", cn="x"))
    after = understood(entry(f"cn=x,ou=hosts,{BASE}", objectClass="organizationalUnit", cn="x"), before=before)
    assert after.declared.hosts == {}


def test_an_empty_directory_means_nothing() -> None:
    assert understand(Directory(BASE, {}), SETTINGS).declared.hosts == {}
