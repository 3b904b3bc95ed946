"""`/metrics` and `/sd/JOB`: whom they tell, in which form, and what they say while nothing is known."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from app import Runtime, create_app
from facts.directory.memory import MemoryDirectory
from facts.inventory.memory import MemoryInventory
from tests.exporters.telling import values
from tests.web.serving import LDIF, Service, configured, service
from web.peer import PEER

WEB, SITE = "web.lab.test", "angers"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("state")) as served:
        served.wait_for(WEB)
        served.until(lambda: served.get("/metrics").status_code == 200, "the first verdicts")
        yield served


def text_of(served: Service, query: str = "") -> str:
    response = served.get(f"/metrics{query}")
    assert response.status_code == 200
    return str(response.text)


def test_the_text_is_prometheus_text_format(served: Service) -> None:
    response = served.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert len(list(text_string_to_metric_families(response.text))) > 10
    assert values(response.text, "guest_running_instances", guest=WEB, site=SITE) == {(): 1}


def test_whoever_accepts_gzip_gets_the_same_smaller(served: Service) -> None:
    zipped = served.client.get("/metrics", headers={"Accept-Encoding": "deflate, gzip;q=0.5"})
    assert (zipped.headers["Content-Encoding"], zipped.headers["Vary"]) == ("gzip", "Accept-Encoding")
    plain = served.client.get("/metrics", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers
    assert len(zipped.data) * 3 < len(plain.data)
    guests = values(plain.text, "guest_info")
    assert values(gzip.decompress(zipped.data).decode(), "guest_info") == guests != {}


def test_one_site_is_told_and_a_site_that_is_not_there_is_said(served: Service) -> None:
    assert values(text_of(served, "?site=angers"), "guest_info") != {}
    for path in ("/metrics", "/sd/node"):
        refused = served.get(f"{path}?site=paris")
        assert refused.status_code == 404
        assert "there are angers" in refused.json["error"]


def test_questions_are_counted_by_how_they_end(served: Service) -> None:
    def counted() -> dict[tuple[str, ...], float]:
        return values(text_of(served), "enc_requests_total")

    before = counted()
    ages = values(text_of(served), "enc_answer_age_seconds_count")[()]
    for path, result in ((WEB, "ok"), ("nobody.lab.test", "unknown"), ("NOBODY", "bad")):
        served.get(f"/enc/{path}")
        now = counted()
        assert now == {**before, (result,): before[result,] + 1}
        before = now
    assert values(text_of(served), "enc_answer_age_seconds_count") == {(): ages + 1}


def test_a_guest_that_is_removed_disappears_from_metrics_and_targets(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.until(lambda: WEB in served.get("/sd/node").text and WEB in served.get("/metrics").text, WEB)
        served.modify(f"dn: cn={WEB},ou=hosts,dc=lab,dc=test", "changetype: delete")
        served.until(lambda: WEB not in served.get("/sd/node").text, "the targets without it")
        served.until(lambda: f'guest="{WEB}"' not in served.get("/metrics").text, "the metrics without it")


def test_verdicts_that_are_made_no_more_grow_old_and_are_counted_until_they_are_again(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        auditor = served.runtime.auditor
        served.until(lambda: served.get("/metrics").status_code == 200, "the first verdicts")
        look = auditor._look
        auditor._look = lambda: 1 / 0  # type: ignore[assignment, return-value]

        def told(name: str) -> float:
            auditor.wake()
            return values(text_of(served), name)[()]

        served.until(lambda: told("verdicts_failed_total") >= 1, "an audit that fails")
        then, failed = told("verdicts_timestamp_seconds"), told("verdicts_failed_total")
        served.until(lambda: told("verdicts_failed_total") > failed, "the next one")
        assert told("verdicts_timestamp_seconds") == then
        auditor._look = look
        served.until(lambda: told("verdicts_timestamp_seconds") > then, "verdicts that are made again")


def test_a_job_that_is_not_there_is_said_with_those_that_are(served: Service) -> None:
    refused = served.get("/sd/dns")
    assert refused.status_code == 404
    assert "node, libvirt, puppet" in refused.json["error"]


def test_the_targets_are_json(served: Service) -> None:
    response = served.get("/sd/libvirt")
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.data)[0]["targets"] == ["hv1.lab.test:9177"]


def test_before_anything_is_known_it_is_said_that_nothing_is(tmp_path: Path) -> None:
    app = create_app(Runtime(configured(tmp_path)))
    for path in ("/metrics", "/sd/node"):
        response = app.test_client().get(path)
        assert response.status_code == 503
        assert "/health/ready" in response.text


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service that knows its clients by their certificates."""
    folder = tmp_path_factory.mktemp("tls")
    own = trustme.CA().issue_cert("enclume.lab.test", common_name="enclume.lab.test")
    own.cert_chain_pems[0].write_to_path(folder / "own.pem")
    tls = {"certificate": str(folder / "own.pem"), "key": "unused", "ca": "unused"}
    access = {"servers": ["puppet.lab.test"], "administrators": ["admin.lab.test"], "monitoring": ["icinga.lab.test"]}
    settings = configured(folder, tls=tls, access=access)
    runtime = Runtime(settings, MemoryDirectory(settings.directory, LDIF), MemoryInventory())
    client = create_app(runtime).test_client()
    return lambda path, peer: client.get(path, environ_base={PEER: peer}).status_code


@pytest.mark.parametrize("path", ["/metrics", "/sd/node"])
@pytest.mark.parametrize(
    ("peer", "status"),
    [
        ("icinga.lab.test", 503),
        ("puppet.lab.test", 503),
        ("admin.lab.test", 503),
        ("enclume.lab.test", 503),
        (WEB, 403),
    ],
)
def test_monitoring_and_whoever_may_read_all_nodes_may_ask(guarded: Any, path: str, peer: str, status: int) -> None:
    assert guarded(path, peer) == status


def test_monitoring_may_read_no_answer(guarded: Any) -> None:
    assert guarded(f"/enc/{WEB}", "icinga.lab.test") == 403
