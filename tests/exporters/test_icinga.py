"""Icinga 2's configuration: who stands on whom, what is checked where, and that no text breaks out of its quotes."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from audit.all import Audited, JudgedGroup
from audit.pictures import NONE
from audit.verdict import Judged, Verdict
from audit.view import View
from exporters.icinga import NotNow, configuration, sites
from exporters.icinga_text import Raw, quoted, written
from facts.observations import Backup, Backups, ContainerCopy, Mirror, NfsServer, Peer
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from generation.generation import Hold
from generation.now import Now
from tests.audit.situations import Scene
from tests.factories import BASE, domain, guest, host, host_dn, kvm, service, site, site_dn
from tests.web.judging import verdict

KVM1, KVM2, WEB, MAIL, NFS = (f"{name}.lab.test" for name in ("kvm1", "kvm2", "web", "mail", "nfs"))


@pytest.fixture
def scene() -> Scene:
    scene = Scene(
        site("angers"),
        site("lyon"),
        kvm(KVM1, "angers"),
        kvm(KVM2, "lyon"),
        host(NFS, enclumeAtSite=site_dn("lyon"), ipHostNumber=("fd00::1", "10.0.0.2", "10.0.0.3", "no address")),
        guest(WEB, enclumeProduction=host_dn(KVM1), description="the web", ipHostNumber="10.0.0.5"),
        guest(MAIL, enclumeProduction=host_dn(KVM2), enclumeIntent="off"),
        service("hosting", members=(WEB,)),
    )
    scene.see(KVM1, domain("web"))
    scene.see(KVM2, domain("mail", "shutoff", "shutdown"))
    return scene


def judged(scene: Scene, *verdicts: Verdict) -> Audited:
    """These verdicts on the scene."""
    return Audited(View(scene.situation(), NONE), {}, {("placement", "all"): JudgedGroup((), Judged(verdicts))})


def objects(audited: Audited, site: str | None = None) -> dict[str, dict[str, str]]:
    """The attributes of every host object, by its name; `import` is its template."""
    files = configuration(audited, site)
    found = {}
    for name, body in re.findall(
        r'^object Host "(.*)" \{\n((?:  .*\n)*)\}$', files["hosts.conf"] + files["sites.conf"], re.MULTILINE
    ):
        lines = [line.strip().removeprefix("vars.") for line in body.splitlines()]
        found[name] = dict(re.split(r" = | (?=\")", line, maxsplit=1) for line in lines)
    return found


def test_a_guest_stands_on_its_hypervisor_and_that_at_its_site(scene: Scene) -> None:
    found = objects(judged(scene))
    assert found[WEB] == {
        "import": '"enclume-guest"',
        "address": '"10.0.0.5"',
        "notes": '"the web"',
        "enclume_kind": '"guest"',
        "enclume_layer": "2",
        "enclume_intent": '"running"',
        "enclume_services": '[ "hosting" ]',
        "enclume_host": f'"{WEB}"',
        "enclume_site": '"angers"',
        "enclume_site_host": '"site angers"',
        "enclume_hypervisor": f'"{KVM1}"',
        "enclume_checks": "{ }",
        "enclume_backups": "{ }",
    }
    assert found[KVM1]["import"] == '"enclume-hypervisor"'
    assert "enclume_hypervisor" not in found[KVM1]
    assert found[KVM1]["enclume_site_host"] == '"site angers"'
    assert list(found) == [KVM1, KVM2, MAIL, NFS, WEB, "enclume service", "site angers", "site lyon"]


def test_a_guest_that_moves_stands_on_its_new_hypervisor(scene: Scene) -> None:
    scene.see(KVM1, domain("web", "shutoff", "shutdown"))
    scene.see(KVM2, domain("web"))
    assert objects(judged(scene))[WEB]["enclume_hypervisor"] == f'"{KVM2}"'


def test_what_is_not_meant_to_run_is_not_expected_to_answer(scene: Scene) -> None:
    assert objects(judged(scene))[MAIL]["import"] == '"enclume-idle"'


def test_a_host_has_its_first_address_of_each_family_or_its_name(scene: Scene) -> None:
    found = objects(judged(scene))
    assert (found[NFS]["address"], found[NFS]["address6"]) == ('"10.0.0.2"', '"fd00::1"')
    assert found[KVM1]["address"] == f'"{KVM1}"'


def test_every_verdict_belongs_to_one_service(scene: Scene) -> None:
    found = objects(
        judged(
            scene,
            verdict(WEB, host=WEB, check="placement"),
            verdict(WEB, "critical", host=WEB, check="placement", code="y"),
            verdict("1", host=WEB, check="backup", kind="system", schedule="daily"),
            verdict("2", host=WEB, check="backup", kind="data", schedule="weekly"),
            verdict("3", host=WEB, check="backup", code="keeps"),
            verdict("4", host=NFS, check="backup", site="lyon"),
            verdict("5", host=KVM1, check="layers"),
            verdict("6", check="capacity"),
            verdict("7", check="placement", site="lyon"),
            verdict("8", check="enc", site=""),
            verdict("9", check="layers", site=""),
            verdict("10", check="enc", site="lyon"),
            verdict("11", check="sources", site=""),
        )
    )
    of_web = f'"enclume_filter_host" = "{WEB}"'
    assert found[WEB]["enclume_checks"] == (
        f'{{ "backup" = {{ {of_web}, "enclume_filter_kind" = "-" }}, "placement" = {{ {of_web} }} }}'
    )
    assert found[WEB]["enclume_backups"] == (
        f'{{ "data-weekly" = {{ {of_web}, "enclume_filter_kind" = "data", "enclume_filter_schedule" = "weekly" }}, '
        f'"system-daily" = {{ {of_web}, "enclume_filter_kind" = "system", "enclume_filter_schedule" = "daily" }} }}'
    )
    assert found[NFS]["enclume_checks"] == f'{{ "backup" = {{ "enclume_filter_host" = "{NFS}" }} }}'
    assert found[KVM1]["enclume_checks"] == "{ }"
    angers = '"enclume_filter_site" = "angers"'
    assert (
        found["site angers"]["enclume_site_checks"] == f'{{ "capacity" = {{ {angers} }}, "layers" = {{ {angers} }} }}'
    )
    lyon = '"enclume_filter_site" = "lyon", "enclume_filter_host" = "-"'
    assert found["site lyon"]["enclume_site_checks"] == f'{{ "placement" = {{ {lyon} }} }}'
    nowhere = '"enclume_filter_site" = "-"'
    assert found["enclume service"]["enclume_site_checks"] == (
        f'{{ "enc" = {{ "enclume_filter_host" = "-" }}, "layers" = {{ {nowhere} }}, '
        f'"sources" = {{ {nowhere}, "enclume_filter_host" = "-" }} }}'
    )


def test_a_hypervisor_without_an_entry_has_its_verdicts_too(scene: Scene) -> None:
    found = objects(judged(scene, verdict("kvm9", host="kvm9.lab.test", check="sources")))
    assert found["kvm9.lab.test"]["enclume_checks"].startswith('{ "sources" = ')
    assert found["kvm9.lab.test"]["enclume_site"] == '"angers"'


def test_one_site_alone_has_its_hosts_and_stands_on_nothing_elsewhere(scene: Scene) -> None:
    scene.put(guest(WEB, enclumeProduction=host_dn(KVM1), enclumeAtSite=site_dn("lyon")))
    audited = judged(scene)
    found = objects(audited, "lyon")
    assert list(found) == [KVM2, MAIL, NFS, WEB, "enclume service", "site lyon"]
    assert "enclume_hypervisor" not in found[WEB]
    assert sites(audited) == ["angers", "lyon"]


def test_the_same_estate_gives_the_same_bytes_whatever_the_verdicts_say(scene: Scene) -> None:
    before = configuration(judged(scene, verdict(WEB, host=WEB), verdict("x", check="capacity")))
    scene.at += 1000
    again = judged(
        scene, verdict("x", "critical", check="capacity"), verdict(WEB, "unknown", host=WEB, sentence="else")
    )
    assert configuration(again) == before


def test_nothing_that_goes_wrong_changes_what_is_checked() -> None:
    """Every real verdict, on a laboratory that is well, and after a week in which nothing was."""
    scene = Scene(
        site("angers", enclumeMaxAge=("system/daily=26", "container/monthly=768")),
        *(kvm(name, "angers") for name in (KVM1, KVM2)),
        *(host(name, enclumeAtSite=site_dn("angers")) for name in (NFS, "mirror.lab.test", "save.lab.test")),
        *(guest(name, enclumeProduction=host_dn(KVM1), enclumeBackup=host_dn(KVM2)) for name in (WEB, MAIL)),
        service("files", members=(NFS,), enclumeProvides="nfs"),
        service("spare", members=("mirror.lab.test",), enclumeProvides="mirror"),
        service("saving", members=("save.lab.test",), enclumeProvides="backup"),
    )
    for target in (SourceKey("directory", BASE), SourceKey("inventory", KVM1), SourceKey("inventory", KVM2)):
        scene.freshness[target] = Freshness(scene.at)
    scene.see(KVM1, domain("web"), domain("mail"))
    scene.see(KVM2, domain("web", "shutoff", "unknown"), domain("mail", "shutoff", "unknown"))
    for name, peer in ((NFS, "mirror.lab.test"), ("mirror.lab.test", NFS)):
        scene.observe(name, mirrors=(Mirror("r0", "Primary", peers=(Peer(peer, "Connected", "Secondary"),)),))
    scene.observe(NFS, nfsd=NfsServer(8, {}))
    scene.observe("save.lab.test", backups=Backups((Backup(WEB, "system", last_success=scene.at),)))
    scene.observe(KVM1, containers=(ContainerCopy("web", last_success=scene.at),))
    for name in (WEB, NFS):
        scene.runs[name] = Run(certname=name, ended_at=scene.at, last_success=scene.at, status="changed")
    before = configuration(scene.audit())
    assert '"puppet" = {' in before["hosts.conf"]
    assert "vars.enclume_site_checks = { }" not in before["sites.conf"].partition("site angers")[2]
    wrong = len([one for one in scene.audited.verdicts() if one.status != "ok"])
    scene.at += 7 * 86400
    scene.fail(KVM1)
    scene.see(KVM2, domain("stranger"))
    scene.observe("save.lab.test", backups=Backups((Backup("nobody", last_attempt_failed=True),)))
    scene.problems = ("the state folder is full",)
    assert configuration(scene.audit()) == before
    scene.runs_unread = "the database is away"
    assert configuration(scene.audit()) == before
    assert len([one for one in scene.audited.verdicts() if one.status != "ok"]) > wrong + 5


def held(scene: Scene, hold: Hold) -> Audited:
    """Verdicts while the guard holds something."""
    audited = judged(scene)
    assert audited.view is not None
    situation = audited.view.situation
    now = replace(situation.now, generation=replace(situation.now.generation, hold=hold))
    return replace(audited, view=View(replace(situation, now=now), NONE))


@pytest.mark.parametrize(
    "hold",
    [
        Hold(7, 0, {"losing": "2 of 5 nodes would lose"}, 5, {WEB: None}),
        Hold(7, 0, {"shrunk": "the directory shrank"}, 5, {}),
        Hold(7, 0, {"empty": "the directory has no host any more"}, 0, {}),
    ],
)
def test_while_the_guard_holds_a_loss_of_hosts_there_is_no_configuration(scene: Scene, hold: Hold) -> None:
    with pytest.raises(NotNow, match="enclume approve 7"):
        configuration(held(scene, hold))


def test_a_hold_that_takes_no_host_away_is_no_reason_to_wait(scene: Scene) -> None:
    assert configuration(held(scene, Hold(7, 0, {"protected": "never changes"}, 5, {})))


def test_nothing_is_made_of_what_is_not_whole(scene: Scene) -> None:
    with pytest.raises(NotNow, match="not been read completely"):
        configuration(Audited())
    audited = judged(scene)
    assert audited.view is not None
    unread = replace(audited.view.situation, now=Now())
    with pytest.raises(NotNow, match="not been read completely"):
        configuration(replace(audited, view=View(unread, NONE)))
    with pytest.raises(NotNow, match="the check data fails"):
        configuration(judged(scene, verdict(WEB, "unknown", check="data", code="check_failed")))


def test_nothing_is_made_before_it_is_known_whether_nodes_report_runs(scene: Scene) -> None:
    scene.runs_unread = "the database is away"
    with pytest.raises(NotNow, match="services would be missing: the database is away"):
        configuration(scene.audit())
    scene.runs[WEB] = Run(certname=WEB, ended_at=scene.at, last_success=scene.at, status="changed")
    assert '"puppet" = {' in configuration(scene.audit())["hosts.conf"]


def test_names_of_sites_never_meet_and_hold_nothing_that_icinga_forbids(scene: Scene) -> None:
    names = ("a!b", "a$b", "a_b")
    found = objects(judged(scene, *(verdict("x", site=name, check="capacity") for name in names)))
    assert [name for name in found if name.startswith("site a") and name != "site angers"] == [
        "site a_b", "site a_b_", "site a_b__",
    ]  # fmt: skip
    assert found["site a_b_"]["enclume_site"] == '"a$$b"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb\r\0c", '"a b  c"'),
        ("$host.name$ {{{ }}} /* // */", '"$$host.name$$ {{{ }}} /* // */"'),
        ("été 日本", '"été 日本"'),
        ("\u2028\u202e", '"  "'),
        ("\ud800", '" "'),
    ],
)
def test_a_string_means_its_text(text: str, expected: str) -> None:
    assert quoted(text) == expected


@given(st.text(max_size=60))
def test_no_text_leaves_its_quotes(text: str) -> None:
    literal = quoted(text)
    assert re.fullmatch(r'"(?:[^"\\\n]|\\["\\])*"', literal)
    assert literal.count("$") % 2 == 0
    literal.encode()
    meant = re.sub(r"\\(.)", r"\1", literal[1:-1]).replace("$$", "$")
    assert meant == "".join(one if one.isprintable() else " " for one in text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Raw("5m"), "5m"),
        ([], "[ ]"),
        (["a", "$"], '[ "a", "$$" ]'),
        ({}, "{ }"),
        ({"a": {"b": "c"}}, '{ "a" = { "b" = "c" } }'),
    ],
)
def test_lists_and_dictionaries(value: Any, expected: str) -> None:
    assert written(value) == expected
