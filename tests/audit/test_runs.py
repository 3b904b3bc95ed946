"""Puppet runs: nothing before reports exist; late, failed, noop, on an old catalog, never seen; without an entry; and
what is not known of them while reports cannot be read.
"""

from typing import Any

import pytest

from audit.verdict import Measure
from facts.puppet import Run
from facts.source import HISTORY, SourceKey
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import BASE, guest, host, settings, site, site_dn

WEB, MAIL, GONE = "web.lab.test", "mail.lab.test", "gone.lab.test"


@pytest.fixture
def scene() -> Scene:
    return Scene(host(WEB), host(MAIL))


def ran(scene: Scene, name: str = WEB, minutes: float = 10, **others: Any) -> None:
    ended = scene.at - minutes * 60
    told: dict[str, Any] = {"ended_at": ended, "last_success": ended, "status": "unchanged", "duration": 12.5} | others
    scene.runs[name] = Run(certname=name, **told)


def wrong(scene: Scene, name: str = WEB) -> dict[str, str]:
    return scene.wrong("puppet", name)


def test_nothing_is_said_while_no_run_is_known_at_all(scene: Scene) -> None:
    assert scene.verdicts("puppet") == []


def test_a_node_whose_run_is_young_is_well(scene: Scene) -> None:
    ran(scene)
    (verdict,) = scene.verdicts("puppet", WEB)
    assert (verdict.code, verdict.status, verdict.sentence) == (
        "run",
        "ok",
        f"{WEB} ran 2025-11-27 11:50 UTC, unchanged",
    )
    assert verdict.measures == (
        Measure("age", NOON - 600, "s", 7200.0, 14400.0, is_time=True),
        Measure("duration", 12.5, "s"),
    )


def test_a_node_turns_late_by_itself_then_critical_and_a_run_makes_it_good(scene: Scene) -> None:
    ran(scene, minutes=0)
    assert wrong(scene) == {}
    for expected in ("warning", "critical"):
        scene.at += 7201
        assert wrong(scene) == {"run_late": expected}
    ran(scene)
    assert wrong(scene) == {}


def test_the_hosts_threshold_counts(scene: Scene) -> None:
    scene.settings = settings(thresholds={"hosts": {WEB: {"run_seconds": 300}}})
    ran(scene, minutes=8)
    assert wrong(scene) == {"run_late": "warning"}


@pytest.mark.parametrize(
    ("bad", "code", "status"),
    [
        ({"status": "failed"}, "run_failed", "critical"),
        ({"noop": True}, "run_noop", "warning"),
        ({"cached_catalog": True}, "run_cached", "warning"),
    ],
)
def test_a_run_that_did_not_do_its_work_is_said_until_one_does(
    scene: Scene, bad: dict[str, Any], code: str, status: str
) -> None:
    ran(scene, **bad)
    assert wrong(scene) == {code: status}
    ran(scene)
    assert wrong(scene) == {}


def test_a_failed_run_says_what_failed_and_when_it_last_succeeded(scene: Scene) -> None:
    ran(scene, status="failed", resources={"failed": 3, "total": 90}, last_success=NOON - 86400)
    sentence = sentences(scene.verdicts("puppet", WEB))["run_failed"]
    assert "3 of its resources failed, last succeeded 2025-11-26 12:00 UTC" in sentence
    ran(scene, status="failed", last_success=0.0)
    assert "no catalog was applied, last succeeded never" in sentences(scene.verdicts("puppet", WEB))["run_failed"]


def test_a_node_that_never_ran_is_said_once_others_do(scene: Scene) -> None:
    assert wrong(scene, MAIL) == {}
    ran(scene)
    assert wrong(scene, MAIL) == {"run_never": "warning"}
    ran(scene, MAIL)
    assert wrong(scene, MAIL) == {}


@pytest.mark.parametrize("intent", ["off", "template", "retired"])
def test_nothing_is_expected_of_what_does_not_run_on_purpose(scene: Scene, intent: str) -> None:
    ran(scene)
    scene.put(guest(MAIL, enclumeIntent=intent))
    assert scene.verdicts("puppet", MAIL) == []


