"""`enclume runs …`: the history of runs for people, and what the exit status says."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from commands import runs_text
from commands.runs_last import lines_of
from commands.times import instant
from generation.now import Now
from tests.commands.runs_service import RunsService
from tests.reports.past import (
    ANGERS,
    BOOM,
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
from tests.web.test_runs import estate

PERIOD = ("--since", "2026-11-26", "--until", "2026-11-27T00:01")
CLOCK = NOW + 60
KVM = "hv1.lab.test"


@pytest.fixture(scope="module", autouse=True)
def clock() -> Iterator[None]:
    """It stands a minute after `NOW`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: CLOCK)
        yield


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RunsService]:
    with RunsService(tmp_path, estate()) as service:
        yield service


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunsService]:
    """With a node that fails, one that is silent, one that changed, one that left. No test changes it."""
    with RunsService(tmp_path_factory.mktemp("history"), estate()) as service:
        service.past.had(
            ran(WEB, 0, "", failed(BOOM, "exit 1"), took("Exec[apt]", 60), place=ANGERS),
            ran(WEB, HOUR, "", failed(BOOM, "exit 1"), took("Exec[apt]", 60), place=ANGERS),
            ran(WEB, 2 * HOUR, "", changed(MOTD, corrective=True), place=ANGERS),
            ran(MAIL, 3 * HOUR, "", changed(MOTD), place=LILLE),
            ran(KVM, 0),
            without_catalog("gone.lab.test", HOUR, "no class ::x"),
        )
        yield service


def test_what_is_wrong_is_told_first_and_that_something_is(history: RunsService) -> None:
    done = history.run()
    summary, *lines = done.out.splitlines()
    assert summary == (
        "1 failed, 1 changed, 1 unchanged; of 3 nodes, 1 not seen since 2026-11-26 22:01 UTC "
        "(1 node that ran once left the directory)"
    )
    assert lines == [
        "Failed",
        "  web01.lab.test  60 s ago  1 failed of 100  angers, hv1.lab.test  last succeeded 2026-11-26 22:00 UTC",
        "What fails",
        "  Exec[boom] on web01.lab.test: 2 runs, since 2026-11-26 23:00 UTC",
        "      exit 1",
        "      site.pp:9",
        "Not seen",
        "  mail.lab.test  last ran 3 h ago  changed",
        "Changed",
        "  mail.lab.test  3 h ago  1 changed of 100  lille, hv2.lab.test",
    ]
    assert (done.status, done.err) == (1, "")


def test_with_all_the_unchanged_are_told_too(history: RunsService) -> None:
    assert history.run("--all").out.splitlines()[-2:] == ["Unchanged", "  hv1.lab.test  60 s ago"]
    assert "Unchanged" not in history.run("last", "--status", "failed").out


def test_nothing_is_wrong_when_every_node_ran_and_none_failed(served: RunsService) -> None:
    served.past.had(*(ran(name) for name in (WEB, MAIL, KVM)))
    done = served.run()
    assert (done.status, done.out) == (0, "3 unchanged; of 3 nodes, 0 not seen since 2026-11-26 22:01 UTC\n")


def test_a_node_that_does_not_run_is_wrong_though_none_failed(served: RunsService) -> None:
    served.past.had(ran(WEB), ran(MAIL))
    done = served.run()
    assert done.status == 1
    assert "Not seen\n  hv1.lab.test  never ran  angers" in done.out


def test_which_nodes_do_not_run_may_be_unknown(served: RunsService) -> None:
    served.past.had(ran(WEB))
    served.now = Now()
    done = served.run()
    assert (done.status, done.out) == (3, "1 unchanged\n")
    assert "which nodes do not run is not known: " in done.err


def test_the_same_failure_of_several_nodes_is_told_once(served: RunsService) -> None:
    served.past.had(*(without_catalog(name, 0, "no class ::x") for name in (WEB, MAIL)))
    out = served.run().out
    assert out.count("no class ::x") == 1
    assert "  the run itself on mail.lab.test and web01.lab.test: 2 runs, since 2026-11-27 00:00 UTC" in out


def test_on_a_terminal_rows_that_do_not_fit_are_folded(history: RunsService) -> None:
    told = history.run("--json").json
    lines = [click.unstyle(line) for line in lines_of(told["last"], told["failing"], told["unseen"], 60)]
    assert all(len(line) <= 60 for line in lines)


