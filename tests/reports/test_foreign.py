"""Reports in Foreman's form, as its own processor sent them of the captured runs."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ReportError
from reports.parse import parse
from reports.report import LogLine, Report
from tests.reports.papers import CAPTURES, capture

FOLDER = Path(__file__).parents[1] / "fixtures" / "foreign"


def sent(name: str) -> bytes:
    """The body of a recorded request."""
    return (FOLDER / f"foreman-report-{name}.request").read_bytes().partition(b"\r\n\r\n")[2]


def made(**fields: Any) -> bytes:
    """The least report there is, with these fields."""
    least = {"host": "web01.lab.test", "reported_at": "2026-11-22 12:00:00 UTC", "status": {}}
    return msgspec.json.encode({"config_report": least | fields})


@pytest.mark.parametrize("name", CAPTURES)
def test_it_says_of_a_run_what_the_runs_own_report_says(name: str) -> None:
    """As far as it goes: whole seconds, no resources, not every log line."""
    foreman, own = parse(sent(name), "foreman"), parse(capture(name))
    assert (foreman.certname, foreman.status) == (own.certname, own.status)
    assert (foreman.counts, foreman.events, foreman.changes) == (own.counts, own.events, own.changes)
    assert (foreman.times, foreman.started) == (own.times, int(own.started))
    assert (foreman.noop_pending, foreman.corrective) == (own.noop_pending, own.corrective)
    assert foreman.ended == pytest.approx(own.ended, abs=1.1)
    assert {line.message for line in foreman.logs} <= {line.message for line in own.logs}
    assert (foreman.format, foreman.resources, foreman.environment) == (0, (), "")


def test_its_log_lines_have_level_source_and_message() -> None:
    assert (
        LogLine(level="err", message="'/bin/false' returned 1 instead of one of [0]", source="Puppet")
        in parse(sent("failed"), "foreman").logs
    )


def test_an_error_that_puppet_logged_makes_no_failed_run_of_one_that_did_not_fail() -> None:
    """The client counts it as a failure; a run that went on with its cached catalog did not fail."""
    logs = [{"log": {"level": "err", "sources": {"source": "Puppet"}, "messages": {"message": "Could not retrieve"}}}]
    metrics = {"resources": {"total": 5, "failed": 0}, "changes": {"total": 1}}
    assert parse(made(status={"failed": 1}, metrics=metrics, logs=logs), "foreman").status == "changed"
    assert parse(made(status={"failed": 2}, metrics=metrics, logs=logs), "foreman").status == "failed"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, "unchanged"),
        ({"applied": 1}, "changed"),
        ({"applied": 1, "failed": 1}, "failed"),
        ({"failed_restarts": 1}, "failed"),
        ({"failed": 1}, "failed"),
    ],
)
def test_a_report_without_metrics_is_known_by_its_status(status: dict[str, int], state: str) -> None:
    assert parse(made(status=status), "foreman").status == state


def test_a_report_without_metrics_is_counted_by_its_status() -> None:
    status = {"applied": 2, "failed_restarts": 1, "failed": 3, "skipped": 4, "restarted": 5, "pending": 6}
    report = parse(made(status=status), "foreman")
    assert report.counts == {"changed": 2, "failed_to_restart": 1, "failed": 3, "skipped": 4, "restarted": 5}
    assert (report.changes, report.noop_pending) == (2, True)


def test_a_run_is_known_by_its_certname_and_time() -> None:
    assert parse(made(), "foreman").uuid == parse(made(), "foreman").uuid
    assert parse(made(), "foreman").uuid != parse(made(host="web02.lab.test"), "foreman").uuid


def test_the_first_version_of_the_api_names_it_otherwise() -> None:
    assert parse(made().replace(b"config_report", b"report"), "foreman") == parse(made(), "foreman")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Input data was truncated"),
        (b"--- a\n", "JSON is malformed"),
        (b"{}", "config_report is missing"),
        (made(host="Web"), "host: 'Web' is not a certname"),
        (made(host=5), r"Expected `str`, got `int` - at `\$.config_report.host`"),
        (made(reported_at="now"), "reported_at: 'now' is no time"),
        (made(logs=[{"log": []}]), r"at `\$.config_report.logs\[0\].log`"),
        (made(metrics={"time": 5}), r"at `\$.config_report.metrics\[...\]`"),
        (b'{"x":' + b"[" * 100_000, "recursion depth"),
        (b'{"x":"\xff"}', "it is no report in Foreman's form"),
        (b" " * (16 * 1024 * 1024 + 1), "it has 16777217 bytes, more than 16777216"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_makes_no_report_is_said(body: bytes, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        parse(body, "foreman")


def test_no_text_holds_nul() -> None:
    logs = [{"log": {"level": "err", "messages": {"message": "a\0b"}}}]
    assert parse(made(logs=logs), "foreman").logs[0].message == "a\ufffdb"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["status", "metrics", "logs", "host", "reported_at"]), JSON))
def test_fields_of_whatever_shape(fields: dict[str, Any]) -> None:
    body = made(**{key: value for key, value in fields.items() if _encodable(value)})
    with suppress(ReportError):
        assert isinstance(parse(body, "foreman"), Report)


def _encodable(value: Any) -> bool:
    try:
        msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return False
    return True


@given(st.integers(0, 5000), st.binary(max_size=20))
def test_a_report_with_other_bytes_in_it(place: int, other: bytes) -> None:
    body = bytearray(sent("failed"))
    body[place : place + len(other)] = other
    with suppress(ReportError):
        assert isinstance(parse(bytes(body), "foreman"), Report)


@pytest.mark.parametrize("kind", [[], {}, [[]] * 3])
def test_a_list_or_an_object_where_a_text_or_a_number_belongs_is_refused_with_its_place(kind: Any) -> None:
    for fields in ({"status": {"a": kind}}, {"metrics": {"time": {"a": kind}}}, {"logs": [{"log": {"level": kind}}]}):
        with pytest.raises(ReportError, match=r"Expected `bool \| int \| float \| str \| null`.* at `\$"):
            parse(made(**fields), "foreman")
