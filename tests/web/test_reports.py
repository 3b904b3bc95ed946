"""`POST /reports`: acknowledged once safe on disk, refused with a sentence, and what came of it seen by everybody."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.backlog import Backlog
from reports.rejected import kept
from reports.report import Place
from reports.whose import host_of
from tests.exporters.telling import values
from tests.reports.papers import capture
from tests.reports.spooling import body, fresh
from tests.waiting import until
from tests.web.serving import Service, configured, service
from tests.web.test_metrics import text_of

WEB = "web.lab.test"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("state")
    with service(folder, reports={"body_bytes": 100_000}, metrics={"legacy_names": True}) as served:
        served.wait_for(WEB)
        served.until(lambda: served.get("/metrics").status_code == 200, "the first verdicts")
        yield served


def post(served: Service, data: bytes, **headers: str) -> Any:
    return served.client.post("/reports", data=data, headers=headers)


def count(served: Service, family: str) -> dict[tuple[str, ...], float]:
    return values(text_of(served), family)


def test_a_report_is_acknowledged_read_and_seen_in_metrics_and_verdicts(served: Service) -> None:
    received = count(served, "reports_received_total")[()]
    response = post(served, body(WEB), **{"Content-Type": "application/x-yaml; charset=UTF-8"})
    assert (response.status_code, response.data) == (202, b"")
    served.until(lambda: WEB in served.runtime.reports.runs, "the run")
    served.until(lambda: "enclume_puppet_run_status" in text_of(served), "its metrics")
    of = {"site": "angers", "certname": WEB}
    assert count(served, "reports_received_total") == {(): received + 1}
    served.until(lambda: count(served, "reports_spooled") == {(): 0}, "an empty spool")
    run = served.runtime.reports.runs[WEB]
    assert values(text_of(served), "puppet_last_run_timestamp_seconds", **of) == {(): run.ended_at}
    assert values(text_of(served), "puppet_last_success_timestamp_seconds", **of) == {(): run.ended_at}
    assert values(text_of(served), "puppet_run_status", **of) == {("unchanged",): 1}
    assert values(text_of(served), "puppet_cached_catalog", **of) == {}
    assert values(text_of(served), "puppet_resources", **of)["total",] == run.resources["total"]
    assert f'puppet_report{{environment="production",host="{WEB}"}}' in text_of(served)
    assert 'puppet_transaction_completed{environment="production"' in text_of(served)
    served.until(lambda: codes(served, f"&host={WEB}") == {"run_late": "critical"}, "the verdict")
    assert codes(served)["run_never"] == "warning"


@pytest.mark.parametrize(
    ("data", "status", "reason", "says"),
    [
        (b"", 400, "empty", "the body is empty"),
        (b"hello", 400, "no report", "begins with `--- !ruby/object:Puppet::Transaction::Report`"),
        (b"--- {}\n", 400, "no report", "begins with"),
        (b'{"host": "x"}', 400, "no report", "begins with"),
        (b"--- !ruby/object:Puppet::Transaction::ReportX\n", 400, "no report", "begins with"),
        (body(WEB) + b"#" * 100_000, 413, "too large", "more than reports.body_bytes (100000)"),
    ],
)
def test_what_is_no_report_is_refused_with_a_sentence_and_counted(
    served: Service, data: bytes, status: int, reason: str, says: str
) -> None:
    before = count(served, "reports_rejected_total").get((reason,), 0)
    response = post(served, data)
    assert response.status_code == status
    assert says in response.json["error"]
    assert count(served, "reports_rejected_total")[reason,] == before + 1


def test_what_is_kept_aside_and_has_to_go_is_counted_and_logged_with_its_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with service(tmp_path, reports={"rejected_bytes": 1024}) as served:
        served.wait_for(WEB)
        served.until(lambda: served.get("/metrics").status_code == 200, "the first verdicts")
        assert post(served, body(WEB).replace(b"\nmetrics:", b"\nnothing:")).status_code == 202
        served.until(lambda: ("lost",) in count(served, "reports_rejected_total"), "the count")
        assert count(served, "reports_rejected_total") == {("cannot be read",): 1, ("lost",): 1}
    said = f"removed from {tmp_path}/spool/rejected: 1 of {WEB}, the last: cannot be read: metrics is missing"
    assert said in caplog.text


def test_a_body_that_is_packed_is_refused_with_what_to_do(served: Service) -> None:
    response = post(served, body(WEB), **{"Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert "send it as it is" in response.json["error"]


def test_what_begins_like_a_report_and_makes_no_sense_is_kept_aside_and_counted(served: Service) -> None:
    assert post(served, b"--- !ruby/object:Puppet::Transaction::Report\nhost: [\n").status_code == 202
    served.until(lambda: count(served, "reports_rejected_total").get(("cannot be read",)), "the count")
    (one,) = kept(served.runtime.reports.spool.folder)
    assert one.reason.startswith("cannot be read: ")


def test_a_disk_without_room_is_a_507_and_a_problem_that_goes_by_itself(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        response = post(served, body(WEB))
    assert response.status_code == 507
    assert "the report is not kept: " in response.json["error"]
    assert "No space left on device; check space and permissions" in response.json["error"]
    said = [one for one in served.get("/health/ready").json["problems"] if "No space left" in one]
    assert said == [f"the last report of a Puppet run was refused: {response.json['error'].partition(': ')[2]}"]
    served.until(lambda: "No space left" in str(served.get("/verdicts?check=enc").json), "the verdict")
    assert post(served, body(WEB)).status_code == 202
    assert served.get("/health/ready").json["problems"] == []


def test_where_the_node_is_now_is_kept_with_its_report_unless_it_is_a_replay(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.wait_for(WEB)
        pid = until(lambda: served.runtime.reports.pid, what="the child")
        assert pid is not None
        until(lambda: served.runtime.reports.is_reading, what="the child to read")
        os.kill(pid, signal.SIGSTOP)
        for certname in (WEB, "who.lab.test"):
            assert post(served, body(certname)).status_code == 202
        assert served.client.post("/reports?replay=1", data=body("mail.lab.test")).status_code == 202
        backlog = Backlog(served.runtime.reports.spool.folder)
        found = [backlog.read(name) for name in backlog.look()[0]]
        assert [each[0].place for each in found if each] == [Place("angers", "hv1.lab.test"), Place(), Place()]
        os.kill(pid, signal.SIGCONT)
        served.until(lambda: served.runtime.reports.runs.keys() == {WEB, "who.lab.test", "mail.lab.test"}, "the runs")
        known = dict(served.runtime.reports.runs)
        os.kill(pid, signal.SIGKILL)
        served.until(lambda: served.runtime.reports.pid not in (pid, None), "another child")
        assert post(served, body("new.lab.test")).status_code == 202
        served.until(lambda: "new.lab.test" in served.runtime.reports.runs, "the new run")
        assert all(served.runtime.reports.runs[name] is run for name, run in known.items())
    with service(tmp_path) as again:
        again.until(lambda: len(again.runtime.reports.runs) == 4, "the last runs after a restart")
        assert again.runtime.reports.runs == {**known, "new.lab.test": again.runtime.reports.runs["new.lab.test"]}


@pytest.mark.parametrize("name", ["changed-notify-only", "failed-catalog", "failed", "noop", "unchanged"])
def test_whose_report_it_is_is_seen_without_reading_it(name: str) -> None:
    text = capture(name)
    certname = text.split(b"\nhost: ")[1].split(b"\n")[0].decode()
    assert host_of(text, "puppet") == certname


@pytest.mark.parametrize(
    ("text", "certname"),
    [
        (b"--- !ruby/object:Puppet::Transaction::Report\n  metrics: {}\n  host: web01.lab.test\n  kind: apply\n", 1),
        (b"--- !ruby/object:Puppet::Transaction::Report\nlogs: []\nhost: 'web01.lab.test'\r\n", 1),
        (b'--- !ruby/object:Puppet::Transaction::Report\nhost: "web01.lab.test"', 1),
        (b"--- !ruby/object:Puppet::Transaction::Report\nlogs: []\n", 0),
        (b"--- !ruby/object:Puppet::Transaction::Report\nhost: \xff\n", 2),
    ],
)
def test_other_ways_to_write_a_host(text: bytes, certname: int) -> None:
    assert host_of(text, "puppet") == ("", "web01.lab.test", "\ufffd")[certname]


def test_foremans_host() -> None:
    assert host_of(b'{"config_report":{"host":"web01.lab.test","reported_at":1}}', "foreman") == "web01.lab.test"
    assert host_of(b'{"config_report":{"logs":[{"host":"x"}]}}', "foreman") == ""


def test_without_a_report_nothing_is_said_of_runs(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.wait_for(WEB)
        until(lambda: not served.runtime.reports.unread, what="the history")
        assert not served.runtime.reports.reporting
        served.until(lambda: codes(served) == {}, "the verdicts")
        assert served.get("/icinga").status_code == 200
        assert configured(tmp_path).database_url == f"sqlite:///{tmp_path}/history.sqlite"


def codes(served: Service, more: str = "") -> dict[str, str]:
    """What the check puppet says, as codes with their status, or `none` while there are no verdicts yet."""
    reply = served.get(f"/verdicts?check=puppet{more}")
    told = reply.json["verdicts"] if reply.status_code == 200 else [{"code": "none", "status": "yet"}]
    return {one["code"]: one["status"] for one in told}


def reported(folder: Path) -> bytes:
    """A service took a report and has ended; Icinga's configuration as it was."""
    with service(folder) as served:
        served.wait_for(WEB)
        assert post(served, fresh(body(WEB, report=capture("failed")))).status_code == 202
        served.until(lambda: codes(served).get("run_failed") == "critical", "the failed run")
        served.until(lambda: codes(served).get("runs_read") == "ok", "the reports to be read")
        return bytes(served.get("/icinga").data)


