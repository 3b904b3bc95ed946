"""Backups: late, never made, failed, far smaller, unknown to all; each going bad and good again."""

import pytest

from audit.backup import newest
from audit.verdict import Measure
from facts.observations import Backup, Backups
from facts.source import SourceKey
from tests.audit.keeping import AT_ANGERS, AWAY, HOUR, OTHER, SAVE, WEB, keep, kept, of, web, wrong
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import host, service, settings


@pytest.fixture
def scene() -> Scene:
    return kept()


def test_a_backup_that_is_young_enough_says_when_it_was_made_and_how_old_it_may_be(scene: Scene) -> None:
    keep(scene, 10, last_size_bytes=5000, last_duration_seconds=60.0, last_errors=2)
    (verdict,) = scene.verdicts("backup", WEB)
    assert (verdict.code, verdict.status, verdict.subject) == ("backup", "ok", f"{WEB} system/daily")
    assert (verdict.host, verdict.site, verdict.kind, verdict.schedule) == (WEB, "angers", "system", "daily")
    said = f"{WEB}: system backup, daily: last backup 2025-11-27 02:00 UTC on {SAVE}, allowed: 26 h old"
    assert verdict.sentence == said
    assert verdict.measures == (
        Measure("age", NOON - 10 * HOUR, "s", 26 * HOUR, 52 * HOUR, is_time=True),
        Measure("size", 5000, "B"),
        Measure("duration", 60.0, "s"),
        Measure("errors", 2),
    )
    assert verdict.sources == (SourceKey("observations", SAVE),)


def test_a_backup_turns_late_by_itself_then_critical_and_a_new_one_makes_it_good(scene: Scene) -> None:
    made = scene.at
    for hours, expected in ((26, {}), (27, {"backup_late": "warning"}), (53, {"backup_late": "critical"})):
        scene.at = made + hours * HOUR
        keep(scene, hours)
        assert wrong(scene) == expected
    keep(scene, 1)
    assert wrong(scene) == {}


def test_a_verdict_is_made_again_when_its_backup_turns_late_though_nothing_else_changed(scene: Scene) -> None:
    scene.settings = settings(thresholds={"observation_seconds": 1e9})
    keep(scene, 10)
    assert wrong(scene) == {}
    before = scene.audited.hosts[WEB]
    scene.at += 15 * HOUR
    scene.audit()
    assert scene.audited.hosts[WEB] is before
    scene.at += 2 * HOUR
    assert wrong(scene) == {"backup_late": "warning"}


def test_weekly_asks_for_the_last_full_one_and_monthly_for_the_newest_that_is_kept(scene: Scene) -> None:
    scene.put(web("system/daily=26", "system/weekly=192", "system/monthly=768"))
    keep(scene, 2, last_full=NOON - 200 * HOUR, kept_full=NOON - 800 * HOUR)
    assert [(one.schedule, one.status) for one in scene.verdicts("backup", WEB)] == [
        ("daily", "ok"),
        ("weekly", "warning"),
        ("monthly", "warning"),
    ]
    assert "last kept full backup 2025-10-25 04:00 UTC" in of(scene, "system/monthly").sentence


def test_what_was_never_made_is_critical_until_it_is(scene: Scene) -> None:
    keep(scene, 0, last_success=0.0, last_full=0.0, kept_full=0.0, last_attempt=0.0, running=True)
    assert wrong(scene) == {"backup_never": "critical"}
    assert "has never made one; one is running" in of(scene, "system/daily").sentence
    keep(scene, 1)
    assert wrong(scene) == {}


def test_what_is_said_to_have_been_made_at_a_time_to_come_is_critical_until_it_is_of_the_past(scene: Scene) -> None:
    keep(scene, -24)
    assert wrong(scene) == {"backup_future": "critical"}
    sentence = of(scene, "system/daily").sentence
    assert f"{SAVE} says that it was made 2025-11-28 12:00 UTC, which is to come: mend the clock there" in sentence
    keep(scene, 1)
    assert wrong(scene) == {}


