"""What makes a report, and what is said of what makes none."""

import uuid

import pytest

from errors import ReportError
from reports.parse import parse
from reports.report import Event
from tests.reports.papers import HEAD, capture, made


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (made(host="Web01"), r"host: 'Web01' is not a certname"),
        (made(host="../../etc"), r"host: '../../etc' is not a certname"),
        (made(host=None), r"host: nothing is not a certname"),
        (made(host="[a]"), r"host: 'list' is not a certname"),
        (made(time="yesterday"), r"time: 'yesterday' is no time"),
        (made(time=None), r"time: nothing is no time"),
        (made(time="'0001-01-01T00:00:00+99:00'"), r"is no time"),
        (made(status="pending"), r"status: 'pending' is none of failed, changed, unchanged"),
        (made(status=None), r"status: nothing is none of"),
        (made(report_format="twelve"), r"report_format: 'twelve' is no number"),
        (made(report_format="9" * 5000), r"report_format: '9+' is no number"),
        (made(report_format="99999999999"), r"report_format: '99999999999' is no number"),
        (made(logs=None), r"logs is missing: the report is not whole"),
        (made(metrics=None), r"metrics is missing"),
        (made(resource_statuses=None), r"resource_statuses is missing"),
        (made(corrective_change=None), r"corrective_change is missing"),
        (made(logs="{a: b}"), r"logs: a list was expected"),
        (made(metrics="[a]"), r"metrics: a mapping was expected"),
        (made(head="---\n"), r"the root's tag is nothing, not !ruby/object:Puppet::Transaction::Report"),
        (made(head="--- !ruby/object:Gem::Installer\n"), r"the root's tag is '!ruby/object:Gem::Installer', not"),
        ((HEAD + "- a\n").encode(), r"the root is no mapping"),
        (b"", r"line 1, column 1: it is not a YAML document that begins with `---`"),
        (b'{"host": "web01.lab.test"}\n', r"line 1, column 1: it is not a YAML document"),
        (b"\x1f\x8b\x08\x00" + b"\0" * 40, r"compressed with gzip: send it as it is"),
        (b"---" + b" " * (100 * 1024 * 1024), r"it has 104857603 bytes, more than 16777216"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_what_makes_no_report_is_said(body: bytes, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        parse(body)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_report_that_was_cut_off_is_refused(share: float) -> None:
    body = capture("failed")
    cut = body[: int(len(body) * share)]
    with pytest.raises(ReportError):
        parse(cut)


def test_a_report_that_was_cut_off_between_two_resources_is_refused() -> None:
    body = capture("failed")
    cut = body[: body.index(b"  Schedule[weekly]:")]
    with pytest.raises(ReportError, match="corrective_change is missing: the report is not whole"):
        parse(cut)


@pytest.mark.parametrize(
    "fields",
    [
        {"host": '"' + "\\e" * 10000 + '"'},
        {"status": '"' + "\\n" * 10000 + '"'},
        {"head": "--- !a%0a%1b%5b" + "b" * 10000 + "\n"},
        {"logs": "*" + "a" * 10000},
    ],
)
def test_the_text_of_an_error_shows_little_of_a_long_value_and_nothing_unprintable(fields: dict[str, str]) -> None:
    with pytest.raises(ReportError) as caught:
        parse(made(**fields))
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_a_run_without_a_uuid_gets_the_same_one_each_time() -> None:
    first, second = parse(made()), parse(made())
    assert uuid.UUID(first.uuid).version == 5
    assert first.uuid == second.uuid


def test_a_run_without_a_uuid_is_told_from_others_by_its_certname_and_time() -> None:
    others = {parse(made()).uuid, parse(made(host="web02")).uuid, parse(made(time="2026-11-22 12:00:00.1 Z")).uuid}
    assert len(others) == 3


@pytest.mark.parametrize(
    "given", ["00000000-0000-0000-0000-000000000000", "no-uuid", "''", "{a: b}", "'" + "f" * 10000 + "'"]
)
def test_what_is_no_uuid_counts_as_none(given: str) -> None:
    assert parse(made(transaction_uuid=given)).uuid == parse(made()).uuid


def test_a_uuid_has_one_spelling() -> None:
    given = "E67BD5A6-609F-478B-BF20-E9170F582414"
    assert parse(made(transaction_uuid=given)).uuid == given.lower()


def test_a_clock_that_was_set_back_does_not_make_a_run_end_before_it_began() -> None:
    report = parse(made(logs="[{level: notice, message: Applied, time: '2026-11-22T11:00:00Z'}]"))
    assert report.ended == report.started


def test_a_number_that_no_database_holds_is_left_out() -> None:
    rows = "[[total, Total, 99999999999999999999], [failed, Failed, -1], [changed, Changed, 3], [x, X, .nan], broken]"
    report = parse(made(metrics=f"{{resources: {{values: {rows}}}, time: {{values: {rows}}}}}"))
    assert report.counts == {"changed": 3}
    assert report.times == {"total": 99999999999999999999.0, "changed": 3.0}


def test_a_detail_that_makes_no_sense_is_left_out_and_the_run_stays_known() -> None:
    resources = (
        "{'File[a]': {changed: true, line: x, events: [1, {status: odd}, {status: success}]}, 'File[b]': , '': 1}"
    )
    report = parse(
        made(logs="[1, [], {level: err}, {level: err, message: m, time: never}]", resource_statuses=resources)
    )
    assert [(line.message, line.time) for line in report.logs] == [("m", 0.0)]
    assert [(one.name, one.line, one.events) for one in report.resources] == [
        ("File[a]", 0, (Event(property="", status="success"),))
    ]


def test_no_text_holds_nul_which_a_database_would_refuse() -> None:
    report = parse(made(environment='"a\\0b"', resource_statuses='{"File[\\0]": {changed: true}}'))
    assert (report.environment, report.resources[0].name) == ("a\ufffdb", "File[\ufffd]")


def test_a_structured_value_is_json_without_what_is_sensitive() -> None:
    desired = "[a, {b: {__ptype: Sensitive, __pvalue: s3cret}, c: null}]"
    event = f"{{status: success, property: p, previous_value: 0644, desired_value: {desired}}}"
    report = parse(made(resource_statuses=f"{{'File[a]': {{events: [{event}]}}}}"))
    (read,) = report.resources[0].events
    assert (read.previous, read.desired) == ("0644", '["a",{"b":"[redacted]","c":null}]')


def test_what_a_report_says_it_redacted_is_not_kept_though_it_is_there() -> None:
    event = "{status: success, property: p, previous_value: , desired_value: s3cret, redacted: true}"
    report = parse(made(resource_statuses=f"{{'File[a]': {{events: [{event}]}}}}"))
    (read,) = report.resources[0].events
    assert (read.previous, read.desired, read.redacted) == ("", "[redacted]", True)


def test_of_resources_of_which_nothing_is_to_be_said_the_slowest_are_kept() -> None:
    slow = ", ".join(f"'File[{number}]': {{evaluation_time: {number}.5}}" for number in range(10))
    report = parse(made(resource_statuses=f"{{{slow}, 'File[none]': {{evaluation_time: }}}}"))
    assert [one.seconds for one in report.resources] == [5.5, 6.5, 7.5, 8.5, 9.5]
