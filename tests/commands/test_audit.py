"""`enclume audit`: what is wrong, for people; and what its exit status says."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from audit.verdict import Verdict
from commands.audit import lines_of, no_verdict
from commands.elsewhere import Elsewhere
from commands.outcome import No
from commands.unjudged import WHY
from errors import SourceError
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
        "2 critical, 1 unknown, 1 warning (generation 1, judged 0 s ago)",
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
    ]


def test_what_was_not_read_for_a_while_is_told() -> None:
    fresh = {KVM1: Freshness(time.time() - 600)}
    found = told(verdict("web01", "unknown", sources=(KVM1, KVM2)), fresh=fresh)
    assert lines(found)[4:6] == [
        "            (inventory kvm1.lab.test was last read 10 min",
        "            ago)",
    ]
    assert lines(found, 200)[-1] == "            (inventory kvm2.lab.test was never read)"


def test_a_source_that_the_sentence_names_as_silent_is_not_named_again() -> None:
    silent = verdict("web01", "unknown", sentence="kvm1.lab.test cannot be read", sources=(KVM1,))
    wrong = verdict("web02", "critical", sentence="web02 is on kvm1.lab.test", sources=(KVM1,))
    assert [line for line in lines(told(silent, wrong), 200) if "never read" in line] == [
        "            (inventory kvm1.lab.test was never read)"
    ]
    assert not any("never read" in line for line in lines(told(silent), 200))


SILENT = "bigorneau has never said anything of backups: install enclume-observe there"


def backup(host: str, schedule: str, sentence: str = SILENT, status: str = "unknown", site: str = "angers") -> Verdict:
    """What a host's backup check says of one schedule."""
    said = f"{host}: system backup, {schedule}: {sentence}"
    about = {"host": host, "kind": "system", "schedule": schedule, "site": site}
    return verdict(f"{host} system/{schedule}", status, check="backup", sentence=said, **about)


def test_one_cause_is_told_once_for_all_its_hosts_and_schedules() -> None:
    found = told(
        backup("web01", "daily"),
        backup("web01", "weekly"),
        backup("web02", "daily", site="larema"),
        verdict("bigorneau", "unknown", check="backup", sentence=SILENT, host="bigorneau"),
        backup("web03", "daily", "the last one failed", "warning"),
    )
    assert lines(found, 200)[2:] == [
        "  unknown   3 backups of 3 hosts at 2 sites",
        f"            {SILENT}",
        "            (bigorneau, web01 and web02: --all lists each)",
        "  warning   web03 system/daily at angers",
        "            web03: system backup, daily: the last one failed",
    ]


def test_schedules_of_one_host_with_one_cause_are_told_together() -> None:
    missing = "no backup knows it: state enclumeMaxAge system/{}=0"
    found = told(*(backup("web01", one, missing.format(one), "critical") for one in ("daily", "weekly")))
    assert lines(found, 200)[2:] == [
        "  critical  web01 system/daily and system/weekly at angers",
        "            no backup knows it: state enclumeMaxAge …=0",
    ]


def test_sentences_that_differ_in_the_host_alone_are_one_cause() -> None:
    hosts = [verdict(one, "warning", host=one, sentence=f"{one} has a public interface") for one in ("web01", "web02")]
    longer = verdict("web01.lab.test", "warning", host="web01", sentence="web01.lab.test has a public interface")
    assert lines(told(*hosts, longer), 200)[2:] == [
        "  warning   2 hosts at angers",
        "            … has a public interface",
        "            (web01 and web02: --all lists each)",
        "  warning   web01.lab.test at angers",
        "            web01.lab.test has a public interface",
    ]


def test_with_all_each_verdict_is_told_by_itself() -> None:
    found = told(backup("web01", "daily"), backup("web02", "daily"))
    each = [click.unstyle(line) for line in lines_of(found, 200, everything=True)]
    assert [line for line in each if "unknown   " in line] == [
        "  unknown   web01 system/daily at angers",
        "  unknown   web02 system/daily at angers",
    ]


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


def refusing(refusal: Exception, asked: list[str]) -> Elsewhere:
    """A service that refuses every further question."""

    def get_json(path: str) -> Any:
        asked.append(path)
        raise refusal

    return Elsewhere("http://127.0.0.1:8787", get_json, lambda: HTTPConnection("127.0.0.1"))


@pytest.mark.parametrize(
    ("query", "path"),
    [(("host", "web/1"), "/enc/web%2F1/why"), (("site", "angrs"), "/layers?site=angrs")],
)
def test_where_nothing_is_known_of_a_host_or_site_the_service_is_asked_whether_there_is_one(
    query: tuple[str, str], path: str
) -> None:
    asked: list[str] = []
    with pytest.raises(No, match="did you mean angers"):
        no_verdict(refusing(No("there is none; did you mean angers?"), asked), (), [query])
    assert asked == [path]


def test_a_service_that_may_not_say_leaves_it_at_that() -> None:
    found = no_verdict(refusing(SourceError("x", "may not ask"), []), (), [("host", "web01"), ("host", "-")])
    assert str(found).endswith("has no verdict on host web01 and host -; `enclume audit --all` lists what is known")


def test_a_check_that_nothing_is_the_business_of_says_why(scripted: Scripted, tmp_path: Path) -> None:
    done = run(scripted, tmp_path, told(), "mirror")
    assert (done.status, done.err) == (3, f"enclume: {scripted.url}: has no verdict on check mirror; {WHY['mirror']}\n")