def test_all_of_it_can_be_had_as_json(history: RunsService) -> None:
    told = history.run("--json").json
    assert [one["certname"] for one in told["last"]["runs"]] == [WEB, MAIL, KVM]
    assert told["unseen"]["unseen"][0]["certname"] == MAIL
    assert told["failing"]["failing"][0]["message"] == "exit 1"


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (
            ("list", "--host", WEB, *PERIOD),
            0,
            "60 s ago    web01.lab.test  failed   30 s  1 failed of 100",
        ),
        (("changes", *PERIOD), 0, "File[/etc/motd] on web01.lab.test and mail.lab.test, 2026-11-26 21:00 UTC to "),
        (("changes", "--all", *PERIOD), 0, f"site.pp:7 run {uuid_of(MAIL, 3 * HOUR)}"),
        (("changes", "--noop", *PERIOD), 0, "Nothing changed between 2026-11-26 00:00 UTC and 2026-11-27 00:01 UTC."),
        (
            ("failing", *PERIOD),
            1,
            "left the directory\n  the run itself on gone.lab.test: 1 run",
        ),
        (("failing", "--host", KVM, *PERIOD), 0, "Nothing failed between"),
        (("failing", "--host", "gone.lab.test", *PERIOD), 0, "      no class ::x\n"),
        (("drift", *PERIOD), 1, "File[/etc/motd] on web01.lab.test: 1 time, last 2026-11-26 22:00 UTC\n"),
        (("drift", "--host", MAIL, *PERIOD), 0, "Nothing drifted between"),
        (("slow", *PERIOD), 0, "60 s  Exec[apt]  2 runs of 1 node  at most 60 s on web01.lab.test\n"),
        (("slow", "--by-node", *PERIOD), 0, "60 s  Exec[apt]  2 runs of web01.lab.test  at most 60 s\n"),
        (("slow", "--host", MAIL, *PERIOD), 0, "Nothing took long between"),
        (("unseen",), 1, "mail.lab.test  last ran 3 h ago  changed\n"),
        (("unseen", "--since", "4h"), 0, "All of 3 nodes ran since 2026-11-26 20:01 UTC.\n"),
        (("by", "site", *PERIOD), 0, "angers       3 runs of 1 node   2 failed"),
        (("by", "hypervisor", *PERIOD), 0, "hv2.lab.test  1 run of 1 node"),
        (("by", "site", "--host", "x.lab.test", *PERIOD), 0, "No run between"),
        (("list", "--host", "x.lab.test", *PERIOD), 0, "No run between"),
        (("list", "--limit", "1", *PERIOD), 0, "There are more: go on with --after "),
        (("changes", "--limit", "1", *PERIOD), 0, "There is more than these 1: ask for a shorter period"),
    ],
)
def test_each_question_has_its_command(
    history: RunsService, arguments: tuple[str, ...], status: int, expected: str
) -> None:
    done = history.run(*arguments)
    assert expected in done.out
    assert (done.status, done.err) == (status, "")
    assert history.run(*arguments, "--json").status == status


def test_a_list_is_gone_on_with(history: RunsService) -> None:
    first = history.run("list", "--limit", 4, *PERIOD).out.split()[-1]
    assert len(history.run("list", "--limit", 4, "--after", first, *PERIOD).out.splitlines()) == 2


def test_one_run_is_shown_whole(history: RunsService) -> None:
    by_name, by_uuid = history.run("show", WEB), history.run("show", uuid_of(WEB, 0))
    assert by_name == by_uuid
    assert by_name.out.splitlines() == [
        "web01.lab.test  failed",
        "  ended         2026-11-27 00:00 UTC (60 s ago), took 30 s",
        f"  run           {uuid_of(WEB, 0)}",
        "  resources     1 failed of 100",
        "  place         angers, hv1.lab.test at the time",
        "  environment   production",
        "Failed",
        "  Exec[boom]  site.pp:9",
        "      exit 1",
        "Slowest",
        "  60 s   Exec[apt]   site.pp:3",
        "  0.1 s  Exec[boom]  site.pp:9",
    ]


def test_a_run_without_a_catalog_is_shown_with_its_log(history: RunsService) -> None:
    out = history.run("show", "gone.lab.test").out
    assert "  resources     no catalog\n" in out
    assert out.endswith("Log\n  notice   hello\n  err      no class ::x\n")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("nobody.lab.test", "no run of nobody.lab.test is kept"),
        ("10000000-0000-4000-8000-000000000000", "no run of this name is kept"),
        ("../metrics", "neither a run's UUID nor a certname"),
    ],
)
def test_a_run_that_there_is_not_is_no(history: RunsService, run: str, expected: str) -> None:
    done = history.run("show", run)
    assert (done.status, expected in done.err) == (1, True)


def test_a_service_that_does_not_run_cannot_say(served: RunsService) -> None:
    done = served.run("--url", "http://127.0.0.1:1")
    assert (done.status, "the service does not run there" in done.err) == (3, True)


def test_what_a_report_says_moves_no_cursor(served: RunsService) -> None:
    evil = "a\x1b[2J\nb"
    served.past.had(ran(WEB, 0, "", failed(f"Exec[{evil}]", evil), changed(f"File[{evil}]", corrective=True)))
    served.past.had(without_catalog(MAIL, 0, evil))
    for arguments in ((), ("show", WEB), ("show", MAIL), ("changes", *PERIOD), ("failing",), ("drift",), ("list",)):
        out = served.run(*arguments).out
        assert out
        assert all(line.isprintable() for line in out.splitlines()), arguments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90min", CLOCK - 5400),
        ("2d", CLOCK - 2 * 86400),
        ("1.5 h", CLOCK - 5400),
        ("1w", CLOCK - 7 * 86400),
        ("2026-11-27", NOW),
        ("2026-11-26T02:10", NOW - 22 * HOUR + 600),
        ("2026-11-26 02:10:30Z", NOW - 22 * HOUR + 630),
        ("999999999w", 0.0),
        ("1960-01-01", None),
        ("tomorrow", None),
        ("", None),
        ("٢d", None),
        ("2D", None),
        ("2026-13-01", None),
    ],
)
def test_times_are_told_as_people_do(text: str, expected: float | None) -> None:
    assert instant(text, CLOCK) == expected


def test_a_time_that_is_none_is_wrong_use(served: RunsService) -> None:
    done = served.run("list", "--since", "tomorrow")
    assert (done.status, "expected how long ago (90min, 12h, 2d, 1w) or when in UTC" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"failed": 2, "changed": 1, "total": 9}, "2 failed, 1 changed of 9"),
        ({"status": "failed"}, "no catalog"),
        ({"noop": True, "cached_catalog": "on_failure"}, "(noop, old catalog)"),
        ({}, ""),
    ],
)
def test_what_a_run_did_is_told_in_words(stated: dict[str, Any], expected: str) -> None:
    plain = {"failed": 0, "changed": 0, "total": 0, "noop": False, "corrective": False, "cached_catalog": ""}
    assert runs_text.summary({"status": "unchanged", **plain, **stated}) == expected
