"""`DELETE /runs/last/CERTNAME`: a node that is no more is forgotten by everybody, and no other is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import Runtime, create_app
from facts.directory.memory import MemoryDirectory
from facts.inventory.memory import MemoryInventory
from tests.reports.spooling import body
from tests.waiting import until
from tests.web.serving import BASE, LDIF, Service, configured, service
from web import forgetting
from web.peer import PEER

WEB, GONE = "web.lab.test", "gone.lab.test"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # However long ago the runs of the fixture ended, they are not too old to be spoken of.
    with service(tmp_path_factory.mktemp("state"), thresholds={"run_seconds": 1e9}) as served:
        served.wait_for(WEB)
        yield served


def report(served: Service, certname: str, number: int) -> None:
    assert served.client.post("/reports", data=body(certname, number)).status_code == 202
    until(lambda: certname in served.runtime.reports.runs, what="the run")


def delete(served: Service, certname: str) -> tuple[int, Any]:
    response = served.client.delete(f"/runs/last/{certname}")
    return response.status_code, (response.json or {}).get("error") if response.is_json else None


def strangers(served: Service) -> str:
    verdicts = served.get("/verdicts?check=puppet").json["verdicts"]
    return "".join(one["sentence"] for one in verdicts if one["code"] == "run_of_nobody")


def test_a_node_that_left_the_directory_is_forgotten(served: Service) -> None:
    report(served, GONE, 1)
    report(served, WEB, 2)
    until(lambda: GONE in strangers(served), what="the verdict")
    assert "`enclume runs forget`" in strangers(served)
    assert delete(served, GONE) == (204, None)
    assert GONE not in served.runtime.reports.runs
    assert WEB in served.runtime.reports.runs
    assert served.get(f"/runs/last?host={GONE}").json["runs"] == []
    left = {run["certname"] for run in served.get("/runs?since=1").json["runs"]}
    assert WEB in left
    assert GONE not in left
    until(lambda: GONE not in strangers(served), what="the verdict to go")
    assert delete(served, GONE) == (404, f"no run of {GONE} is known")


def test_a_node_that_reports_again_is_known_again(served: Service) -> None:
    report(served, "back.lab.test", 3)
    assert delete(served, "back.lab.test")[0] == 204
    report(served, "back.lab.test", 4)
    assert delete(served, "back.lab.test")[0] == 204


def test_what_is_in_the_directory_keeps_its_runs(served: Service) -> None:
    report(served, WEB, 5)
    status, error = delete(served, WEB)
    assert (status, error) == (409, f"{WEB} is in the directory, or served still: its runs stay as long as it does")
    assert WEB in served.runtime.reports.runs


def test_a_host_whose_entry_makes_no_node_keeps_its_runs(served: Service) -> None:
    """What is wrong in its entry will be put right: it stands there all the same."""
    template = f"dn: cn=odd.lab.test,ou=hosts,{BASE}", "changetype: add", "objectClass: device"
    served.modify(*template, "objectClass: enclumeHost", "cn: odd.lab.test", "enclumeKind: nonsense")
    report(served, "odd.lab.test", 6)
    until(lambda: served.runtime.now.estate and "odd.lab.test" in str(served.runtime.now.findings), what="the finding")
    assert delete(served, "odd.lab.test")[0] == 409


def test_what_is_no_certname_is_refused(served: Service) -> None:
    assert delete(served, "A..lab")[0] == 400


def test_what_takes_too_long_is_said(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    report(served, "slow.lab.test", 7)
    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "PATIENCE", 0.0)
        patch.setattr(served.runtime.reports._child, "forget", lambda _: None)
        status, error = delete(served, "slow.lab.test")
    assert (status, error) == (503, "slow.lab.test was not forgotten within 0 s (it goes on): ask again")
    assert delete(served, "slow.lab.test")[0] == 204


@pytest.mark.parametrize(("peer", "status"), [("admin.lab.test", 503), ("puppet.lab.test", 403), (GONE, 403)])
def test_administrators_alone_make_it_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: str, status: int
) -> None:
    """And while the directory was not read, nobody does."""
    monkeypatch.setattr("web.access.certificate_name", lambda _file: "enclume.lab.test")
    pem = str(tmp_path / "x.pem")
    access = {"servers": ["puppet.lab.test"], "administrators": ["admin.lab.test"]}
    settings = configured(tmp_path, tls={"certificate": pem, "key": pem, "ca": pem}, access=access)
    runtime = Runtime(settings, MemoryDirectory(settings.directory, LDIF), MemoryInventory())
    response = create_app(runtime).test_client().delete(f"/runs/last/{GONE}", environ_base={PEER: peer})
    assert response.status_code == status
