"""What real agents of Puppet 7 sent, read with exact figures."""

import pytest

from reports.parse import parse
from reports.report import Event, LogLine, Resource
from tests.reports.papers import capture

SITE = "/opt/lab/ps/code/environments/production/manifests/site.pp"
BROKEN = "/opt/lab/ps/code/environments/production/modules/broken/manifests/init.pp"


def test_a_failed_run_is_read_whole() -> None:
    report = parse(capture("failed"))
    assert (report.certname, report.status, report.format) == ("fail01.lab.test", "failed", 12)
    assert report.uuid == "e67bd5a6-609f-478b-bf20-e9170f582414"
    assert (report.started, report.ended) == (1795348941.072054, 1795348945.678402)
    assert (report.environment, report.puppet_version) == ("production", "7.23.0")
    assert (report.configuration_version, report.catalog_uuid) == (
        "1795348935",
        "53c97237-ccce-4c89-a0a4-6e0165c02aea",
    )
    assert (report.cached_catalog, report.completed, report.corrective) == ("not_used", True, False)
    assert (report.noop, report.noop_pending, report.server, report.code_id) == (False, False, "", "")


def test_the_totals_of_a_failed_run_come_from_its_metrics() -> None:
    report = parse(capture("failed"))
    assert report.counts == {
        "total": 15,
        "skipped": 1,
        "failed": 2,
        "failed_to_restart": 0,
        "restarted": 1,
        "changed": 5,
        "out_of_sync": 7,
        "scheduled": 0,
        "corrective_change": 0,
    }
    assert (report.changes, report.events) == (5, {"total": 7, "failure": 2, "success": 5})
    assert (report.times["config_retrieval"], report.times["total"]) == (0.47309434799990413, 4.60658019)
    assert len(report.times) == 14


def test_what_failed_says_where_and_why() -> None:
    failed = [one for one in parse(capture("failed")).resources if one.failed]
    assert [one.name for one in failed] == ["Exec[always fails]", "File[/nonexistent/dir/file]"]
    message = "change from 'notrun' to ['0'] failed: '/bin/false' returned 1 instead of one of [0]"
    event = Event(
        property="returns",
        status="failure",
        previous="notrun",
        desired='["0"]',
        message=message,
        name="executed_command",
        time=1795348945.584939,
    )
    assert failed[0] == Resource(
        name="Exec[always fails]", file=BROKEN, line=2, seconds=0.03884669, failed=True, events=(event,)
    )


def test_what_was_skipped_and_what_was_triggered_are_kept() -> None:
    found = {one.name: one for one in parse(capture("failed")).resources}
    assert found["Notify[skipped because of the failed dependency]"].skipped
    refreshed = found["Exec[refreshed]"]
    assert refreshed.changed
    assert [(event.name, event.property) for event in refreshed.events] == [("refresh", "")]


def test_what_puppet_redacted_stays_redacted() -> None:
    secret = next(one for one in parse(capture("failed")).resources if one.name.endswith("secret.txt]"))
    (event,) = secret.events
    assert (event.redacted, event.previous, event.desired) == (True, "[redacted]", "[redacted]")
    assert event.message == "changed [redacted] to [redacted]"


def test_every_log_line_is_kept() -> None:
    logs = parse(capture("failed")).logs
    assert [line.level for line in logs].count("err") == 5
    assert logs[5] == LogLine(
        level="notice",
        message="site: env=production role=broken datacenter=dc1 certname=fail01.lab.test",
        source="Puppet",
        time=1795348945.536602,
    )
    assert logs[9].message.startswith("change from 'notrun' to ['0'] failed")
    assert (logs[9].file, logs[9].line) == (BROKEN, 2)
    assert "\nWrapped exception:\n" in logs[13].message


def test_a_failed_catalog_is_a_failed_run_without_resources() -> None:
    report = parse(capture("failed-catalog"))
    assert (report.certname, report.status, report.completed) == ("nocls.lab.test", "failed", False)
    assert (report.resources, report.changes, report.counts["total"]) == ((), 0, 0)
    assert (report.configuration_version, report.catalog_uuid) == ("", "")
    assert (report.started, report.ended) == (1795348947.762038, 1795348951.906247)
    assert "Could not find class nosuchclass" in report.logs[3].message
    assert report.logs[-1].message == "Could not retrieve catalog; skipping run"


def test_a_changed_run() -> None:
    report = parse(capture("changed-notify-only"))
    assert (report.certname, report.status, report.changes) == ("web01.lab.test", "changed", 2)
    assert (report.counts["total"], report.counts["changed"], report.events["success"]) == (10, 2, 2)
    changed = [one for one in report.resources if one.changed]
    assert [one.name.partition("[")[0] for one in changed] == ["Notify", "Notify"]
    assert changed[0].file == SITE


def test_a_noop_run_changes_nothing_and_says_what_it_would() -> None:
    report = parse(capture("noop"))
    assert (report.status, report.noop, report.noop_pending) == ("unchanged", True, True)
    assert (report.changes, report.events["noop"]) == (0, 3)
    assert [event.status for one in report.resources for event in one.events] == ["noop"] * 3


def test_an_unchanged_run_keeps_what_was_skipped_and_its_slowest_resources() -> None:
    report = parse(capture("unchanged"))
    assert (report.status, report.counts["total"], report.events["total"]) == ("unchanged", 10, 0)
    assert sum(one.skipped for one in report.resources) == report.counts["skipped"] == 9
    assert not any(one.events for one in report.resources)


@pytest.mark.parametrize("name", ["changed-notify-only", "failed", "noop", "unchanged"])
def test_a_run_ends_with_its_last_log_line_which_is_when_its_total_time_is_over(name: str) -> None:
    report = parse(capture(name))
    assert report.ended == max(line.time for line in report.logs)
    assert report.ended - report.started == pytest.approx(report.times["total"], abs=0.1)


def test_a_report_without_unchanged_resources_has_the_totals_of_all() -> None:
    """As Puppet 8 writes it by itself (`exclude_unchanged_resources`)."""
    report = parse(capture("without-unchanged"))
    assert (report.status, report.counts["total"], report.changes) == ("changed", 11, 3)
    assert [(one.name, one.events[0].previous, one.events[0].desired) for one in report.resources] == [
        ("File[/opt/lab/agents/motd]", "0600", "0644"),
        ("File[/opt/lab/agents/key]", "[redacted]", "[redacted]"),
        ("Exec[/bin/false]", "notrun", '["1","2"]'),
    ]
