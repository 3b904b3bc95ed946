"""Sources: LDAP, hypervisors and facts that are not read, and hosts that do not observe themselves any more."""

import pytest

from audit.all import audit
from audit.situation import Situation
from audit.verdict import Check, Measure
from facts.inventory.statistics import HypervisorStatistics
from facts.observations import Logs
from facts.source import SourceKey, SourceKind
from facts.upkeep import Freshness
from generation.now import Now
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import BASE, guest, host, kvm, settings, site, site_dn

KVM, WEB = "kvm.lab.test", "web.lab.test"
LOGS = Logs(0, remote=True)


@pytest.fixture
def scene() -> Scene:
    scene = Scene(site("angers"), kvm(KVM, "angers"), host(WEB, enclumeAtSite=site_dn("angers")))
    scene.see(KVM)
    read(scene, "directory", BASE)
    read(scene, "inventory", KVM)
    return scene


def read(scene: Scene, kind: SourceKind, target: str, error: str = "") -> None:
    """The target is read now, or cannot be."""
    key = SourceKey(kind, target)
    before = scene.freshness.get(key, Freshness())
    scene.freshness[key] = Freshness(before.read_at, scene.at, error) if error else Freshness(scene.at)


def wrong(scene: Scene, subject: str) -> dict[str, str]:
    return scene.wrong("sources", subject)


@pytest.mark.parametrize(("kind", "target"), [("directory", BASE), ("inventory", KVM), ("facts", "/facts")])
def test_a_source_that_cannot_be_read_is_a_warning_then_critical_and_good_again(
    scene: Scene, kind: SourceKind, target: str
) -> None:
    scene.settings = settings(facts="/facts")
    read(scene, kind, target)
    subject = f"{kind} {target}"
    assert wrong(scene, subject) == {}
    for seconds, expected in ((30, {}), (31, {"source_late": "warning"}), (900, {"source_late": "critical"})):
        scene.at += seconds
        read(scene, kind, target, "connection refused")
        assert wrong(scene, subject) == expected
    (verdict,) = scene.verdicts("sources", subject)
    assert "cannot be read, last read 2025-11-27 12:00 UTC, should every 60 s: connection refused" in verdict.sentence
    assert verdict.measures == (Measure("age", NOON, "s", 60.0, 900.0, is_time=True),)
    assert verdict.sources == (SourceKey(kind, target),)
    read(scene, kind, target)
    assert wrong(scene, subject) == {}


def test_a_source_that_is_silently_not_read_turns_late_too(scene: Scene) -> None:
    assert wrong(scene, KVM) == {}
    scene.at += 61
    assert wrong(scene, KVM) == {"source_late": "warning"}
    assert "nothing was heard of it" in scene.verdicts("sources", KVM)[0].sentence


def test_a_source_that_fails_just_now_is_in_order_and_says_so(scene: Scene) -> None:
    scene.at += 5
    read(scene, "inventory", KVM, "timeout")
    (verdict,) = scene.verdicts("sources", KVM)
    assert (verdict.status, verdict.site, verdict.host) == ("ok", "angers", KVM)
    assert "cannot be read just now, last read 2025-11-27 12:00 UTC: timeout" in verdict.sentence


def test_statistics_that_are_read_no_more_are_a_warning_until_they_are(scene: Scene) -> None:
    scene.statistics[KVM] = HypervisorStatistics(NOON, {})
    assert wrong(scene, KVM) == {}
    scene.statistics[KVM] = HypervisorStatistics(NOON, {}, error="too many active clients")
    for seconds, expected in ((100, {}), (1, {"statistics_late": "warning"})):
        scene.at += seconds
        read(scene, "inventory", KVM)
        assert wrong(scene, KVM) == expected
    said = sentences(scene.verdicts("sources", KVM))["statistics_late"]
    assert f"{KVM} is read, but not the statistics of its guests, last read 2025-11-27 12:00 UTC: too many" in said
    scene.statistics[KVM] = HypervisorStatistics(scene.at, {})
    assert wrong(scene, KVM) == {}
    scene.statistics[KVM] = HypervisorStatistics(0.0, {}, error="refused")
    assert "never read: refused" in sentences(scene.verdicts("sources", KVM))["statistics_late"]


