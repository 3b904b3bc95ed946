"""`enclume audit`: what is wrong, for people; and what its exit status says."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from audit.verdict import Verdict
from commands.audit import lines_of
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.commands.lab import Done, enclume
from tests.commands.scripted import Scripted, http
from tests.web.judging import Judging, audited, get, verdict

KVM1, KVM2 = (SourceKey("inventory", f"kvm{number}.lab.test") for number in (1, 2))
LONG = "web01 runs on kvm1.lab.test, expected kvm2.lab.test: move it there with `enclume move web01`"


def told(*verdicts: Verdict, problem: str = "", fresh: dict[SourceKey, Freshness] | None = None) -> Any:
    judging = Judging(audited(*verdicts), problem)
    judging.freshness |= fresh or {}
    return get(judging).json


def lines(found: Any, width: int = 60) -> list[str]:
    return [click.unstyle(line) for line in lines_of(found, width)]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


def run(scripted: Scripted, folder: Path, found: Any, *arguments: str) -> Done:
    """The command, with a service that answers this."""
    scripted.reply = http(200, json.dumps(found).encode())
    config = folder / "enclume.yaml"
    listen = scripted.url.removeprefix("http://")
    config.write_text(yaml.safe_dump({"directory": {"uri": "ldap://x", "base": "dc=x"}, "listen": listen}))
    return enclume(config, "audit", *arguments)


def test_what_is_wrong_is_grouped_by_check_the_worst_first_and_wrapped() -> None:
    found = told(
        verdict("web01", "warning", check="placement", sentence=LONG),
        verdict("nfs1", "critical", check="storage", site="", sentence="nfs1 has too few threads"),
        verdict("web02", "critical", check="placement", sentence="web02 does not run"),
        verdict("angers", "unknown", check="capacity", sentence="kvm1 cannot be read"),
    )
    assert lines(found) == [
        "storage",
        "  critical  nfs1",
        "            nfs1 has too few threads",
        "placement",
        "  critical  web02 at angers",
        "            web02 does not run",
        "  warning   web01 at angers",
        "            web01 runs on kvm1.lab.test, expected",
        "            kvm2.lab.test: move it there with `enclume move",
        "            web01`",
        "capacity",
        "  unknown   angers",
        "            kvm1 cannot be read",
        "2 critical, 1 unknown, 1 warning (generation 1, judged 0 s ago)",
    ]


def test_what_was_not_read_for_a_while_is_told() -> None:
    fresh = {KVM1: Freshness(time.time() - 600)}
    found = told(verdict("web01", "unknown", sources=(KVM1, KVM2)), fresh=fresh)
    assert lines(found)[3:5] == [
        "            (inventory kvm1.lab.test was last read 10 min",
        "            ago)",
    ]
    assert lines(found, 200)[-2] == "            (inventory kvm2.lab.test was never read)"


def test_a_hostile_description_moves_no_cursor() -> None:
    found = told(verdict("a\x1b[2J", "warning", sentence="b\x1b]0;x\x07\nc"))
    assert all(line.isprintable() for line in lines(found))


@pytest.mark.parametrize(
    ("statuses", "problem", "expected"),
    [
        (("ok",), "", 0),
        (("ok", "warning"), "", 1),
        (("critical", "unknown"), "", 1),
        (("ok", "unknown"), "", 3),
        (("critical",), "making the verdicts failed", 3),
        ((), "", 3),
    ],
)
def test_the_exit_status_says_whether_something_is_wrong(
    scripted: Scripted, tmp_path: Path, statuses: tuple[str, ...], problem: str, expected: int
) -> None:
    found = told(*(verdict(f"web{number}", one) for number, one in enumerate(statuses)), problem=problem)
    done = run(scripted, tmp_path, found)
    assert done.status == expected, done
    assert ("Not to be relied on: making the verdicts failed." in done.out) is bool(problem)
    assert ("has no verdict on anything" in done.err) is (not statuses)


def test_it_asks_for_what_is_wrong_and_with_all_for_everything(scripted: Scripted, tmp_path: Path) -> None:
    run(scripted, tmp_path, told(verdict("a")), "data", "backup", "--site", "angers", "--host", "web01")
    assert scripted.asked.startswith(
        b"GET /verdicts?check=data&check=backup&site=angers&host=web01"
        b"&status=critical&status=unknown&status=warning HTTP"
    )


def test_all_of_it_can_be_had_as_json(scripted: Scripted, tmp_path: Path) -> None:
    found = told(verdict("a", "warning"), verdict("b"))
    done = run(scripted, tmp_path, found, "--all", "--json")
    assert scripted.asked.startswith(b"GET /verdicts? HTTP")
    assert (done.status, done.json) == (1, found)


def test_on_no_terminal_a_sentence_stays_on_its_line(scripted: Scripted, tmp_path: Path) -> None:
    assert LONG in run(scripted, tmp_path, told(verdict("web01", "warning", sentence=LONG))).out
