"""What the doctor says of findings: whether the node concerned goes on with an older answer."""

from typing import Any

import pytest

from commands.doctor_estate import findings_of

URL = "http://127.0.0.1:8787"


def finding(certname: str, *, holds: bool) -> dict[str, Any]:
    return {
        "certname": certname,
        "code": "bad_value",
        "where": "cn=x",
        "what": "enclumeParameter",
        "message": "no JSON",
        "holds": holds,
    }


@pytest.mark.parametrize(
    ("served", "level", "end"),
    [
        (True, "warn", "(it keeps its last answer)"),
        (False, "bad", "(it has no answer until that is corrected)"),
        (None, "warn", "(it keeps its last answer, if it has one)"),
    ],
)
def test_a_node_keeps_its_last_answer_only_where_it_has_one(served: bool | None, level: str, end: str) -> None:
    (told,) = findings_of([finding("web01", holds=True)], URL, lambda _: served)
    assert (told.level, told.sentence) == (level, f"web01: bad_value, cn=x enclumeParameter: no JSON {end}")


def test_of_many_findings_those_that_hold_an_answer_up_are_told_and_asked_about() -> None:
    asked: list[str] = []

    def served(certname: str) -> bool:
        asked.append(certname)
        return False

    many = [finding(f"ok{number}", holds=False) for number in range(20)]
    told = list(findings_of([*many, finding("web01", holds=True)], URL, served))
    assert asked == ["web01"]
    assert [one.level for one in told] == ["bad", *["warn"] * 10]
    assert told[-1].sentence == f"11 more of them: {URL}/findings"
