"""The shipped rules: each alert is tried by promtool, speaks of metrics that there are, and says what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.codes import CODES
from audit.verdict import CODES as VERDICTS
from exporters.catalogue import CATALOGUE
from tests.exporters.promql import metrics_of

ROOT = Path(__file__).parents[2]
RULES = ROOT / "exporters/prometheus/enclume.rules.yaml"
CASES = ROOT / "tests/exporters/prometheus/rules_test.yaml"

_GROUPS = yaml.safe_load(RULES.read_text())["groups"]
_RULES: list[dict[str, Any]] = [rule for group in _GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in _RULES if "alert" in rule]
RECORDS = {rule["record"] for rule in _RULES if "record" in rule}


GENERIC = {1: "EnclumeVerdict", 2: "EnclumeVerdictCritical", 3: "EnclumeVerdictUnknown"}
"""The alert that takes what has none of its own, by the verdict's number."""

OWN = {
    "backup_late": ("EnclumeBackupLate", "EnclumeBackupVeryLate"),
    "backup_never": ("EnclumeBackupNever",),
    "backup_missing": ("EnclumeBackupNever",),
    "backup_nobody": ("EnclumeBackupNever",),
    "backup_unknown": ("EnclumeBackupUnknown",),
    "backup_failed": ("EnclumeBackupFailed",),
    "nfsd_down": ("EnclumeNfsdDown",),
    "nfsd_starved": ("EnclumeNfsdStarved",),
    "nfsd_client_silent": ("EnclumeNfsdClientSilent",),
    "mirror_behind": ("EnclumeDrbdBehind",),
    "mirror_split_brain": ("EnclumeDrbdSplitBrain",),
    "mirror_disk": ("EnclumeDrbdDiskLost",),
    "source_late": ("EnclumeSourceDown", "EnclumeSourceOld"),
    "answers_old": ("EnclumeSourceDown", "EnclumeSourceOld"),
    "answer_held": ("EnclumeGenerationHeld",),
    "generation_held": ("EnclumeGenerationHeld",),
    "observation_late": ("EnclumeObservationOld",),
    "split_brain": ("EnclumeGuestSplitBrain",),
    "not_running": ("EnclumeGuestNotRunning",),
    "no_domain": ("EnclumeGuestNoDomain",),
    "paused_io_error": ("EnclumeGuestPausedIoError",),
    "stuck": ("EnclumeGuestMonitorBusy",),
    "shared_disk": ("EnclumeGuestSharedDisk",),
    "wrong_hypervisor": ("EnclumeGuestMisplaced",),
    "runs_unintended": ("EnclumeGuestMisplaced",),
    "backup_copy_running": ("EnclumeGuestMisplaced",),
    "missing_backup_copy": ("EnclumeGuestCopyUnfit",),
    "definition_drift": ("EnclumeGuestCopyUnfit",),
    "double_autostart": ("EnclumeGuestCopyUnfit",),
    "unmanaged": ("EnclumeGuestUnmanaged",),
    "placement_unknown": ("EnclumeGuestPlacementUnknown",),
    "hypervisor_loss": ("EnclumeHypervisorLossNotSurvived",),
    "imbalance": ("EnclumeSiteImbalanced",),
    "layer_boot": ("EnclumeLayerBoot",),
    "layer_run": ("EnclumeLayerViolation",),
    "layer_change": ("EnclumeLayerViolation",),
    "run_late": ("EnclumePuppetRunLate",),
    "run_never": ("EnclumePuppetNeverRan",),
    "run_unknown": ("EnclumePuppetRunsUnread",),
    "runs_unread": ("EnclumePuppetRunsUnread",),
    "run_failed": ("EnclumePuppetRunFailed",),
    "run_cached": ("EnclumePuppetCachedCatalog",),
}
"""The codes that have alerts of their own, which rest on figures beside the verdict or have their own patience."""


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


def left_out(status: int) -> set[str]:
    """The codes that the alert of all verdicts of a status leaves out, whatever else it looks at."""
    (rule,) = (rule for rule in ALERTS if rule["alert"] == GENERIC[status])
    text = " ".join(rule["expr"].split())
    found = re.fullmatch(rf"max without \(instance\) \(enclume_verdict_code\{{(.*)\}} == {status}\)", text)
    assert found, text
    matchers = found[1].split(",")
    patterns = [re.fullmatch(r' ?code!~"([a-z_|]+)"', matcher) for matcher in matchers]
    return {code for one in patterns for code in _named(one, text)}


def _named(matcher: re.Match[str] | None, text: str) -> list[str]:
    assert matcher is not None, text
    return matcher[1].split("|")


@pytest.mark.parametrize("status", GENERIC)
@pytest.mark.parametrize("code", CODES)
def test_every_verdict_that_is_not_ok_raises_an_alert_that_is_as_severe(code: str, status: int) -> None:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in ALERTS}
    if code in left_out(status):
        raised = {severities[alert] for alert in OWN[code]}
        assert raised >= {"critical"} if status == VERDICTS["critical"] else raised
    else:
        assert severities[GENERIC[status]] == ("critical" if status == VERDICTS["critical"] else "warning")


@pytest.mark.parametrize("code", OWN)
def test_what_has_an_alert_of_its_own_is_a_verdict_and_is_left_out_where_it_would_be_told_twice(code: str) -> None:
    assert code in CODES
    assert any(code in left_out(status) for status in GENERIC)


def test_what_is_left_out_has_an_alert_of_its_own() -> None:
    assert set().union(*map(left_out, GENERIC)) == set(OWN)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_knows_no_limit_that_a_setting_may_change(rule: dict[str, Any]) -> None:
    """It compares with nought, one or the number of a status, or with a limit that is told. What `EnclumeVerdictsOld`
    compares with is no setting.
    """
    numbers = re.findall(r"(?:[=<>]=?|\*)\s*(?:bool\s+)?(\d[\d.]*)", re.sub(r'"[^"]*"', '""', rule["expr"]))
    assert set(numbers) <= {"0", "1", "2", "3"} | ({"60"} if rule["alert"] == "EnclumeVerdictsOld" else set())
    assert "*" not in re.sub(r"\{[^}]*}", "", rule["expr"])


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


def test_the_example_hears_once_of_what_a_textfile_tells_too() -> None:
    """What enclume-observe writes for node_exporter has the names that /metrics has."""
    jobs = {
        job["job_name"]: job for job in yaml.safe_load((RULES.parent / "prometheus.yaml").read_text())["scrape_configs"]
    }
    once = {"source_labels": ["__name__"], "regex": "enclume_.*", "action": "drop"}
    assert once in jobs["node"]["metric_relabel_configs"]
    assert "metric_relabel_configs" not in jobs["enclume"]


@pytest.mark.parametrize("name", ["prometheus.yaml", "demonstration.yaml"])
def test_promtool_accepts_an_example_of_a_configuration_beside_the_rules(tmp_path: Path, name: str) -> None:
    """As it is, but for the certificates, which are not on this machine."""
    shutil.copy(RULES, tmp_path)
    text = (RULES.parent / name).read_text()
    for path in set(re.findall(r"/etc/\S+", text)):
        (tmp_path / Path(path).name).touch()
        text = text.replace(path, Path(path).name)
    (tmp_path / name).write_text(text)
    promtool("check", "config", tmp_path / name)