def test_one_that_is_to_come_hides_no_good_one_of_another_server(scene: Scene) -> None:
    scene.put(host(OTHER, **AT_ANGERS), service("backup", members=(SAVE, OTHER), enclumeProvides="backup"))
    keep(scene, -24)
    keep(scene, 1, by=OTHER)
    assert wrong(scene) == {}
    keep(scene, 30, by=OTHER)
    assert wrong(scene) == {"backup_late": "warning"}


def test_a_host_that_no_backup_knows_is_critical_until_one_does_or_it_is_said_not_to_be_expected(scene: Scene) -> None:
    scene.observe(SAVE, backups=Backups((Backup("another"),)))
    assert wrong(scene) == {"backup_missing": "critical"}
    sentence = of(scene, "system/daily").sentence
    assert f"no backup knows it on {SAVE}" in sentence
    assert "enclumeMaxAge system/daily=0" in sentence
    keep(scene, 1)
    assert wrong(scene) == {}
    scene.observe(SAVE, backups=Backups())
    assert wrong(scene) == {"backup_missing": "critical"}
    scene.put(web("system/daily=0"))
    assert scene.verdicts("backup", WEB) == []


def test_nothing_is_called_never_before_the_backup_server_speaks(scene: Scene) -> None:
    assert wrong(scene) == {"backup_unknown": "unknown"}
    assert f"{SAVE} has never said anything of backups: install enclume-observe" in of(scene, "system/daily").sentence


def test_a_backup_server_that_falls_silent_makes_it_unknown_with_what_was_last_known(scene: Scene) -> None:
    keep(scene, 1)
    assert wrong(scene) == {}
    scene.at += 601
    assert wrong(scene) == {"backup_unknown": "unknown"}
    sentence = of(scene, "system/daily").sentence
    assert f"{SAVE} has said nothing of backups since 2025-11-27 12:00 UTC: look at enclume-observe there" in sentence
    assert "the last backup that is known is of 2025-11-27 11:00 UTC" in sentence
    keep(scene, 1)
    assert wrong(scene) == {}


def test_a_silent_second_server_may_know_better_of_a_late_backup_but_not_of_a_good_one(scene: Scene) -> None:
    scene.put(host(OTHER, **AT_ANGERS), service("backup", members=(SAVE, OTHER, AWAY), enclumeProvides="backup"))
    keep(scene, 1)
    assert wrong(scene) == {}
    keep(scene, 30)
    assert wrong(scene) == {"backup_unknown": "unknown"}
    keep(scene, 28, by=OTHER)
    assert wrong(scene) == {"backup_late": "warning"}
    assert f"2025-11-26 08:00 UTC on {OTHER}" in of(scene, "system/daily").sentence
    keep(scene, 2, by=OTHER)
    assert wrong(scene) == {}


def test_a_dead_server_hides_no_good_backup_of_a_living_one(scene: Scene) -> None:
    scene.put(host(OTHER, **AT_ANGERS), service("backup", members=(SAVE, OTHER, AWAY), enclumeProvides="backup"))
    keep(scene, 1)
    scene.at += 601
    keep(scene, 20, by=OTHER)
    assert wrong(scene) == {}
    assert of(scene, "system/daily").sources == (SourceKey("observations", OTHER),)
    keep(scene, 30, by=OTHER)
    assert wrong(scene) == {"backup_unknown": "unknown"}
    assert f"{SAVE} has said nothing of backups since" in of(scene, "system/daily").sentence


def test_a_site_without_a_backup_server_is_said(scene: Scene) -> None:
    scene.put(service("backup", members=(AWAY,), enclumeProvides="backup"))
    assert wrong(scene) == {"backup_nobody": "critical"}
    assert "its site has no backup server" in of(scene, "system/daily").sentence
    scene.put(service("backup", members=(SAVE, AWAY), enclumeProvides="backup"))
    keep(scene, 1)
    assert wrong(scene) == {}


