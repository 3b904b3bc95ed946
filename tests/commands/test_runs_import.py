"""`enclume runs import`: what the Puppet server kept and nobody sent is sent, once, at the service's pace."""

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import runs_folder, runs_sender
from commands.elsewhere import Elsewhere, named
from commands.runs_sender import Refused, Sender
from errors import SourceError
from generation.now import Now
from reports.parse import parse
from reports.report import Received
from tests.commands.runs_service import RunsService
from tests.reports.papers import capture

WEB = "web01.lab.test"


def report(number: int, host: str = WEB, captured: str = "unchanged") -> bytes:
    """A captured report of this host, with a transaction_uuid of its own."""
    text = capture(captured)
    own = parse(text)
    uuid = f"00000000-0000-4000-8000-{number:012d}"
    return text.replace(own.uuid.encode(), uuid.encode()).replace(own.certname.encode(), host.encode())


def stored(folder: Path, number: int, host: str = WEB, name: str = "") -> Path:
    """A report as `store` keeps it: one a minute from 2026-11-22 12:00 UTC on."""
    (folder / host).mkdir(parents=True, exist_ok=True)
    file = folder / host / (name or f"202611221{2 + number // 60}{number % 60:02d}.yaml")
    file.write_bytes(gzip.compress(report(number, host)) if name.endswith(".gz") else report(number, host))
    return file


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RunsService]:
    with RunsService(tmp_path, Now()) as service:
        yield service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "reports"
    for number in range(6):
        stored(made, number)
    stored(made, 6, "mail.lab.test", "202611221206.yaml.gz")
    (made / WEB / "readme.txt").write_text("no report")
    (made / WEB / "202611221300.yaml.d").mkdir()
    return made


def test_every_report_of_a_folder_is_sent_as_a_replay_the_oldest_first(served: RunsService, folder: Path) -> None:
    done = served.run("import", folder, "--rate", 1000)
    assert (done.status, done.out, done.err) == (0, "7 of 7 reports: 7 sent, 0 known already.\n", "")
    assert served.reports == [report(6, "mail.lab.test"), *(report(number) for number in range(6))]
    assert {path for path in served.asked if path.startswith("/reports")} == {"/reports?replay=1"}


def test_what_the_service_knows_is_not_sent_again(served: RunsService, folder: Path) -> None:
    served.past.had(*(Received(parse(report(number)), 1795356000) for number in range(4)))
    done = served.run("import", folder, "--rate", 1000, "--json")
    assert (done.status, done.json) == (0, {"files": 7, "sent": 3, "known": 4, "bad": 0, "refused": []})
    assert served.reports == [report(6, "mail.lab.test"), report(4), report(5)]


@pytest.mark.parametrize("chosen", [WEB, f"{WEB}/202611221203.yaml", "mail.lab.test/202611221206.yaml.gz"])
def test_one_nodes_folder_and_one_file_are_taken_too(served: RunsService, folder: Path, chosen: str) -> None:
    assert served.run("import", folder / chosen, "--rate", 1000).status == 0
    assert len(served.reports) == (6 if chosen == WEB else 1)


def test_only_reports_since_a_time_are_sent(served: RunsService, folder: Path) -> None:
    done = served.run("import", folder / WEB, "--since", "2026-11-22T12:04", "--rate", 1000)
    assert (done.out, served.reports) == ("2 of 2 reports: 2 sent, 0 known already.\n", [report(4), report(5)])


def test_files_that_are_no_reports_are_named_with_their_reason_and_the_others_sent(
    served: RunsService, folder: Path
) -> None:
    bad = {
        "202611221210.yaml": b"",
        "202611221211.yaml": report(11)[:700],
        "202611221212.yaml": b"hello: world\n",
        "202611221213.yaml.gz": b"no gzip",
        "202611221214.yaml.gz": gzip.compress(report(14))[:-20],
    }
    for name, text in bad.items():
        (folder / WEB / name).write_bytes(text)
    done = served.run("import", folder, "--rate", 1000, "--json")
    assert (done.status, done.json["sent"], done.json["bad"]) == (1, 7, 5)
    assert [Path(one["file"]).name for one in done.json["refused"]] == list(bad)
    assert all(f"{folder / WEB / name}: " in done.err for name in bad)
    assert "is empty: the disk was full" in done.err


def test_a_files_name_moves_no_cursor(served: RunsService, folder: Path) -> None:
    (folder / WEB / "a\x1b[2J.yaml").write_bytes(b"")
    assert served.run("import", folder, "--rate", 1000).err.rstrip("\n").isprintable()


def test_a_bomb_is_not_unpacked(served: RunsService, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_folder, "LARGEST", 1_000_000)
    (folder / WEB / "202611221215.yaml.gz").write_bytes(gzip.compress(b"a" * 50_000_000))
    done = served.run("import", folder, "--rate", 1000)
    assert (done.status, "has more than 1000000 bytes" in done.err) == (1, True)


