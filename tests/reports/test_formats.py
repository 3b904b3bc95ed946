"""The older formats, as Puppet's documentation of each has them, and one that is not written yet."""

import pytest
from msgspec.structs import replace

from errors import ReportError
from reports.parse import parse
from reports.report import Event, Resource
from tests.reports.papers import FORMATS, capture, made

MOTD = "/etc/puppet/modules/motd/manifests/init.pp"


@pytest.mark.parametrize("number", FORMATS)
def test_a_format_is_named_and_its_totals_are_there(number: int) -> None:
    report = parse(capture(f"format-{number}"))
    assert report.format == number
    assert report.environment in {"production", "staging"}
    assert "total" in report.counts
    assert "total" in report.times
    assert report.changes is not None


def test_the_objects_and_symbols_of_format_4_are_plain_data() -> None:
    report = parse(capture("format-4"))
    assert (report.certname, report.status, report.completed, report.cached_catalog) == (
        "svn.lab.test",
        "failed",
        None,
        "",
    )
    assert [line.level for line in report.logs] == ["info", "notice", "err"]
    event = Event(
        property="ensure",
        status="success",
        previous="absent",
        desired="file",
        message="defined content as '{md5}d41d8cd98f00b204e9800998ecf8427e'",
        name="file_created",
        time=1420102803.0,
    )
    assert report.resources[0] == Resource(
        name="File[/etc/motd]", file=MOTD, line=3, seconds=0.25, changed=True, events=(event,)
    )
    assert (report.resources[1].failed, report.resources[1].events[0].desired) == (True, "latest")
    assert report.resources[2].skipped


def test_an_alias_is_what_it_names() -> None:
    report = parse(capture("format-4"))
    assert (report.resources[0].file, report.logs[1].file) == (MOTD, MOTD)


def test_the_old_form_of_a_time_is_read() -> None:
    report = parse(capture("format-4"))
    assert (report.started, report.ended) == (1420102800.123456, 1420102806.25)
    assert parse(capture("format-6")).started == 1498670883.565743


def test_format_5_says_of_which_catalog_it_is_and_lacks_noop() -> None:
    report = parse(capture("format-5"))
    assert (report.catalog_uuid, report.cached_catalog) == ("6e9d8f10-7c40-4d5c-a9a4-0f5f3b0c7d22", "on_failure")
    assert (report.noop, report.noop_pending) == (False, True)
    assert report.configuration_version == "git-4f2a9c1"


def test_a_run_without_log_lines_ends_when_its_total_time_is_over() -> None:
    report = parse(capture("format-5"))
    assert report.ended == report.started + 1.5


def test_format_6_says_what_had_drifted() -> None:
    report = parse(capture("format-6"))
    drifted = [one for one in report.resources if one.corrective]
    assert (report.corrective, [one.name for one in drifted]) == (True, ["File[/etc/ntp.conf]"])
    assert drifted[0].events[0].corrective


@pytest.mark.parametrize("number", [6, 9])
def test_a_secret_that_only_its_type_marks_is_not_kept(number: int) -> None:
    report = parse(capture(f"format-{number}"))
    assert "correct horse" not in repr(report)
    event = report.resources[-1].events[-1]
    assert (event.redacted, event.previous, event.desired) == (True, "[redacted]", "[redacted]")


def test_format_9_names_its_master_and_code() -> None:
    report = parse(capture("format-9"))
    assert (report.server, report.code_id) == ("puppet.lab.test:8140", "urn:puppet:code-id:1:4f2a9c1;production")
    assert report.cached_catalog == "explicitly_requested"


@pytest.mark.parametrize(("number", "like"), [(7, 6), (8, 6), (7, 9), (8, 9)])
def test_formats_7_and_8_of_which_there_is_no_sample_are_read_like_their_neighbours(number: int, like: int) -> None:
    neighbour = capture(f"format-{like}")
    renamed = neighbour.replace(f"report_format: {like}".encode(), f"report_format: {number}".encode())
    assert parse(renamed) == replace(parse(neighbour), format=number)


def test_format_10_says_whether_the_run_was_completed() -> None:
    report = parse(capture("format-10"))
    assert (report.completed, report.status, report.ended - report.started) == (False, "failed", 4.5)


def test_format_11_names_its_server_and_a_failed_restart_is_a_failure_of_its_resource() -> None:
    report = parse(capture("format-11"))
    assert (report.server, report.counts["failed_to_restart"]) == ("puppet.lab.test:8140", 1)
    assert [(one.name, one.failed) for one in report.resources] == [("Service[httpd]", True)]


def test_a_newer_format_is_read_as_far_as_it_is_like_this_one() -> None:
    report = parse(made(report_format="13", logs="{of: another form}", corrective_change=None, new_in_13="[1, 2]"))
    assert (report.format, report.logs, report.certname) == (13, (), "web01.lab.test")


def test_a_format_older_than_3_3_is_refused() -> None:
    with pytest.raises(ReportError, match=r"report_format: 3 is of Puppet 2 or 3\.0 to 3\.2"):
        parse(made(report_format="3"))