def test_a_failed_attempt_is_a_warning_with_its_message_until_the_next_succeeds(scene: Scene) -> None:
    scene.put(web("system/daily=26", "system/weekly=192"))
    keep(scene, 10, last_attempt=NOON - HOUR, last_attempt_failed=True, message="rsync: connection refused")
    assert wrong(scene) == {"backup_failed": "warning"}
    assert len(scene.verdicts("backup", WEB)) == 3
    failed = sentences(scene.verdicts("backup", WEB))["backup_failed"]
    assert f"the last attempt on {SAVE}, 2025-11-27 11:00 UTC, failed (rsync: connection refused)" in failed
    keep(scene, 1)
    assert wrong(scene) == {}


def test_of_a_silent_server_nothing_else_is_said_than_that(scene: Scene) -> None:
    keep(scene, 1, last_attempt_failed=True, last_size_bytes=1, previous_size_bytes=9)
    assert wrong(scene) == {"backup_failed": "warning", "backup_shrunk": "warning"}
    scene.at += 601
    assert wrong(scene) == {"backup_unknown": "unknown"}


def test_a_backup_that_is_suddenly_far_smaller_is_a_warning(scene: Scene) -> None:
    keep(scene, 1, last_size_bytes=4 * 2**30, previous_size_bytes=10 * 2**30)
    assert wrong(scene) == {"backup_shrunk": "warning"}
    assert "has 4 GiB, the one before 10 GiB" in sentences(scene.verdicts("backup", WEB))["backup_shrunk"]
    keep(scene, 1, last_size_bytes=6 * 2**30, previous_size_bytes=10 * 2**30)
    assert wrong(scene) == {}
    keep(scene, 1, last_size_bytes=6 * 2**30)
    assert wrong(scene) == {}


def test_thresholds_of_the_host_count(scene: Scene) -> None:
    scene.settings = settings(thresholds={"backup_critical": 1.1, "hosts": {WEB: {"backup_shrunk": 0.1}}})
    keep(scene, 29, last_size_bytes=2, previous_size_bytes=10)
    assert wrong(scene) == {"backup_late": "critical"}


def test_a_guest_that_is_off_needs_a_backup_of_any_age(scene: Scene) -> None:
    scene.put(web("system/daily=26", enclumeIntent="off"))
    keep(scene, 5000)
    (verdict,) = scene.verdicts("backup", WEB)
    assert (verdict.status, verdict.measures[0].warning) == ("ok", None)
    assert verdict.sentence.endswith("allowed: of any age")


def test_one_that_runs_is_said(scene: Scene) -> None:
    keep(scene, 1, running=True)
    assert of(scene, "system/daily").sentence.endswith("; one is running")


def test_of_several_sources_the_newest_counts_for_each_schedule(scene: Scene) -> None:
    scene.put(host(OTHER, **AT_ANGERS), service("backup", members=(SAVE, OTHER), enclumeProvides="backup"))
    keep(scene, 5, last_full=NOON - 50 * HOUR)
    keep(scene, 9, by=OTHER)
    assert scene.audit().view is not None
    picture = scene.audited.hosts[WEB].picture
    daily, weekly = newest(picture.backups, "daily"), newest(picture.backups, "weekly")
    assert daily is not None
    assert weekly is not None
    assert (daily.by, weekly.by) == (SAVE, OTHER)
    assert newest((), "daily") is None


def test_the_verdicts_stay_while_the_servers_go_on_saying_the_same(scene: Scene) -> None:
    keep(scene, 1)
    before = scene.audit()
    for _ in range(3):
        scene.at += 60
        keep(scene, (scene.at - NOON) / HOUR + 1)
        scene.audit()
    assert scene.audited.hosts[WEB] is before.hosts[WEB]
    assert scene.audited.groups["backup", SAVE] is before.groups["backup", SAVE]
