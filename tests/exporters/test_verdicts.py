"""The verdicts as metrics: the worst of each check at each site, and each that is not ok."""

from typing import Any

import pytest

from audit import all as engine
from audit.verdict import Verdict
from tests.audit.situations import NOON, Scene
from tests.exporters.telling import told, values
from tests.factories import site


@pytest.fixture(autouse=True)
def _stated_verdicts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "HOST_AUDITS", {})
    monkeypatch.setattr(engine, "GROUP_AUDITS", {})


def verdict(subject: str, status: str, **more: Any) -> Verdict:
    stated = {"check": "data", "code": "x", "site": "angers", "sentence": ""} | more
    return Verdict(subject=subject, status=status, **stated)  # type: ignore[arg-type]


def text(*stated: Verdict, at: str = "") -> str:
    return told(Scene(site("angers"), site("lyon")), at, stated=stated)


def test_what_is_ok_counts_for_its_check_and_has_no_series_of_its_own() -> None:
    now = text(verdict("web", "ok"))
    assert values(now, "verdict_worst") == {("data", "angers"): 0}
    assert values(now, "verdict") == {}


def test_what_is_not_ok_is_told_with_its_number() -> None:
    now = text(verdict("web", "warning"), verdict("mail", "critical"), verdict("git", "unknown"))
    assert values(now, "verdict") == {
        ("data", "angers", "web"): 1, ("data", "angers", "mail"): 2, ("data", "angers", "git"): 3,
    }  # fmt: skip


def test_what_is_unknown_is_worse_than_a_warning_and_better_than_critical() -> None:
    assert values(text(verdict("a", "warning"), verdict("b", "unknown")), "verdict_worst") == {("data", "angers"): 3}
    assert values(text(verdict("a", "critical"), verdict("b", "unknown")), "verdict_worst") == {("data", "angers"): 2}


def test_two_rules_about_one_subject_are_one_series_the_worse() -> None:
    now = text(verdict("web", "warning"), verdict("web", "critical", code="y"))
    assert values(now, "verdict") == {("data", "angers", "web"): 2}
    assert values(now, "verdict_code") == {("data", "x", "angers", "web"): 1, ("data", "y", "angers", "web"): 2}


def test_when_the_verdicts_were_made_is_told() -> None:
    assert values(text(), "verdicts_timestamp_seconds") == {(): NOON}


def test_another_sites_verdicts_are_left_out_and_those_of_no_site_are_told() -> None:
    stated = (verdict("web", "warning"), verdict("git", "warning", site="lyon"), verdict("ldap", "warning", site=""))
    now = text(*stated, at="lyon")
    assert sorted(values(now, "verdict")) == [("data", "", "ldap"), ("data", "lyon", "git")]