def test_a_certificate_without_an_entry_is_a_warning_until_it_has_one(scene: Scene) -> None:
    ran(scene)
    assert scene.wrong("puppet", "certificates") == {}
    ran(scene, GONE)
    assert scene.wrong("puppet", "certificates") == {"run_of_nobody": "warning"}
    assert scene.verdicts("puppet", "certificates")[0].sentence.startswith(f"{GONE}: Puppet runs of certificates")
    scene.put(host(GONE))
    assert scene.wrong("puppet", "certificates") == {}


def test_a_node_that_was_removed_and_runs_no_more_is_soon_said_no_more(scene: Scene) -> None:
    ran(scene)
    ran(scene, GONE)
    assert scene.wrong("puppet", "certificates") == {"run_of_nobody": "warning"}
    scene.at += 13000
    ran(scene)
    assert scene.wrong("puppet", "certificates") == {"run_of_nobody": "warning"}
    scene.at += 1000
    assert scene.wrong("puppet", "certificates") == {}
    ran(scene, GONE)
    assert scene.wrong("puppet", "certificates") == {"run_of_nobody": "warning"}


def test_a_node_of_another_instances_site_has_an_entry(scene: Scene) -> None:
    scene.settings = settings(sites=["angers"])
    scene.put(site("angers"), site("lyon"), host(GONE, enclumeAtSite=site_dn("lyon")))
    ran(scene, GONE)
    assert scene.verdicts("puppet", GONE) == []
    assert scene.wrong("puppet", "certificates") == {}


AWAY = "reports of Puppet runs wait in the spool: postgresql://db/enclume: cannot be reached"


def test_while_reports_cannot_be_read_a_late_run_is_unknown_and_names_who_cannot(scene: Scene) -> None:
    ran(scene, minutes=119)
    ran(scene, MAIL, minutes=0)
    scene.runs_unread = AWAY
    assert wrong(scene) == {}
    scene.at += 120
    for passed in (0, 7200):
        scene.at += passed
        assert wrong(scene) == {"run_unknown": "unknown"}, passed
        assert scene.wrong("puppet", "reports") == {"runs_unread": "unknown"}
        said = sentences(scene.verdicts("puppet"))
        assert f"whether {WEB} ran since 2025-11-27 10:01 UTC is not known" in said["run_unknown"] or passed
        assert "the intake of reports or its database" in said["run_unknown"]
        assert AWAY in said["runs_unread"]
    scene.runs_unread = ""
    assert wrong(scene) == {"run_late": "critical"}
    ran(scene, minutes=0)
    assert (wrong(scene), scene.wrong("puppet", "reports")) == ({}, {})


def test_while_reports_cannot_be_read_nobody_is_told_that_a_node_never_ran(scene: Scene) -> None:
    ran(scene)
    scene.runs_unread = AWAY
    assert wrong(scene, MAIL) == {"run_unknown": "unknown"}
    scene.runs_unread = ""
    assert wrong(scene, MAIL) == {"run_never": "warning"}


def test_what_is_known_of_a_run_stays_said_while_newer_ones_cannot_be_read(scene: Scene) -> None:
    ran(scene, status="failed")
    scene.runs_unread = AWAY
    assert wrong(scene) == {"run_failed": "critical"}
    scene.at += 7200
    assert wrong(scene) == {"run_failed": "critical", "run_unknown": "unknown"}


def test_before_it_is_known_what_the_history_holds_that_alone_is_said(scene: Scene) -> None:
    scene.runs_unread = AWAY
    assert scene.wrong("puppet") == {"runs_unread": "unknown"}
    assert [one.subject for one in scene.verdicts("puppet")] == ["reports"]
    scene.runs_unread = ""
    assert scene.verdicts("puppet") == []


def test_every_verdict_on_runs_tells_how_old_the_reading_of_reports_is(scene: Scene) -> None:
    ran(scene)
    directory = SourceKey("directory", BASE)
    assert {one.subject: one.sources for one in scene.verdicts("puppet")} == {
        WEB: (HISTORY,),
        MAIL: (HISTORY,),
        "reports": (HISTORY,),
        "certificates": (HISTORY, directory),
    }
