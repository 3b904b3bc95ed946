"""What of a report is kept: nearly nothing of an unchanged run, what happened of any other."""

from typing import Any

import msgspec
import pytest

from reports import rows
from reports.report import LogLine, Resource
from reports.rows import Keeping, Metrics
from tests.reports.runs import NOON, changed, content, failed, received

LINES = tuple(LogLine(level=level, message=level) for level in (*rows.LEVELS, "strange"))
GRAVE = ["warning", "err", "alert", "emerg", "crit", "strange"]


@pytest.mark.parametrize(
    "told",
    [
        {"status": "changed"},
        {"status": "failed"},
        {"noop_pending": True},
        {"corrective": True},
        {"completed": False},
        {"changes": 1},
        {"cached_catalog": "on_failure"},
        {"resources": (Resource(name="File[/a]", events=(content(status="audit"),)),)},
    ],
)
def test_a_run_that_has_something_to_say_is_not_quiet(told: dict[str, Any]) -> None:
    assert rows.is_quiet(received().report)
    assert not rows.is_quiet(received(**told).report)


def test_of_very_many_numbers_few_are_kept_and_the_total_among_them() -> None:
    many = {f"n{number}": number for number in range(5000)}
    report = received(status="changed", counts={"total": 9} | many, events=many, times={**many, "total": 1e6}).report
    kept = rows.metrics(report)
    assert (len(kept.counts), len(kept.events), len(kept.times)) == (30, 30, 300)
    assert (kept.counts["total"], kept.times["total"]) == (9, 1e6)


def test_a_run_that_has_something_to_say_keeps_its_metrics() -> None:
    row = rows.run_row(changed(files=3))
    kept = msgspec.json.decode(row["metrics"], type=Metrics)
    assert (kept.counts["changed"], kept.times["config_retrieval"], kept.changes) == (3, 3.3812, 3)
    assert rows.run_row(received())["metrics"] is None


def test_of_the_log_of_a_quiet_run_only_what_is_grave_is_kept() -> None:
    assert [line.level for line in rows.kept_lines(received(logs=LINES).report, Keeping("debug"))] == GRAVE


@pytest.mark.parametrize(
    ("level", "kept"), [("notice", ["notice", *GRAVE]), ("warning", GRAVE), ("crit", GRAVE), ("debug", None)]
)
def test_of_any_other_log_from_the_level_that_is_asked(level: str, kept: list[str] | None) -> None:
    lines = rows.kept_lines(failed(logs=LINES).report, Keeping(level))
    assert [line.level for line in lines] == (kept or [line.level for line in LINES])


def test_a_slow_resource_is_kept_whatever_the_run() -> None:
    slow, fast = Resource(name="Exec[slow]", seconds=10), Resource(name="Exec[fast]", seconds=9)
    assert list(rows.kept_resources(received(resources=(fast, slow)).report, Keeping())) == [slow]
    assert list(rows.kept_resources(received(resources=(fast, slow)).report, Keeping(slow=1))) == [fast, slow]


def test_what_a_failure_left_undone_is_kept_up_to_a_number() -> None:
    undone = tuple(Resource(name=f"File[/{number}]", skipped=True) for number in range(5))
    wrong = Resource(name="Package[a]", failed=True)
    report = failed(resources=(*undone, wrong)).report
    assert list(rows.kept_resources(report, Keeping(skipped=2))) == [*undone[:2], wrong]
    assert list(rows.kept_resources(received(resources=undone).report, Keeping())) == []


def test_a_run_begins_before_it_ends_and_ends_before_it_is_received() -> None:
    row = rows.run_row(received(ended=NOON + 500, came=NOON, started=NOON + 400))
    assert (row["started"], row["ended"], row["received"]) == (NOON, NOON, NOON)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("nul\0", "nul�"),
        ("half\ud800", "half?"),
        ("été\0", "été�"),
        ("x" * 11, "xxxxxxxxx…"),
        ("x" * 10, "xxxxxxxxxx"),
    ],
)
def test_a_text_is_one_that_every_database_takes(text: str, kept: str) -> None:
    assert rows.clean(text, 10) == kept