def test_of_a_hypervisor_that_cannot_be_read_only_that_is_said_not_its_statistics(scene: Scene) -> None:
    scene.statistics[KVM] = HypervisorStatistics(NOON, {})
    scene.at += 200
    assert wrong(scene, KVM) == {"source_late": "warning"}


def test_a_source_that_nobody_tried_yet_is_unknown_and_one_that_never_could_be_read_critical(scene: Scene) -> None:
    del scene.freshness[SourceKey("inventory", KVM)]
    assert wrong(scene, KVM) == {"source_unread": "unknown"}
    read(scene, "inventory", KVM, "no route to host")
    assert wrong(scene, KVM) == {"source_late": "critical"}
    assert "never read" in scene.verdicts("sources", KVM)[0].sentence
    read(scene, "inventory", KVM)
    assert wrong(scene, KVM) == {}


def test_the_directory_is_judged_before_there_is_an_estate() -> None:
    found = audit(Situation(now=Now(), at=NOON, settings=settings()))
    assert {(one.check, one.code) for one in found.verdicts()} >= {("sources", "source_unread")}


def test_the_sites_thresholds_count(scene: Scene) -> None:
    scene.settings = settings(thresholds={"sites": {"angers": {"source_warning": 10}}})
    scene.at += 20
    assert wrong(scene, KVM) == {"source_late": "warning"}
    assert wrong(scene, f"directory {BASE}") == {}


def test_a_source_that_is_read_regularly_is_not_judged_again(scene: Scene) -> None:
    key: tuple[Check, str] = ("sources", f"inventory {KVM}")
    before = scene.audit().groups[key]
    for _ in range(3):
        scene.at += 30
        read(scene, "inventory", KVM)
        assert scene.audit().groups[key] is before


def test_a_host_that_stops_observing_itself_is_a_warning_until_it_does_again(scene: Scene) -> None:
    assert scene.verdicts("sources", WEB) == []
    scene.observe(WEB, logs=LOGS)
    assert wrong(scene, WEB) == {}
    scene.at += 601
    assert wrong(scene, WEB) == {"observation_late": "warning"}
    (verdict,) = scene.verdicts("sources", WEB)
    assert "last observed itself 2025-11-27 12:00 UTC: look at enclume-observe" in verdict.sentence
    assert verdict.sources == (SourceKey("observations", WEB),)
    scene.observe(WEB, logs=LOGS)
    assert wrong(scene, WEB) == {}


def test_what_an_observer_cannot_read_is_a_warning_with_its_own_words(scene: Scene) -> None:
    scene.observe(WEB, problems=("drbdsetup: not found", "/proc/drbd: permission denied"))
    assert wrong(scene, WEB) == {"observer_problem": "warning"}
    said = sentences(scene.verdicts("sources", WEB))["observer_problem"]
    assert "drbdsetup: not found; /proc/drbd: permission denied" in said
    scene.observe(WEB, logs=LOGS)
    assert wrong(scene, WEB) == {}


def test_a_clock_that_is_ahead_is_a_warning_until_it_is_right(scene: Scene) -> None:
    scene.observe(WEB, at=scene.at + 304, logs=LOGS)
    assert wrong(scene, WEB) == {"observer_clock": "warning"}
    assert "is about 5 min ahead" in scene.verdicts("sources", WEB)[0].sentence
    scene.at += 60
    scene.observe(WEB, logs=LOGS)
    assert wrong(scene, WEB) == {}


def test_a_host_that_is_off_on_purpose_need_not_observe_itself(scene: Scene) -> None:
    scene.observe(WEB, logs=LOGS)
    scene.at += 601
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeIntent="off"))
    assert scene.verdicts("sources", WEB) == []
