"""What `enclume-observe` makes of the journal of container copies (docs/container-copies.md)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.facts.observer.program import config, observe

BOOT = "4f2c8a60-1d64-4c0f-8a0b-6f2f3c9d7e11"
CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015"


def event(time: float, name: str, run: str = "r1", **keys: Any) -> dict[str, Any]:
    return {"format": 1, "time": time, "run": run, "event": name, **keys}


def started(time: float, *guests: str, run: str = "r1") -> dict[str, Any]:
    return event(time, "run-started", run, guests=list(guests), peer="node2", pid=42, boot_id=BOOT)


class Journal:
    """A hypervisor's journal below a root of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "var/lib/enclume-containers"
        self.folder.mkdir(parents=True)
        self.problems: list[str] = []

    def write(self, *events: dict[str, Any], tail: str = "", name: str = "journal.jsonl") -> None:
        (self.folder / name).write_text("".join(json.dumps(each) + "\n" for each in events) + tail)

    def manifest(self, name: str, **keys: Any) -> None:
        disks = [{"source": "/a", "copy": "/b", "size_bytes": 5, "checksum": CHECKSUM, "verified": True}]
        (self.folder / name).write_text(json.dumps({"format": 1, "run": "r1", "guest": "svn", "disks": disks, **keys}))

    def lives(self, boot: str = BOOT) -> None:
        (self.root / "proc/42").mkdir(parents=True)
        (self.root / "proc/sys/kernel/random").mkdir(parents=True)
        (self.root / "proc/sys/kernel/random/boot_id").write_text(boot + "\n")

    def copies(self) -> dict[str, Any]:
        host = observe.Host(str(self.root))
        found = observe.observe_containers(host, config(host))
        self.problems = host.problems
        return {each["guest"]: each for each in found}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


OK = event(160.0, "guest-ended", guest="svn", uuid="u", outcome="ok", size_bytes=7, errors=2, verified=True)
PROVEN = OK | {"manifest": "m.json"}
FAILED = event(160.0, "guest-ended", guest="svn", outcome="failed", message="no space left")


def test_a_copy_that_went_well(journal: Journal) -> None:
    journal.manifest("m.json")
    journal.write(started(100.0, "svn"), PROVEN, event(161.0, "run-ended", outcome="ok"))
    assert journal.copies() == {
        "svn": {
            "guest": "svn",
            "uuid": "u",
            "peer": "node2",
            "last_success": 160.0,
            "last_attempt": 160.0,
            "last_attempt_failed": False,
            "last_duration_seconds": 60.0,
            "last_size_bytes": 7,
            "previous_size_bytes": 0,
            "last_errors": 2,
            "verified": True,
            "running": False,
            "message": "",
        }
    }
    assert journal.problems == []


def test_the_size_before_the_last_is_that_of_the_last_success_before(journal: Journal) -> None:
    ends = [OK | {"time": 100.0 * number, "run": f"r{number}", "size_bytes": number} for number in (1, 2, 3)]
    journal.write(*ends, FAILED | {"time": 900.0, "run": "r9"})
    found = journal.copies()["svn"]
    assert (found["last_size_bytes"], found["previous_size_bytes"], found["last_success"]) == (3, 2, 300.0)
    assert (found["last_attempt"], found["last_attempt_failed"], found["message"]) == (900.0, True, "no space left")


@pytest.mark.parametrize(
    "manifest",
    [
        {"disks": []},
        {"disks": [{"checksum": CHECKSUM, "verified": True}, {"checksum": CHECKSUM, "verified": False}]},
        {"disks": [{"checksum": "", "verified": True}]},
        {"run": "another"},
        {"guest": "another"},
    ],
)
def test_a_copy_is_not_verified_by_a_manifest_that_does_not_prove_it(
    journal: Journal, manifest: dict[str, Any]
) -> None:
    journal.manifest("m.json", **manifest)
    journal.write(started(100.0, "svn"), PROVEN)
    assert journal.copies()["svn"]["verified"] is False


def test_a_copy_that_its_run_did_not_verify_is_not_verified_by_a_manifest(journal: Journal) -> None:
    journal.manifest("m.json")
    journal.write(started(100.0, "svn"), PROVEN | {"verified": False})
    assert journal.copies()["svn"]["verified"] is False