def hide(folder: Path) -> Callable[[], None]:
    """Take the history away; what gives it back."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for path in folder.glob("history.sqlite*"):
        path.rename(elsewhere / path.name)
    (folder / "history.sqlite").mkdir()

    def give_back() -> None:
        (folder / "history.sqlite").rmdir()
        for path in elsewhere.iterdir():
            path.rename(folder / path.name)

    return give_back


def test_a_restart_while_the_history_cannot_be_read_goes_on_with_the_last_runs(tmp_path: Path) -> None:
    before, give_back = reported(tmp_path), hide(tmp_path)
    with service(tmp_path) as served:
        served.until(lambda: served.get("/icinga").status_code == 200, "the configuration")
        assert served.get("/icinga").data == before
        assert values(text_of(served), "puppet_run_status", certname=WEB) == {("angers", "failed"): 1}
        served.until(lambda: "history.sqlite" in served.runtime.reports.unread, "the reason")
        said = {"run_failed": "critical", "run_unknown": "unknown", "runs_unread": "unknown"}
        assert {code: status for code, status in codes(served).items() if status != "ok"} == said
        ages = {one["code"]: one["sources"] for one in served.get("/verdicts?check=puppet").json["verdicts"]}
        assert ages["run_unknown"] == [{"kind": "reports", "target": "history", "age": None}]
        give_back()
        served.until(lambda: codes(served).get("runs_read") == "ok", "the history")
        assert codes(served)["run_never"] == "warning"
        assert served.get("/icinga").data == before


def test_where_no_runs_were_kept_either_nobody_takes_them_for_none(tmp_path: Path) -> None:
    before, give_back = reported(tmp_path), hide(tmp_path)
    (tmp_path / "runs").unlink()
    with service(tmp_path) as served:
        served.wait_for(WEB)
        served.until(lambda: "history.sqlite" in str(served.get("/icinga").json), "the refusal to say why")
        assert served.get("/icinga").status_code == 503
        assert codes(served) == {"runs_unread": "unknown"}
        give_back()
        served.until(lambda: served.get("/icinga").status_code == 200, "the history")
        assert served.get("/icinga").data == before


def test_while_nothing_is_read_for_too_long_it_is_said_until_all_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.source._BEHIND", 2.0)
    with service(tmp_path) as served:
        reports = served.runtime.reports
        until(lambda: not reports.unread, what="the history")
        pid = reports.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert post(served, body(WEB)).status_code == 202
        until(lambda: "waits in the spool (1 report) has not been read yet" in reports.unread, what="the delay")
        os.kill(pid, signal.SIGCONT)
        until(lambda: WEB in reports.runs and not reports.unread, what="the report to be read")
