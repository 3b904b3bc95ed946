"""`GET /runs…`: the history of Puppet runs as JSON; who may ask, what may be asked, and what waits for the database."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from errors import HistoryError
from generation.now import Now
from tests.audit.situations import Scene
from tests.factories import guest, kvm, settings, site
from tests.reports.asking import Past, on_sqlite
from tests.reports.past import (
    ANGERS,
    BOOM,
    DAY,
    HOUR,
    LILLE,
    MAIL,
    MOTD,
    NOW,
    WEB,
    changed,
    failed,
    ran,
    took,
    uuid_of,
    without_catalog,
)
from tests.waiting import until
from web import runs
from web.access import Access
from web.peer import PEER
from web.runs_bodies import BODIES
from web.runs_bodies import Runs as RunsBody

ROOT = Path(__file__).parents[2]
PERIOD = f"since={NOW - DAY:.0f}&until={NOW + 1:.0f}"
LISTS = ("", "/last", "/changes", "/failing", "/drift", "/slow", "/unseen", "/by/site", "/by/hypervisor")
UNREAD = Now()


class Serving:
    """Who knows the estate."""

    def __init__(self, now: Now) -> None:
        self.now = now


class Asked:
    """The routes over the history at a URL."""

    def __init__(self, url: str, now: Now, **others: Any) -> None:
        made = settings(database=url, **others)
        app = Flask("runs")
        app.register_blueprint(runs.blueprint(made, Serving(now), Access(made)))
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, peer: str = "") -> Any:
        return self.client.get(f"/runs{path}", environ_base={PEER: peer} if peer else {})


def estate() -> Now:
    """Two guests and a template of one hypervisor at Angers."""
    template = guest("base.lab.test", enclumeIntent="template", enclumeProduction=HV1_DN)
    scene = Scene(site("angers"), kvm("hv1.lab.test", "angers"), guest(WEB), guest(MAIL), template)
    return scene.situation().now


HV1_DN = "cn=hv1.lab.test,ou=hosts,dc=lab,dc=test"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Which no test changes."""
    made = on_sqlite(tmp_path_factory.mktemp("history"))
    made.had(
        ran(WEB, 0, "", failed(BOOM, "exit 1"), took("Exec[apt]", 60.0), place=ANGERS),
        ran(WEB, HOUR, "", changed(MOTD, corrective=True), place=ANGERS),
        ran(MAIL, HOUR, place=LILLE),
        without_catalog("gone.lab.test", 2 * HOUR),
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def asked(past: Past) -> Asked:
    return Asked(past.url, estate())


@pytest.mark.parametrize(
    ("path", "body", "field", "count"),
    [
        (f"?{PERIOD}", "runs", "runs", 4),
        ("/last", "runs_last", "runs", 2),
        (f"/changes?{PERIOD}", "runs_changes", "changes", 2),
        (f"/failing?{PERIOD}", "runs_failing", "failing", 2),
        (f"/drift?{PERIOD}", "runs_drift", "drift", 1),
        (f"/slow?{PERIOD}", "runs_slow", "slow", 1),
        (f"/slow?{PERIOD}&by=node", "runs_slow", "slow", 1),
        (f"/unseen?since={NOW:.0f}", "runs_unseen", "unseen", 2),
        (f"/by/site?{PERIOD}", "runs_by", "places", 3),
        (f"/by/hypervisor?{PERIOD}", "runs_by", "places", 3),
    ],
)
def test_each_question_is_answered_as_its_schema_says(
    asked: Asked, path: str, body: str, field: str, count: int
) -> None:
    reply = asked.get(path)
    assert reply.status_code == 200, reply.data
    decoded = msgspec.json.decode(reply.data, type=BODIES[body])
    assert msgspec.json.decode(msgspec.json.encode(decoded)) == reply.json
    assert len(getattr(decoded, field)) == count


def test_one_run_is_told_whole(asked: Asked) -> None:
    body: Any = msgspec.json.decode(asked.get(f"/{uuid_of(WEB, 0)}").data, type=BODIES["run"])
    assert (body.run.certname, body.events[0].message, body.slowest[0].resource) == (WEB, "exit 1", "Exec[apt]")


def test_a_run_that_there_is_not_is_no(asked: Asked) -> None:
    assert asked.get("/10000000-0000-4000-8000-000000000000").status_code == 404


def test_runs_are_told_a_page_at_a_time(asked: Asked) -> None:
    first = msgspec.json.decode(asked.get(f"?{PERIOD}&limit=3").data, type=RunsBody)
    rest = msgspec.json.decode(asked.get(f"?{PERIOD}&limit=3&after={first.next}").data, type=RunsBody)
    assert (len(first.runs), len(rest.runs), rest.next) == (3, 1, None)
    reply = asked.get(f"?{PERIOD}&after=10000000-0000-4000-8000-000000000000")
    assert (reply.status_code, "begin anew without `after`" in reply.json["error"]) == (404, True)


def test_last_runs_are_of_nodes_that_there_are_the_others_are_named(asked: Asked) -> None:
    told = asked.get("/last").json
    assert [one["certname"] for one in told["runs"]] == [WEB, MAIL]
    assert (told["gone"], told["counts"]) == (["gone.lab.test"], {"failed": 1, "changed": 0, "unchanged": 1})


def test_before_the_estate_is_known_nobody_is_called_gone_and_nobody_unseen(past: Past) -> None:
    unread = Asked(past.url, UNREAD)
    told = unread.get("/last").json
    assert (told["gone"], told["counts"]["failed"]) == (None, 2)
    assert unread.get("/unseen").status_code == 503


def test_nodes_that_should_run_and_were_not_seen_are_told_with_where_they_belong(asked: Asked) -> None:
    told = asked.get(f"/unseen?since={NOW - HOUR / 2:.0f}").json
    assert [(one["certname"], one["site"], one["last"]) for one in told["unseen"]] == [
        ("hv1.lab.test", "angers", None),
        (MAIL, "", NOW - HOUR),
    ]
    assert told["nodes"] == 3
    assert [one["certname"] for one in asked.get(f"/unseen?since={NOW:.0f}&site=angers").json["unseen"]] == [
        "hv1.lab.test"
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "/last?color=red",
            "unknown parameter 'color': expected host, site, hypervisor, status, limit, after",
        ),
        ("?limit=0", "`limit` '0': expected a number from 1 to 1000"),
        ("?limit=1001", "from 1 to 1000"),
        ("?limit=99999999999999999999", "from 1 to 1000"),
        ("?limit=-1", "from 1 to 1000"),
        ("?limit=١٢", "from 1 to 1000"),
        ("?limit=1&limit=2", "`limit` is given 2 times: expected at most 1"),
        ("?since=nan", "`since` 'nan': expected seconds since the epoch, such as 1795737600"),
        ("?since=inf", "expected seconds since the epoch"),
        ("?since=-1", "expected seconds since the epoch"),
        ("?since=1e300", "expected seconds since the epoch"),
        ("?since=2d", "expected seconds since the epoch"),
        ("?since=" + "9" * 5000, "expected seconds since the epoch"),
        ("?since=200&until=100", "`since` (200) is later than `until` (100)"),
        ("?status=broken", "no status 'broken' is known: expected failed, changed, unchanged"),
        ("?host=Web01", "not a certname"),
        ("?site=", "expected text of 1 to 1000 characters"),
        ("?site=a%00b", "expected text of 1 to 1000 characters"),
        ("?after=" + "x" * 1001, "expected text of 1 to 1000 characters"),
        ("?" + "&".join(f"host=h{number}" for number in range(101)), "`host` is given 101 times: expected at most 100"),
        ("/changes?event=none", "no event 'none' is known: expected success, failure, noop, audit"),
        ("/slow?by=site", "expected node"),
        ("/a%00b", "expected text"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_with_what_was_expected(asked: Asked, query: str, expected: str) -> None:
    reply = asked.get(query)
    assert (reply.status_code, expected in reply.json["error"]) == (400, True), reply.json


HOSTILE = ("' OR '1'='1", "angers'; DROP TABLE runs; --", "%", "\\", "é", "\U0001f525", "\x1b[2J")


@pytest.mark.parametrize("value", HOSTILE)
def test_whatever_is_asked_for_is_data(asked: Asked, value: str) -> None:
    for path in ("", "/last", "/by/site", "/failing", "/slow"):
        reply = asked.client.get(f"/runs{path}", query_string={"site": value})
        assert reply.status_code == 200
    assert asked.client.get("/runs/failing", query_string={"resource": value}).data.startswith(b'{"since":')
    assert len(asked.get(f"?{PERIOD}").json["runs"]) == 4


def test_a_question_goes_back_as_far_as_the_pages_say_where_nobody_says_it(asked: Asked) -> None:
    told = {path: asked.get(path).json for path in ("", "/changes", "/failing", "/drift", "/slow", "/by/site")}
    assert [round((one["until"] - one["since"]) / DAY) for one in told.values()] == [1, 1, 7, 7, 7, 1]


@pytest.fixture
def guarded(past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """With TLS: a Puppet server, an administrator and a machine of monitoring are named."""
    monkeypatch.setattr("web.access.certificate_name", lambda _file: "enclume.lab.test")
    access = {"servers": ["puppet"], "administrators": ["admin"], "monitoring": ["icinga"]}
    tls = dict.fromkeys(("certificate", "key", "ca"), str(tmp_path / "x.pem"))
    return Asked(past.url, estate(), tls=tls, access=access)


@pytest.mark.parametrize("path", LISTS)
def test_who_may_read_of_all_nodes_may_read_runs_and_a_host_its_own(guarded: Asked, path: str) -> None:
    assert [guarded.get(path, peer).status_code for peer in ("puppet", "admin", "icinga")] == [200, 200, 403]
    assert guarded.get(path, WEB).status_code == 403
    assert guarded.get(f"{path}?host={WEB}", WEB).status_code == 200
    assert guarded.get(f"{path}?host={WEB}", MAIL).status_code == 403
    assert guarded.get(f"{path}?host={WEB}&host={MAIL}", WEB).status_code == 403


def test_a_host_may_read_its_own_run_and_learns_nothing_of_others(guarded: Asked) -> None:
    own, nothing = uuid_of(WEB, 0), "10000000-0000-4000-8000-000000000000"
    assert [guarded.get(f"/{own}", peer).status_code for peer in (WEB, "puppet", "icinga", MAIL)] == [
        200,
        200,
        403,
        403,
    ]
    assert guarded.get(f"/{nothing}", MAIL).data == guarded.get(f"/{own}", MAIL).data
    assert guarded.get(f"/{nothing}", "puppet").status_code == 404


def test_a_history_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    reply = Asked(f"sqlite:///{tmp_path}/history.sqlite", estate()).get("/last")
    assert (reply.status_code, "history.sqlite" in reply.json["error"]) == (503, True)


class Slow:
    """Answers that wait until they may go on."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Semaphore(0), threading.Event()

    def runs(self, _what: object, _estate: object) -> RunsBody:
        self.entered.release()
        self.go.wait(10)
        return RunsBody(0, 0, (), None)


def test_few_requests_may_wait_for_the_database_and_the_others_are_told_at_once(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, asked = Slow(), Asked(past.url, estate())
    monkeypatch.setattr("web.runs_answers.Answers", lambda *_: slow)
    replies: list[Any] = []
    threads = [threading.Thread(target=lambda: replies.append(asked.get(""))) for _ in range(9)]
    for thread in threads:
        thread.start()
    assert [slow.entered.acquire(timeout=5) for _ in range(2)] == [True, True]
    until(lambda: replies, what="the ninth to be refused")
    assert not slow.entered.acquire(blocking=False)
    slow.go.set()
    for thread in threads:
        thread.join(10)
    assert [reply.status_code for reply in replies] == [503] + [200] * 8
    assert "asked by too many at one time" in replies[0].json["error"]


def test_the_database_is_not_loaded_before_somebody_asks_for_runs() -> None:
    code = "import sys, app; print('sqlalchemy' in sys.modules, 'web.runs' in sys.modules)"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout == "False True\n"


def test_what_the_database_says_is_told(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_asked: object) -> None:
        raise HistoryError("history.sqlite", "slow", "interrupted", "ask for a shorter period, or for fewer runs")

    monkeypatch.setattr("web.runs_answers.listed", late)
    reply = asked.get("")
    assert (reply.status_code, reply.json["error"]) == (
        503,
        "history.sqlite: interrupted; ask for a shorter period, or for fewer runs",
    )
