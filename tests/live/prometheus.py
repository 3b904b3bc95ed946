"""A private Prometheus on loopback, and ways to ask it."""

import http.client
import json
import os
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.waiting import free_port, until

RULES = Path(__file__).parents[2] / "exporters" / "prometheus" / "enclume.rules.yaml"


def impatient(rules: str) -> str:
    """The same rules; their alerts fire as soon as their expressions hold."""
    content = yaml.safe_load(rules)
    for rule in (rule for group in content["groups"] for rule in group["rules"]):
        rule.pop("for", None)
    return yaml.safe_dump(content)


class Prometheus:
    """Scrapes these jobs every second, and evaluates the shipped rules as often, without their patience."""

    def __init__(self, folder: Path, jobs: Sequence[Mapping[str, Any]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._port = folder, free_port()
        self._config = folder / "prometheus.yaml"
        rules = folder / "rules.yaml"
        rules.write_text(impatient(RULES.read_text()))
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        content = {"global": every, "rule_files": [str(rules)], "scrape_configs": [dict(one) for one in jobs]}
        self._config.write_text(yaml.safe_dump(content))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [
            "prometheus", f"--config.file={self._config}", f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn",
        ]  # fmt: skip
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        try:
            until(self._ready, 30, "Prometheus to be ready")
        except AssertionError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _api(self, path: str, **query: str) -> Any:
        status, body = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
        answer = json.loads(body)
        assert (status, answer["status"]) == (200, "success"), answer
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        """What an expression gives now: label sets with values. An error of Prometheus's fails the test."""
        return list(self._api("query", query=expression)["result"])

    def value(self, expression: str) -> float | None:
        """The value of an expression that gives one or nothing."""
        found = self.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def firing(self, alert: str) -> list[dict[str, Any]]:
        """The firing alerts of one name, with their labels and annotations."""
        alerts = self._api("alerts")["alerts"]
        return [one for one in alerts if one["labels"]["alertname"] == alert and one["state"] == "firing"]

    def raised(self, alert: str, **labels: str) -> list[dict[str, Any]]:
        """The firing alerts of one name that have these labels."""
        return [one for one in self.firing(alert) if labels.items() <= one["labels"].items()]

    def targets(self, job: str) -> dict[str, dict[str, Any]]:
        """The active targets of a job, by their instances: several may have one address."""
        active = self._api("targets", state="active")["activeTargets"]
        return {one["labels"]["instance"]: one for one in active if one["scrapePool"] == job}