def test_a_copy_is_not_verified_without_its_manifest(journal: Journal) -> None:
    journal.write(started(100.0, "svn"), PROVEN)
    assert journal.copies()["svn"]["verified"] is False
    assert "m.json" in journal.problems[0]


@pytest.mark.parametrize("name", ["/etc/passwd", "../m.json", "a/../../m.json"])
def test_a_manifest_elsewhere_is_not_read(journal: Journal, name: str) -> None:
    journal.manifest("m.json")
    journal.write(started(100.0, "svn"), OK | {"manifest": name})
    assert journal.copies()["svn"]["verified"] is False
    assert "outside" in journal.problems[0]


def test_the_last_success_is_verified_whatever_failed_after_it(journal: Journal) -> None:
    journal.manifest("m.json")
    journal.write(started(100.0, "svn"), PROVEN, FAILED | {"time": 900.0, "run": "r2"})
    assert journal.copies()["svn"]["verified"] is True


def test_a_run_whose_process_lives_is_under_way(journal: Journal) -> None:
    journal.lives()
    journal.write(OK | {"run": "r0", "time": 50.0}, started(100.0, "svn", "sogo"))
    found = journal.copies()
    assert (found["svn"]["running"], found["svn"]["last_attempt_failed"]) == (True, False)
    assert (found["sogo"]["running"], found["sogo"]["last_attempt"]) == (True, 0.0)


@pytest.mark.parametrize("boot", ["", "another-boot"])
def test_a_run_whose_process_is_gone_has_failed_for_who_was_not_ended(journal: Journal, boot: str) -> None:
    if boot:
        journal.lives(boot)
    journal.write(started(100.0, "svn", "sogo"), OK)
    found = journal.copies()
    assert (found["svn"]["last_attempt_failed"], found["svn"]["running"]) == (False, False)
    assert (found["sogo"]["last_attempt_failed"], found["sogo"]["last_attempt"]) == (True, 160.0)
    assert "run r1" in found["sogo"]["message"]


def test_a_run_that_ended_without_a_guest_has_failed_for_it(journal: Journal) -> None:
    journal.lives()
    journal.write(started(100.0, "svn", "sogo"), OK, event(170.0, "run-ended", outcome="failed"))
    assert journal.copies()["sogo"]["last_attempt_failed"] is True


def test_a_rotated_journal_is_read_first(journal: Journal) -> None:
    journal.write(OK | {"time": 50.0, "run": "r0", "size_bytes": 1}, name="journal.jsonl.1")
    journal.write(OK)
    assert journal.copies()["svn"]["previous_size_bytes"] == 1


def test_a_line_that_is_being_written_is_nothing_yet(journal: Journal) -> None:
    journal.write(OK, tail='{"format":1,"time":17')
    assert journal.copies()["svn"]["last_success"] == 160.0
    assert journal.problems == []


def test_events_of_a_newer_program_are_ignored(journal: Journal) -> None:
    journal.write(started(100.0, "svn"), event(120.0, "guest-fsfrozen", guest="svn", extra=[1]), OK)
    assert journal.copies()["svn"]["last_success"] == 160.0
    assert journal.problems == []


def test_lines_that_are_no_events_are_counted(journal: Journal) -> None:
    journal.write(OK, OK | {"format": 2, "size_bytes": 99}, tail="nonsense\n[1]\n\n")
    assert journal.copies()["svn"]["last_size_bytes"] == 7
    assert journal.problems[0].startswith("/var/lib/enclume-containers/journal.jsonl: 3 lines are no events")


def test_a_plain_file_is_taken_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "copies").write_text("svn 1700000000 5 ok\nsvn 1700000100 6 ok\nsogo 1700000100 - failed\n")
    host = observe.Host(str(tmp_path))
    svn, sogo = observe.observe_containers(host, config(host, containers_file="/copies"))
    assert (svn["last_success"], svn["last_size_bytes"], svn["previous_size_bytes"]) == (1700000100.0, 6, 5)
    assert (svn["verified"], sogo["last_attempt_failed"], sogo["message"]) == (False, True, "failed")


def test_a_host_without_a_journal_copies_nothing(tmp_path: Path) -> None:
    host = observe.Host(str(tmp_path))
    assert observe.observe_containers(host, config(host)) is None
    assert host.problems == []
