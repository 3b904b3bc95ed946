"""Answers: none, kept, held by the guard; findings of hosts and of the directory; what goes wrong in the service."""

import pytest

from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import Scene, sentences
from tests.factories import BASE, domain, guest, host, host_dn, kvm, service, settings, site, site_dn

WEB = "web.lab.test"
BROKEN = "apache::port={"


@pytest.fixture
def scene() -> Scene:
    return Scene(site("angers"), host(WEB, enclumeAtSite=site_dn("angers")))


def web(scene: Scene, **attributes: str) -> None:
    scene.put(host(WEB, enclumeAtSite=site_dn("angers"), **attributes))


def wrong(scene: Scene, subject: str = WEB) -> dict[str, str]:
    return scene.wrong("enc", subject)


def test_a_host_with_an_answer_is_well(scene: Scene) -> None:
    (verdict,) = scene.verdicts("enc", WEB)
    assert (verdict.code, verdict.status, verdict.site, verdict.host) == ("answer", "ok", "angers", WEB)


def test_a_host_that_never_had_an_answer_is_critical_until_it_has_one() -> None:
    scene = Scene(host(WEB, enclumeParameter=BROKEN))
    assert wrong(scene) == {"answer_none": "critical"}
    sentence = scene.verdicts("enc", WEB)[0].sentence
    assert f"{WEB} has no answer: " in sentence
    assert f"(bad_value in enclumeParameter of {host_dn(WEB)})" in sentence
    scene.put(host(WEB))
    assert wrong(scene) == {}


def test_a_host_that_keeps_its_last_good_answer_is_a_warning_until_it_gets_a_new_one(scene: Scene) -> None:
    scene.audit()
    web(scene, enclumeParameter=BROKEN)
    assert wrong(scene) == {"answer_kept": "warning"}
    web(scene)
    assert wrong(scene) == {}


def test_a_finding_that_holds_no_answer_is_a_warning_until_it_is_mended(scene: Scene) -> None:
    web(scene, enclumeMaxAge="data/daily=a day")
    assert wrong(scene) == {"finding": "warning"}
    assert "enclumeMaxAge" in sentences(scene.verdicts("enc", WEB))["finding"]
    web(scene)
    assert wrong(scene) == {}


def test_what_the_guard_holds_is_a_warning_with_its_number_until_it_is_undone(scene: Scene) -> None:
    scene.settings = settings(guard={"protected": [WEB]})
    assert wrong(scene, "guard") == {}
    web(scene, puppetClass="apache")
    assert wrong(scene, "guard") == {"generation_held": "warning"}
    assert wrong(scene) == {"answer_held": "warning"}
    sentence = scene.verdicts("enc", "guard")[0].sentence
    assert "generation 2 is held since 2025-11-27 12:00 UTC" in sentence
    assert "guard.protected never changes without approval" in sentence
    assert f"1 node keeps its old answer ({WEB}): review them, then `enclume approve 2`" in sentence
    web(scene)
    assert wrong(scene, "guard") == wrong(scene) == {}


def test_what_is_wrong_in_the_directory_beside_the_hosts_is_said_entry_by_entry(scene: Scene) -> None:
    assert [one.code for one in scene.verdicts("enc", "directory")] == ["directory"]
    scene.put(service("web", members=("gone.lab.test", "lost.lab.test"), enclumeProvides="tea"))
    scene.put(service("mail", members=("gone.lab.test",)))
    found = [one for one in scene.verdicts("enc") if one.code == "directory_finding"]
    assert sorted((one.subject, one.status) for one in found) == [
        (f"cn={name},ou=services,dc=lab,dc=test", "warning") for name in ("mail", "web")
    ]
    assert all("gone.lab.test" in one.sentence for one in found)
    for name in ("web", "mail"):
        scene.drop(f"cn={name},ou=services,dc=lab,dc=test")
    assert [one.code for one in scene.verdicts("enc", "directory")] == ["directory"]


def test_a_finding_of_a_host_is_not_said_of_the_directory_too(scene: Scene) -> None:
    web(scene, enclumeMaxAge="data/daily=a day")
    assert [one.code for one in scene.verdicts("enc", "directory")] == ["directory"]


def test_a_failed_build_is_critical_and_other_problems_are_warnings(scene: Scene) -> None:
    assert wrong(scene, "service") == {}
    scene.problems = ("building failed (KeyError: x): the last generation stays", "the settings in force stay: bad")
    scene.failing = True
    assert wrong(scene, "service") == {"build_failed": "critical", "service_problem": "warning"}
    said = sentences(scene.verdicts("enc", "service"))
    assert said["build_failed"].startswith("building failed (KeyError: x)")
    assert said["service_problem"] == "the settings in force stay: bad"
    scene.failing, scene.problems = False, ("/var/lib/enclume/times cannot be written",)
    assert wrong(scene, "service") == {"service_problem": "warning"}
    scene.problems = ()
    assert wrong(scene, "service") == {}


def test_a_guest_whose_hypervisor_was_never_read_has_no_answer_and_it_says_why() -> None:
    scene = Scene(site("angers"), kvm("kvm.lab.test", "angers"), guest(WEB, enclumeProduction=host_dn("kvm.lab.test")))
    assert wrong(scene) == {"answer_none": "critical"}
    assert "kvm.lab.test, which has not been read" in scene.verdicts("enc", WEB)[0].sentence
    scene.see("kvm.lab.test")
    assert wrong(scene) == {}


def test_each_verdict_on_answers_tells_which_sources_they_rest_on(scene: Scene) -> None:
    ldap, kvm1 = SourceKey("directory", BASE), SourceKey("inventory", "kvm1.lab.test")
    scene.put(kvm("kvm1.lab.test", "angers"))
    scene.put(guest("mail.lab.test", enclumeProduction=host_dn("kvm1.lab.test")))
    scene.see("kvm1.lab.test", domain("mail"))
    scene.freshness = dict.fromkeys((ldap, kvm1), Freshness(scene.at))
    told = {one.subject: one.sources for one in scene.verdicts("enc")}
    assert (told[WEB], told["directory"]) == ((ldap,), (ldap,))
    assert (told["mail.lab.test"], set(told["answers"])) == ((ldap, kvm1), {ldap, kvm1})
    web(scene, enclumeParameter=BROKEN)
    (kept,) = scene.verdicts("enc", WEB)
    assert (kept.code, kept.sources) == ("answer_kept", (ldap,))
