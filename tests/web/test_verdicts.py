"""What `/verdicts` tells, to whom, and how it says that it cannot be relied on."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from audit.all import Audited
from audit.verdict import CHECKS, Measure
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.factories import settings
from tests.web.judging import WEB, Judging, audited, client, get, verdict
from tests.web.serving import service
from web.bodies import Verdicts

SOME = audited(
    verdict("b", site="lyon"),
    verdict("a", "warning", site="lyon", check="capacity"),
    verdict("kvm1", "critical", host="kvm1.lab.test", check="sources"),
    verdict("of a group", "unknown", host=WEB, check="layers"),
    of_hosts=(
        verdict("data", "warning", host=WEB, check="backup", kind="data", schedule="weekly"),
        verdict("system", host=WEB, check="backup", kind="system", schedule="daily"),
        verdict("mail", host="mail.lab.test"),
    ),
)
OWN = "enclume.lab.test"


def subjects(query: str = "") -> list[str]:
    return [one["subject"] for one in get(Judging(SOME), query).json["verdicts"]]


def test_the_worst_comes_first_then_site_and_subject() -> None:
    assert subjects() == ["kvm1", "of a group", "data", "a", "mail", "system", "b"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?check=backup", ["data", "system"]),
        ("?check=backup&check=layers", ["of a group", "data", "system"]),
        ("?host=web.lab.test", ["of a group", "data", "system"]),
        ("?host=web.lab.test&host=mail.lab.test", ["of a group", "data", "mail", "system"]),
        ("?host=web.lab.test&check=backup&kind=system", ["system"]),
        ("?schedule=weekly", ["data"]),
        ("?site=lyon", ["a", "b"]),
        ("?status=warning&status=unknown", ["of a group", "data", "a"]),
        ("?limit=2", ["kvm1", "of a group"]),
        ("?limit=0", []),
        ("?host=nobody", []),
        ("?host=-", ["a", "b"]),
        ("?host=-&host=mail.lab.test", ["a", "mail", "b"]),
        ("?host=web.lab.test&kind=-&schedule=-", ["of a group"]),
        ("?site=-", []),
        ("?site=angers&status=ok&limit=1", ["mail"]),
    ],
)
def test_what_is_asked_for_is_told_and_no_more(query: str, expected: list[str]) -> None:
    assert subjects(query) == expected


def test_the_counts_are_of_all_that_match_whatever_status_and_number_are_asked_for() -> None:
    counts = get(Judging(SOME), "?host=web.lab.test&status=critical&limit=1").json["counts"]
    assert counts == {"ok": 1, "warning": 1, "critical": 0, "unknown": 1}


def test_what_is_told_of_a_host_follows_the_verdicts() -> None:
    judging = Judging(audited(verdict("a", "warning", host=WEB)))
    asking = client(judging)
    for status in ("warning", "ok"):
        judging.audited = audited(verdict("a", status, host=WEB))
        response: Any = asking.get(f"/verdicts?host={WEB}")
        assert response.json["verdicts"][0]["status"] == status


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?check=backups", ("`check` 'backups'", *CHECKS)),
        ("?kind=disk", ("`kind` 'disk'", "data, system, container, offsite")),
        ("?schedule=yearly", ("daily, weekly, monthly",)),
        ("?status=green", ("ok, warning, critical, unknown",)),
        ("?colour=red", ("'colour'", "check, host, site, kind, schedule, status, limit")),
        ("?host=", ("`host` has no value",)),
        ("?limit=-1", ("`limit` '-1'", "from 0 to 999999")),
        ("?limit=1234567", ("from 0 to 999999",)),
        ("?limit=%C2%B2", ("from 0 to 999999",)),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(query: str, expected: tuple[str, ...]) -> None:
    response = get(Judging(SOME), query)
    assert response.status_code == 400
    assert all(word in response.json["error"] for word in expected), response.json


def test_a_verdict_is_told_whole_with_ages_as_they_are_now() -> None:
    now, key = time.time(), SourceKey("inventory", "kvm1.lab.test")
    measures = (
        Measure("last", now - 90, "s", 3600, 7200, is_time=True),
        Measure("never", 0, "s", 3600, is_time=True),
        Measure("size", 5, "B"),
    )
    judging = Judging(audited(verdict("a", measures=measures, sources=(key, SourceKey("directory", "dc=x"))), old=30))
    judging.freshness[key] = Freshness(now - 40)
    body = get(judging).json
    assert 30 <= body["age"] < 40
    assert abs(body["at"] + body["age"] - now) < 10
    (told,) = body["verdicts"]
    last, never, size = told["measures"]
    assert 90 <= last["value"] < 100
    assert (last["unit"], last["warning"], last["critical"]) == ("s", 3600, 7200)
    assert (never["value"], never["critical"]) == (None, None)
    assert size == {"label": "size", "value": 5, "unit": "B", "warning": None, "critical": None}
    assert [(one["kind"], one["target"]) for one in told["sources"]] == [
        ("inventory", "kvm1.lab.test"), ("directory", "dc=x"),
    ]  # fmt: skip
    assert 40 <= told["sources"][0]["age"] < 50
    assert told["sources"][1]["age"] is None


def test_nothing_is_told_before_the_first_verdicts_were_made() -> None:
    assert get(Judging(Audited())).status_code == 503
    assert get(Judging(Audited(), "making the verdicts failed")).json["error"] == "making the verdicts failed"


@pytest.mark.parametrize(
    ("made", "problem", "expected"),
    [
        ({}, "", None),
        ({}, "making the verdicts failed", "making the verdicts failed"),
        ({"old": 61}, "", "s ago, expected less than 60 s"),
        ({"known": False}, "", "have not been read completely yet"),
    ],
)
def test_verdicts_that_cannot_be_relied_on_say_so(made: dict[str, Any], problem: str, expected: str | None) -> None:
    told = get(Judging(audited(**made), problem)).json["problem"]
    assert told is None if expected is None else expected in told


@pytest.mark.parametrize(
    ("age", "error", "expected"),
    [
        (800, "", None),
        (86400, "refused", "UTC, should at least every 15 min: enclume check sources"),
        (None, "", "the directory dc=lab,dc=test was never read"),
    ],
)
def test_verdicts_on_an_old_directory_say_that_they_are(age: float | None, error: str, expected: str | None) -> None:
    judging = Judging(audited())
    fresh = Freshness() if age is None else Freshness(time.time() - age, error=error)
    judging.freshness[SourceKey("directory", "dc=lab,dc=test")] = fresh
    told = get(judging).json["outdated"]
    assert told is None if expected is None else expected in told


@pytest.mark.parametrize(
    ("peer", "query", "status"),
    [
        (WEB, "?host=web.lab.test", 200),
        (WEB, "?host=web.lab.test&check=backup", 200),
        (WEB, "", 403),
        (WEB, "?host=mail.lab.test", 403),
        (WEB, "?host=-", 403),
        (WEB, "?host=web.lab.test&host=-", 403),
        (WEB, "?host=web.lab.test&host=mail.lab.test", 403),
        ("puppet.lab.test", "", 200),
        ("boss.lab.test", "?host=web.lab.test", 200),
        (OWN, "", 200),
        ("icinga.lab.test", "", 200),
        ("icinga.lab.test", "?host=web.lab.test", 200),
    ],
)
def test_a_host_may_ask_about_itself_and_a_reader_about_all(tmp_path: Path, peer: str, query: str, status: int) -> None:
    certificate = tmp_path / "own.pem"
    issued = trustme.CA().issue_cert(OWN, common_name=OWN)
    issued.cert_chain_pems[0].write_to_path(certificate)
    access = settings(
        tls={"certificate": str(certificate), "key": "k", "ca": "c"},
        access={"servers": ["puppet.lab.test"], "administrators": ["boss.lab.test"], "monitoring": ["icinga.lab.test"]},
    )
    assert get(Judging(SOME), query, access, peer).status_code == status


def test_the_running_service_tells_its_verdicts(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.until(lambda: served.get("/verdicts").status_code == 200, "the first verdicts")
        served.until(lambda: served.get("/verdicts").json["problem"] is None, "the estate's verdicts")
        body = msgspec.json.decode(served.get("/verdicts").data, type=Verdicts)
        assert body.age < 60
        assert body.generation == 1
