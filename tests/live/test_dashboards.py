"""The dashboards: a real Prometheus that has read everything finds something for each query of each panel."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from exporters.catalogue import CATALOGUE
from exporters.family import CONTENT_TYPE
from tests.exporters.everything import whole
from tests.exporters.promql import metrics_of
from tests.exporters.test_rules import RECORDS
from tests.live.prometheus import Prometheus
from tests.waiting import until
from tools.dashboards import FOLDER, dashboards

NAMES = ("placement", "backups", "storage", "puppet")
LOADED = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in NAMES}
QUERIES = [
    pytest.param(target["expr"], id=f"{name}: {panel['title']} {target['refId']}")
    for name in NAMES
    for panel in LOADED[name]["panels"]
    for target in panel["targets"]
]


class _Telling(BaseHTTPRequestHandler):
    """Tells everything; at each scrape what counts has grown."""

    turns = count()

    def do_GET(self) -> None:
        body = whole(next(self.turns)).encode()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Telling)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    job = {"job_name": "enclume", "static_configs": [{"targets": [f"127.0.0.1:{server.server_address[1]}"]}]}
    try:
        with Prometheus(tmp_path_factory.mktemp("prometheus"), [job]) as running:
            # Rates need two scrapes, the rules that record them an evaluation after that.
            until(lambda: running.query("guest:enclume_guest_storage_bytes:rate5m > 0"), 30, "rates")
            until(lambda: running.query("server:enclume_nfsd_waiting:ratio_rate5m > 0"), 30, "the recording rules")
            yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_every_panel_finds_something(prometheus: Prometheus, query: str) -> None:
    asked = query.replace("$site", ".*").replace("$__rate_interval", "5m")
    assert "$" not in asked
    assert prometheus.query(asked) != []


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_names_metrics_and_labels_that_there_are(query: str) -> None:
    known = {family.name: set(family.labels) for family in CATALOGUE}
    for name, labels in metrics_of(query):
        assert name in known or name in RECORDS or name.endswith("_bucket"), name
        assert labels <= known.get(name, labels), name


def test_the_sites_to_choose_from_are_those_that_are_told(prometheus: Prometheus) -> None:
    for loaded in LOADED.values():
        site = next(one for one in loaded["templating"]["list"] if one["name"] == "site")
        assert site["definition"] == "label_values(enclume_verdict_worst, site)"
    assert "angers" in {one["metric"].get("site") for one in prometheus.query("enclume_verdict_worst")}


def test_the_files_are_what_the_list_of_panels_makes() -> None:
    written = {path.stem: path.read_text() for path in Path(FOLDER).glob("*.json")}
    assert written == dashboards(), "run `make dashboards`"


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    for name, loaded in LOADED.items():
        cells = [
            (x, y)
            for panel in loaded["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), name
        assert all(x < 24 for x, _ in cells), name
        numbers = [panel["id"] for panel in loaded["panels"]]
        assert len(numbers) == len(set(numbers)), name
