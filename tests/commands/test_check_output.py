"""What the plugin prints: the worst first, one line for each, numbers that Icinga 2 reads, nothing that harms."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.verdict import CODES, Measure, Verdict
from commands.check_output import MOST_LINES, MOST_PERFDATA, STATUSES, render, render_service, safe
from commands.unjudged import WHY
from facts.upkeep import Freshness
from tests.commands.perfdata import Printed, read
from tests.web.judging import Judging, audited, get, verdict

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["|", "a|b=1", "'", "=", "::", "\n", "\u202e", "<b>", "\x1b[2J", "été", "日本"]),
)
NUMBERS = st.one_of(st.floats(), st.integers(-(2**63), 2**63))
MEASURES = st.builds(
    Measure, TEXTS, NUMBERS, st.sampled_from(["", "s", "B", "%"]), st.none() | NUMBERS, st.none() | NUMBERS
)
VERDICTS = st.builds(
    Verdict,
    check=st.just("backup"),
    code=TEXTS,
    subject=TEXTS,
    site=TEXTS,
    status=st.sampled_from(list(CODES)),
    sentence=TEXTS,
    host=TEXTS,
    measures=st.lists(MEASURES, max_size=4).map(tuple),
)


def printed(
    *verdicts: Verdict, filters: str = "", problem: str = "", old: float = 0, limit: int = 100
) -> tuple[int, Printed]:
    """The exit status and what is printed for these verdicts, as the service tells them."""
    body = get(Judging(audited(*verdicts, old=old), problem), f"?limit={limit}").data
    status, text = render("backup", body, filters, 120)
    return status, read(text)


def test_the_first_line_says_the_worst_thing_and_one_line_each_further_one() -> None:
    status, out = printed(
        verdict("web03"), verdict("web02", "warning"), verdict("web01", "critical"), verdict("web04", "unknown")
    )
    assert status == 2
    assert out.head == "BACKUP CRITICAL - web01 is critical"
    assert out.lines == ["[UNKNOWN] web04 is unknown", "[WARNING] web02 is warning", "(1 ok)"]
    assert out.perfdata == {"ok": "1", "warning": "1", "critical": "1", "unknown": "1"}


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [(("ok",), 0), (("ok", "warning"), 1), (("warning", "unknown"), 3), (("unknown", "critical"), 2)],
)
def test_the_worst_status_is_the_plugins(statuses: tuple[str, ...], expected: int) -> None:
    status, _ = printed(*(verdict(f"web{number}", one) for number, one in enumerate(statuses)))
    assert status == expected


def test_what_is_ok_is_said_too() -> None:
    assert printed(verdict("web01"))[1].head == "BACKUP OK - web01 is ok"
    _, out = printed(verdict("web01"), verdict("web02"))
    assert (out.head, out.lines) == ("BACKUP OK - all 2 are ok", ["[OK] web01 is ok", "[OK] web02 is ok"])


def test_a_sentence_without_its_subject_gets_it() -> None:
    assert printed(verdict("web01", sentence="fine"))[1].head == "BACKUP OK - web01: fine"


def test_measures_are_plain_numbers_with_plain_limits() -> None:
    measures = (
        Measure("age", 90061.5, "s", 93600, 187200.0),
        Measure("size", 2**40, "B"),
        Measure("share", 1e-7, "%", critical=0.5),
        Measure("large", 1e20),
        Measure("never", 0, "s", 1, is_time=True),
        Measure("nothing", float("nan")),
    )
    _, out = printed(verdict("web01", measures=measures))
    data = {label: value for label, value in out.perfdata.items() if label not in STATUSES}
    assert data == {
        "age": "90061.5s;93600;187200",
        "size": "1099511627776B",
        "share": "0%;;0.5",
        "large": "100000000000000000000",
    }


def test_labels_that_several_share_are_told_apart() -> None:
    one, other = (Measure("age", number) for number in (1, 2))
    _, out = printed(
        verdict("web01", measures=(one,)),
        verdict("web02", measures=(other, Measure("size", 3), Measure("ok", 4))),
        verdict("web02", code="y", measures=(one, Measure("age", 5))),
    )
    assert {label: value for label, value in out.perfdata.items() if label not in STATUSES} == {
        "web01 age": "1",
        "web02 age": "2",
        "size": "3",
        "web02 ok": "4",
        "web02 y age": "1",
        "web02 y age 2": "5",
    }


def test_what_two_verdicts_of_one_subject_measured_is_told_once_under_the_label_that_it_has_when_all_is_well() -> None:
    kept = (Measure("kept", 3, "", 1), Measure("age", 5, "s"))
    _, well = printed(verdict("mirror", measures=kept))
    _, wrong = printed(
        verdict("mirror", "warning", code="a", measures=kept), verdict("mirror", "critical", code="b", measures=kept)
    )
    assert {label: value for label, value in wrong.perfdata.items() if label not in STATUSES} == {
        label: value for label, value in well.perfdata.items() if label not in STATUSES
    }


def test_labels_are_ascii_alone() -> None:
    strange = ("kvm1 \u2192 ns paths", "r\u00e9pliqu\u00e9", "\u65e5", "a\uff5cb=1")
    _, out = printed(verdict("web01", measures=tuple(Measure(label, 1) for label in strange)))
    assert set(out.perfdata) - set(STATUSES) == {"kvm1 to ns paths", "replique", "_", "a_b_1"}


@pytest.mark.parametrize("check", ["mirror", "puppet", "storage"])
def test_a_check_that_nothing_is_the_business_of_says_why(check: str) -> None:
    status, text = render(check, get(Judging(audited()), "").data, "", 120)
    assert (status, text) == (3, f"{check.upper()} UNKNOWN - {WHY[check]}\n")


def test_lines_and_numbers_are_bounded_and_it_says_how_many_were_left_out() -> None:
    many = [
        verdict(f"web{number:03}", "critical", measures=(Measure("age", number), Measure("size", 1)))
        for number in range(300)
    ]
    _, out = printed(*many, verdict("x"))
    assert len(out.lines) == MOST_LINES + 2
    assert out.lines[-2:] == [f"({299 - MOST_LINES} more: see `enclume audit`)", "(1 ok)"]
    assert len(out.perfdata) == MOST_PERFDATA
    assert out.perfdata["critical"] == "300"
    assert out.perfdata["left_out"] == "105"
    _, out = printed(*(verdict(f"web{number}") for number in range(200)))
    assert (out.head, out.lines[-1]) == (
        "BACKUP OK - all 200 are ok",
        f"({200 - MOST_LINES} more: see `enclume audit`)",
    )


def test_verdicts_that_cannot_be_relied_on_are_unknown_and_still_told() -> None:
    status, out = printed(verdict("web01", "critical", measures=(Measure("age", 1),)), problem="the audit fails")
    assert (status, out) == (3, Printed("BACKUP UNKNOWN - the audit fails", ["[CRITICAL] web01 is critical"], {}))


@pytest.mark.parametrize(("max_age", "expected"), [(120, 0), (10, 3)])
def test_verdicts_that_are_too_old_are_unknown(max_age: float, expected: int) -> None:
    body = get(Judging(audited(verdict("web01"), old=30))).data
    status, text = render("backup", body, "", max_age)
    assert status == expected
    assert ("the verdicts are 30 s old, more than 10 s" in text) is (expected == 3)


@pytest.mark.parametrize("filters", ["", "host -", "kind data"])
def test_where_no_host_or_site_is_named_what_is_known_is_pointed_at(filters: str) -> None:
    _, out = printed(filters=filters)
    assert out.head.endswith(": `enclume audit backup --all` lists what is")


def test_nothing_that_matches_is_unknown() -> None:
    status, out = printed(filters="host web01, kind data")
    assert status == 3
    assert out.head == (
        "BACKUP UNKNOWN - nothing is known of host web01, kind data: "
        "`enclume audit --host web01` says whether there is such a host"
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"7", b'"x"', b"{}", b'{"counts": 3}', b"\xff", b"[" * 100_000, b"<html>|x=1"]
)
def test_what_is_no_list_of_verdicts_is_unknown(body: bytes) -> None:
    status, text = render("enc", body, "", 120)
    assert status == 3
    assert read(text).head.startswith("ENC UNKNOWN - it answered with what is no list of verdicts")


def changed(**changes: Any) -> bytes:
    """A body with one verdict that has something else in it."""
    body = json.loads(get(Judging(audited(verdict("web01", measures=(Measure("age", 1),))))).data)
    for path, value in changes.items():
        if path in body:
            body[path] = value
        else:
            body["verdicts"][0]["measures"][0][path] = value
    return json.dumps(body).encode()


@pytest.mark.parametrize("value", [None, "1", True, [], {}, 10**4000, float("inf")])
def test_a_measure_that_is_no_number_is_left_out_or_refused(value: Any) -> None:
    status, text = render("backup", changed(value=value), "", 120)
    assert "age" not in read(text).perfdata
    assert status in (0, 3)


@pytest.mark.parametrize("age", [None, "old", float("nan"), float("inf")])
def test_an_age_that_makes_no_sense_is_unknown(age: Any) -> None:
    assert render("backup", changed(age=age), "", 120)[0] == 3


@pytest.mark.parametrize(("check", "expected"), [("backup", 3), ("placement", 3), ("sources", 0), ("enc", 0)])
def test_verdicts_on_a_directory_that_is_read_no_more_are_unknown_but_where_they_tell_of_it(
    check: str, expected: int
) -> None:
    judging = Judging(audited(verdict("web01")))
    for seconds, status in ((86400, expected), (0, 0)):
        judging.freshness = dict.fromkeys(judging.freshness, Freshness(time.time() - seconds))
        body = get(judging).data
        assert render(check, body, "", 120)[0] == status
        assert render_service("service", body, "", 120)[0] == 0
    judging.freshness = dict.fromkeys(judging.freshness, Freshness(time.time() - 86400))
    out = read(render("backup", get(judging).data, "", 120)[1])
    assert out.head.startswith("BACKUP UNKNOWN - the directory dc=lab,dc=test was last read ")
    assert out.lines == ["[OK] web01 is ok"]


@pytest.mark.parametrize(
    ("verdicts", "problem", "max_age", "expected"),
    [
        ((verdict("web01", "critical"), verdict("web02")), "", 120, (0, "SERVICE OK - 2 verdicts, ")),
        ((), "", 120, (0, "SERVICE OK - 0 verdicts, ")),
        ((), "the audit fails", 120, (3, "SERVICE UNKNOWN - the audit fails")),
        ((), "", 10, (3, "SERVICE UNKNOWN - the verdicts are ")),
    ],
)
def test_the_service_itself_is_ok_while_its_verdicts_can_be_relied_on(
    verdicts: tuple[Verdict, ...], problem: str, max_age: float, expected: tuple[int, str]
) -> None:
    body = get(Judging(audited(*verdicts, old=30), problem), "?limit=0").data
    status, text = render_service("service", body, "", max_age)
    out = read(text)
    assert (status, out.head.startswith(expected[1])) == (expected[0], True), text
    assert set(out.perfdata) == ({"age", "verdicts"} if status == 0 else set())
    assert render_service("service", b"{}", "", 120)[0] == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b=1", "a\u00a6b=1"),
        ("a\r\nb\tc\0d", "a b c d"),
        ("\x1b[2J été 日本", "[2J été 日本"),
        ("<script>", "\u2039script\u203a"),
        ("a\u202eb\u2028c\ud800", "a b c"),
        ("x" * 2000, "x" * 999 + "\u2026"),
    ],
)
def test_text_is_made_harmless(text: str, expected: str) -> None:
    assert safe(text) == expected


@given(st.lists(VERDICTS, max_size=30), TEXTS)
def test_whatever_the_verdicts_are_what_is_printed_can_be_read(verdicts: list[Verdict], filters: str) -> None:
    body = _told(verdicts)
    status, text = render("backup", body, filters, 120)
    out = read(text)
    text.encode()
    statuses = {one.status for one in verdicts}
    worst = next((one for one in ("critical", "unknown", "warning", "ok") if one in statuses), "unknown")
    assert out.head.startswith(f"BACKUP {worst.upper()} - ")
    assert status == CODES[worst]  # type: ignore[index]
    assert {name: out.perfdata.get(name) for name in CODES} == (
        {name: str(sum(one.status == name for one in verdicts)) for name in CODES} if verdicts else dict.fromkeys(CODES)
    )
    if not verdicts:
        assert not out.lines


def _told(verdicts: list[Verdict]) -> bytes:
    """As the service tells them; what no JSON holds was no verdict either."""
    return get(Judging(audited(*verdicts)), "?limit=100").data  # type: ignore[no-any-return]


def test_the_plugins_statuses_are_the_verdicts() -> None:
    assert STATUSES == CODES
