"""Preview: what each answer would gain and lose, node by node, if the directory changed."""

import pytest

from enc.answer import Answer
from enc.preview import Change, Difference, compare, preview
from enc.rules import Rules
from facts.directory.apply import apply
from facts.directory.entries import Directory
from facts.directory.ldif import parse
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
    profile,
    profile_dn,
    service,
    service_dn,
    site,
    site_dn,
)


def world() -> World:
    built = World(
        *(entry(f"ou={unit},{BASE}", objectClass="organizationalUnit", ou=unit) for unit in ("hosts", "people")),
        site("angers", environment="production"),
        kvm("kvm1", "angers"),
        guest("web", parentNode="base", puppetVar="room=B12"),
        guest("db", parentNode="base"),
        host("nfs", enclumeAtSite=site_dn("angers")),
        profile("base", puppetClass="base", enclumeParameter="base::x=1"),
        service("svc", members=["web"], puppetClass="apache", enclumeParameter="apache::port=80"),
        service("files", members=["nfs"], enclumeProvides="nfs"),
    )
    built.see("kvm1", domain("web"), domain("db"))
    return built


def previewed(text: str, at: World | None = None, by: Rules = NO_RULES) -> dict[str, Difference]:
    """What an LDIF would change, by certname; the world itself does not change."""
    at = at or world()
    before = at.estate()
    results = {name: at.answer(name, by) for name in before.nodes}
    entries = dict(at.entries)
    changed = apply(Directory(BASE, entries), parse(text))
    at.entries = dict(changed.entries)
    after = at.estate()
    differences = preview(before, results, after, {name: at.answer(name, by) for name in after.nodes})
    at.entries = entries
    assert [one.certname for one in differences] == sorted(one.certname for one in differences)
    return {one.certname: one for one in differences}


def test_a_member_more_gains_what_the_service_gives() -> None:
    (difference,) = previewed(
        f"dn: {service_dn('svc')}\nchangetype: modify\nadd: member\nmember: {host_dn('db')}\n"
    ).values()
    assert difference == Difference(
        "db",
        answered=True,
        gains=(Change("class apache", after={}), Change("parameter apache::port", after=80)),
        loses=(),
        changes=(Change("$enclume.services", [], ["svc"]),),
        findings=(),
    )
    assert difference.differs


def test_a_member_less_loses_it() -> None:
    (difference,) = previewed(
        f"dn: {service_dn('svc')}\nchangetype: modify\ndelete: member\nmember: {host_dn('web')}\n"
    ).values()
    assert (difference.certname, difference.gains) == ("web", ())
    assert difference.loses == (Change("class apache", before={}), Change("parameter apache::port", before=80))


def test_a_changed_value_is_told_before_and_after() -> None:
    found = previewed(
        f"dn: {profile_dn('base')}\nchangetype: modify\nreplace: enclumeParameter\nenclumeParameter: base::x=2\n"
    )
    assert set(found) == {"web", "db"}
    assert all(one.changes == (Change("parameter base::x", 1, 2),) for one in found.values())


@pytest.mark.parametrize(("attribute", "path"), [("puppetVar: room=C3", "$room"), ("environment: test", "environment")])
def test_variables_and_the_environment_are_told_too(attribute: str, path: str) -> None:
    name = attribute.partition(":")[0]
    found = previewed(f"dn: {host_dn('web')}\nchangetype: modify\nreplace: {name}\n{attribute}\n")
    assert [one.path for one in found["web"].changes] == [path]


def test_what_others_see_of_a_node_is_told_and_not_its_dn() -> None:
    modified = f"dn: {host_dn('web')}\nchangetype: modify\nreplace: ipHostNumber\nipHostNumber: 10.0.0.9\n"
    assert previewed(modified)["web"].gains == (Change("shown addresses", after=["10.0.0.9"]),)
    (gone,) = previewed(f"dn: {host_dn('web')}\nchangetype: delete\n").values()
    assert "shown key" not in {one.path for one in gone.loses}


def test_of_an_answer_that_an_older_version_kept_nothing_is_told_that_others_see() -> None:
    kept = Answer(world().answer("web", NO_RULES).answer.body, b"{}", "digest")  # type: ignore[union-attr]
    assert not [one.path for one in compare("web", kept, None).loses if one.path.startswith(("shown ", "offer "))]


def test_a_new_host_gains_its_whole_answer() -> None:
    found = previewed(
        f"dn: {host_dn('new')}\nchangetype: add\nobjectClass: device\nobjectClass: puppetClient\n"
        "objectClass: enclumeHost\ncn: new\nenclumeKind: physical\npuppetClass: fresh\n"
    )
    assert set(found) == {"new"}
    assert found["new"].answered
    assert Change("class fresh", after={}) in found["new"].gains


def test_a_deleted_host_loses_its_answer() -> None:
    found = previewed(f"dn: {host_dn('web')}\nchangetype: delete\n")
    assert not found["web"].answered
    assert Change("class apache", before={}) in found["web"].loses
    assert found["web"].gains == ()


def test_a_deleted_service_concerns_its_members_and_the_site_that_it_served() -> None:
    assert set(previewed(f"dn: {service_dn('svc')}\nchangetype: delete\n")) == {"web"}
    assert set(previewed(f"dn: {service_dn('files')}\nchangetype: delete\n")) == {"web", "db", "kvm1", "nfs"}


def test_a_renamed_host_is_one_node_less_and_one_more() -> None:
    found = previewed(f"dn: {host_dn('nfs')}\nchangetype: modrdn\nnewrdn: cn=nfs2\ndeleteoldrdn: 1\n")
    assert {name: one.answered for name, one in found.items() if name.startswith("nfs")} == {
        "nfs": False,
        "nfs2": True,
    }


def test_a_change_that_would_hold_a_node_says_why_and_that_it_keeps_its_answer() -> None:
    found = previewed(
        f"dn: {host_dn('web')}\nchangetype: modify\nadd: enclumeParameter\nenclumeParameter: apache::port=eighty\n"
    )
    (difference,) = found.values()
    assert (difference.certname, difference.answered, difference.differs) == ("web", True, False)
    assert len(difference.findings) == 1
    assert "is no JSON" in difference.findings[0]


def test_a_change_that_frees_a_held_node_gives_it_its_answer() -> None:
    at = world()
    at.put(host("nfs", enclumeAtSite=site_dn("angers"), puppetClass=("Bad", "nfsd")))
    found = previewed(f"dn: {host_dn('nfs')}\nchangetype: modify\ndelete: puppetClass\npuppetClass: Bad\n", at)
    assert Change("class nfsd", after={}) in found["nfs"].gains
    assert found["nfs"].findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"dn: {host_dn('web')}\nchangetype: modify\nadd: description\ndescription: x\n",
        f"dn: cn=x,ou=people,{BASE}\nchangetype: add\nobjectClass: person\ncn: x\nsn: x\n",
    ],
)
def test_a_change_that_changes_no_answer_is_none(text: str) -> None:
    assert previewed(text) == {}


def test_a_preview_touches_nothing() -> None:
    at = world()
    before = {name: at.answer(name).answer for name in at.estate().nodes}
    previewed(f"dn: {host_dn('web')}\nchangetype: delete\n", at)
    assert {name: at.answer(name).answer for name in at.estate().nodes} == before