def test_a_report_that_the_service_refuses_is_named(served: RunsService, folder: Path) -> None:
    answers = itertools.chain([(413, "the report has too many bytes")], itertools.repeat((202, "")))
    served.answer = lambda: next(answers)
    done = served.run("import", folder, "--rate", 1000)
    assert (done.status, len(served.reports)) == (1, 6)
    assert "mail.lab.test/202611221206.yaml.gz: the report has too many bytes" in done.err


def test_who_may_not_deliver_reports_is_told_so_at_once(served: RunsService, folder: Path) -> None:
    served.answer = lambda: (403, "web01 may not ask this: name it in access.servers")
    done = served.run("import", folder, "--rate", 1000)
    assert (done.status, done.out, "name it in access.servers" in done.err) == (3, "", True)


def test_a_folder_that_is_not_there_is_wrong_use(served: RunsService, tmp_path: Path) -> None:
    assert served.run("import", tmp_path / "nothing").status == 2


def test_an_empty_folder_is_told(served: RunsService, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert served.run("import", tmp_path / "empty").out == "0 of 0 reports: 0 sent, 0 known already.\n"


class Clock:
    """Pauses that take no time; what was said while waiting."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.said: list[str] = []

    def pause(self, seconds: float) -> None:
        if seconds:
            self.pauses.append(seconds)


def sender(service: Elsewhere, clock: Clock, rate: float = 1e6) -> Sender:
    return Sender(service, rate, clock.said.append, clock.pause)


def elsewhere(served: RunsService) -> Elsewhere:
    return named(None, {"url": served.url, "cert": None, "key": None, "ca": None})


@pytest.mark.parametrize("status", [503, 507, 429])
def test_a_service_that_is_busy_or_full_is_waited_for_longer_and_longer(served: RunsService, status: int) -> None:
    answers: Any = itertools.chain([(status, "no room")] * 7, itertools.repeat((202, "")))
    served.answer = lambda: next(answers)
    clock = Clock()
    to = sender(elsewhere(served), clock)
    to.send(report(1))
    to.close()
    assert [round(one) for one in clock.pauses if one >= 1] == [1, 2, 4, 8, 16, 30, 30]
    assert clock.said[:2] == ["waits 1 s: no room", "waits 2 s: no room"]
    assert served.reports == [report(1)]


def test_a_service_that_takes_nothing_for_long_is_given_up(served: RunsService) -> None:
    served.answer = lambda: (507, "the disk is full")
    clock = Clock()
    with pytest.raises(SourceError, match=r"the disk is full; run it again later: what the history has is not sent"):
        sender(elsewhere(served), clock).send(report(1))
    assert runs_sender.PATIENCE <= sum(clock.pauses) < runs_sender.PATIENCE + 31


def test_what_the_service_refuses_for_good_is_not_sent_again(served: RunsService) -> None:
    served.answer = lambda: (400, "this is no report")
    clock = Clock()
    to = sender(elsewhere(served), clock)
    with pytest.raises(Refused, match="this is no report"):
        to.send(b"x")
    to.close()
    assert clock.said == []


def test_a_service_that_restarts_is_waited_for_but_not_one_that_never_ran(tmp_path: Path) -> None:
    clock = Clock()
    with RunsService(tmp_path, Now()) as served:
        service = elsewhere(served)
        to = sender(service, clock)
        to.send(report(1))
    with pytest.raises(SourceError, match="run it again later"):
        to.send(report(2))
    assert "the service does not run there" in clock.said[0]
    with pytest.raises(SourceError, match="the service does not run there"):
        sender(service, Clock()).send(report(1))


def test_no_more_reports_are_sent_a_second_than_was_said(served: RunsService) -> None:
    clock = Clock()
    to = sender(elsewhere(served), clock, rate=0.1)
    for number in range(3):
        to.send(report(number))
    to.close()
    assert [round(one) for one in clock.pauses] == [10, 10]


@pytest.mark.parametrize("name", ["202611221204.yaml", "20261122120430.yaml", "202611221204.yaml.gz"])
def test_the_name_of_a_file_says_when_it_was_stored(name: str) -> None:
    assert runs_folder.written(Path(name)) == 1795349040.0


def test_a_file_with_another_name_is_as_old_as_the_file_system_says(tmp_path: Path) -> None:
    for name in ("latest.yaml", "202613991299.yaml"):
        file = tmp_path / name
        file.write_bytes(b"x")
        assert runs_folder.written(file) == file.stat().st_mtime


def test_the_uuid_at_the_beginning_of_a_report_is_seen_without_reading_it_whole() -> None:
    for captured in ("unchanged", "failed", "noop"):
        assert runs_folder.uuid_of(capture(captured)) == parse(capture(captured)).uuid
    assert runs_folder.uuid_of(b"--- x\n") is None
