"""The shipped rules: each alert is tried by promtool, speaks of metrics that there are, and says what to do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.catalogue import CATALOGUE
from tests.exporters.promql import metrics_of

ROOT = Path(__file__).parents[2]
RULES = ROOT / "exporters/prometheus/enclume.rules.yaml"
CASES = ROOT / "tests/exporters/prometheus/rules_test.yaml"
EXAMPLE = ROOT / "exporters/prometheus/prometheus.yaml"

_GROUPS = yaml.safe_load(RULES.read_text())["groups"]
_RULES: list[dict[str, Any]] = [rule for group in _GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in _RULES if "alert" in rule]
RECORDS = {rule["record"] for rule in _RULES if "record" in rule}


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules_and_each_alert_fires_and_ends() -> None:
    promtool("check", "rules", RULES)
    promtool("test", "rules", CASES)


def test_every_alert_is_tried_before_during_and_after_its_cause() -> None:
    tried: dict[str, list[bool]] = {}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for one in case["alert_rule_test"]:
            tried.setdefault(one["alertname"], []).append(bool(one["exp_alerts"]))
    assert tried == {rule["alert"]: [False, True, False] for rule in ALERTS}


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_speaks_only_of_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    known = {family.name: {*family.labels, "instance", "job"} for family in CATALOGUE} | {"up": {"instance", "job"}}
    for name, labels in metrics_of(rule["expr"]):
        assert name in known or name in RECORDS, name
        assert labels <= known.get(name, labels), name


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_where_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert len(rule["annotations"]["description"]) > 60
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (ROOT / page).read_text()
    headings = {
        re.sub(r"[^a-z0-9_ -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert anchor in headings | set(re.findall(r'<a id="([a-z_]+)"></a>', text)), f"{page} has no {anchor}"


def test_promtool_accepts_the_example_of_a_configuration(tmp_path: Path) -> None:
    example = tmp_path / "prometheus.yaml"
    text = EXAMPLE.read_text().replace("/usr/share/enclume/prometheus", str(RULES.parent))
    for path in set(re.findall(r"/etc/puppetlabs\S+", text)):
        (tmp_path / Path(path).name).touch()
        text = text.replace(path, str(tmp_path / Path(path).name))
    example.write_text(text)
    promtool("check", "config", "--syntax-only", example)
