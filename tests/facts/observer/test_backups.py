"""What `enclume-observe` makes of BackupPC's files and of plain files."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.facts.observer.program import ROOT, config, observe

DAY = 86400.0
START = 1700000000.0
WEB = "var/lib/backuppc/pc/web01.lab.test"


def line(number: int, kind: str, day: float, size: int = 1000, errors: int = 0, *, columns: int = 28) -> str:
    """A line of pc/HOST/backups: a backup that began on this day and took an hour."""
    start = START + day * DAY
    row: dict[str, object] = dict.fromkeys(observe.COLUMNS, "")
    row |= {"num": number, "type": kind, "startTime": int(start), "endTime": int(start + 3600)}
    row |= {"size": size, "xferErrs": errors, "version": "4.4.0", "comment": "a word"}
    return "\t".join(str(value) for value in list(row.values())[:columns]) + "\n"


def end(day: float) -> float:
    return START + day * DAY + 3600


def summary(text: str, state: dict[str, str] | None = None, written: float = 0.0, kept: set[int] | None = None) -> Any:
    dumps = observe.parse_backups(text)
    numbers = {dump.number for dump in dumps} if kept is None else kept
    return observe.summarise("web01", dumps, state or {}, written, numbers)


def test_the_columns_are_those_of_backuppc() -> None:
    """The fixture was written by BackupPC 4.4's own Storage module."""
    dumps = observe.parse_backups((ROOT / WEB / "backups").read_text())
    assert len(observe.COLUMNS) == 28
    assert dumps[3] == observe.Dump(9, "incr", 1700777601.0, 1700778200.0, 51000000, 2)
    assert [dump.type for dump in dumps] == ["full", "full", "incr", "incr"]


@pytest.mark.parametrize("columns", [28, 25, 24, 22])
def test_older_versions_have_fewer_columns(columns: int) -> None:
    (dump,) = observe.parse_backups(line(1, "full", 0, 500, 2, columns=columns))
    assert dump == observe.Dump(1, "full", START, end(0), 500, 2)


@pytest.mark.parametrize(
    "text", ["", "\n", "x\n", "1\n", "1\tother\t5\t6\n", "a\tfull\t5\t6\n", "1\tfull\n", "\t\t\t\n", "1\tfull\t5\t6"]
)
def test_a_line_that_is_not_known_or_not_whole_is_no_backup(text: str) -> None:
    assert observe.parse_backups(text) == []


def test_a_host_is_summarised() -> None:
    text = line(1, "full", 0, 900) + line(2, "incr", 1, 10) + line(3, "full", 7, 1000) + line(4, "incr", 8, 20, 5)
    assert summary(text) == {
        "host": "web01",
        "kind": None,
        "last_success": end(8),
        "last_full": end(7),
        "kept_full": end(7),
        "last_attempt": end(8),
        "last_attempt_failed": False,
        "last_duration_seconds": 3600.0,
        "last_size_bytes": 1000,
        "previous_size_bytes": 900,
        "last_errors": 5,
        "running": False,
        "message": "",
    }


def test_a_full_backup_whose_folder_is_gone_is_not_kept() -> None:
    found = summary(line(1, "full", 0) + line(3, "full", 7), kept={1})
    assert (found["last_full"], found["kept_full"]) == (end(7), end(0))


def test_a_partial_backup_is_a_failed_attempt_and_no_success() -> None:
    found = summary(line(1, "full", 0) + line(2, "partial", 1))
    assert (found["last_success"], found["last_attempt"], found["last_attempt_failed"]) == (end(0), end(1), True)


def test_a_success_after_a_partial_one_is_fine() -> None:
    found = summary(line(1, "full", 0) + line(2, "partial", 1) + line(3, "incr", 2))
    assert (found["last_attempt"], found["last_attempt_failed"]) == (end(2), False)


def test_an_active_backup_is_under_way_and_no_success() -> None:
    found = summary(line(1, "full", 0) + line(2, "active", 1))
    assert (found["running"], found["last_success"], found["last_attempt_failed"]) == (True, end(0), False)


def test_an_active_backup_of_a_daemon_that_was_killed_has_failed() -> None:
    found = summary(line(1, "full", 0) + line(2, "active", 1), {"state": "Status_idle"}, START + 3 * DAY)
    assert (found["running"], found["last_attempt"], found["last_attempt_failed"]) == (False, START + DAY, True)
    assert found["message"] == "it was interrupted"


def test_a_running_backup_of_version_3_shows_in_the_daemons_status_alone() -> None:
    text, state = line(1, "full", 0), {"state": "Status_backup_in_progress"}
    assert summary(text, state, START + DAY)["running"]
    assert not summary(text, state, START)["running"], "the status is older than the end of the backup"


def test_a_failure_without_a_line_is_told_by_the_daemons_status() -> None:
    state = {"reason": "Reason_backup_failed", "error": "host not found", "errorTime": str(int(START + 2 * DAY))}
    found = summary(line(1, "full", 0), state, START + 2 * DAY)
    assert (found["last_attempt"], found["last_attempt_failed"]) == (START + 2 * DAY, True)
    assert found["message"] == "host not found"


def test_an_old_failure_is_not_the_last_attempt() -> None:
    state = {"reason": "Reason_backup_failed", "error": "host not found", "errorTime": str(int(START))}
    found = summary(line(1, "full", 1), state, START)
    assert (found["last_attempt_failed"], found["message"]) == (False, "")


def test_a_host_that_was_never_backed_up_says_so() -> None:
    found = summary("")
    assert (found["last_success"], found["last_attempt"], found["last_attempt_failed"]) == (0.0, 0.0, False)


def test_the_daemons_status_is_read_as_perl_wrote_it() -> None:
    info, hosts = observe.parse_status((ROOT / "var/lib/backuppc/log/status.pl").read_text())
    assert info["cpool4Kb"] == "424242"
    assert set(hosts) == {f"{name}.lab.test" for name in ("web01", "nfs1", "svn", "tonton", "new01")}
    assert hosts["nfs1.lab.test"]["error"] == "lost network connection during backup: it's gone"
    assert observe.parse_pool_sizes(info) == [{"pool": "cpool", "size_bytes": (1000 + 424242) * 1024}]


def test_text_that_perl_wrote_with_escapes() -> None:
    _, hosts = observe.parse_status("%Status = (\n  'a' => {\n    'error' => \"caf\\x{e9} \\\"x\\\"\",\n  }\n);\n")
    assert hosts == {"a": {"error": 'café "x"'}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "root")
    return tmp_path / "root"


def hosts_of(root: Path) -> dict[str, Any]:
    host = observe.Host(str(root))
    found = {each["host"]: each for each in observe.observe_backups(host, config(host))["hosts"]}
    assert host.problems == []
    return found


def test_while_the_file_is_renamed_the_old_one_is_read(root: Path) -> None:
    before = hosts_of(root)
    (root / WEB / "backups").rename(root / WEB / "backups.old")
    assert hosts_of(root) == before


def test_the_file_beats_the_old_one(root: Path) -> None:
    (root / WEB / "backups.old").write_text(line(1, "full", -100))
    assert hosts_of(root)["web01.lab.test"]["last_success"] == 1700778200.0


def test_nothing_is_written_in_backuppcs_folders(root: Path) -> None:
    before = sorted(root.rglob("*"))
    hosts_of(root)
    assert sorted(root.rglob("*")) == before


def test_a_host_without_backups_of_others_is_no_backup_server(tmp_path: Path) -> None:
    host = observe.Host(str(tmp_path))
    assert observe.observe_backups(host, config(host)) is None
    assert host.problems == []


@pytest.mark.parametrize("key", ["backups_backuppc", "backups_file", "containers_file"])
def test_a_place_that_the_configuration_names_must_be_there(tmp_path: Path, key: str) -> None:
    host = observe.Host(str(tmp_path))
    for kind in (observe.observe_backups, observe.observe_containers):
        kind(host, config(host, **{key: "/nowhere"}))
    assert len(host.problems) == 1
    assert "/nowhere" in host.problems[0]


def test_without_the_daemons_status_what_is_not_seen_is_said_once(root: Path) -> None:
    host = observe.Host(str(root))
    assert observe.observe_backups(host, config(host))["hosts"]
    assert host.problems == []
    status = root / "var/lib/backuppc/log/status.pl"
    text = status.read_text()
    status.unlink()
    known = observe.observe_backups(host, config(host))["hosts"]
    assert [each["host"] for each in known if each["last_success"]]
    (problem,) = host.problems
    assert problem.startswith("/var/lib/backuppc/pc is there, and BackupPC's status.pl is none of /")
    assert problem.endswith("start BackupPC, or name the file by status in section backups")
    assert host.complete, "what is known of the backups is told all the same"
    found = root / "var/log/BackupPC/status.pl"
    found.parent.mkdir(parents=True)
    found.write_text(text)
    again = observe.Host(str(root))
    observe.observe_backups(again, config(again))
    assert again.problems == []


def test_a_status_that_cannot_be_read_is_not_said_to_be_missing(root: Path) -> None:
    status = root / "var/lib/backuppc/log/status.pl"
    status.unlink()
    status.symlink_to("status.pl")
    host = observe.Host(str(root))
    observe.observe_backups(host, config(host))
    (problem,) = host.problems
    assert problem.startswith("/var/lib/backuppc/log/status.pl cannot be read")


def test_a_plain_file_is_one_entry_for_each_host_and_kind() -> None:
    text = "# x\nweb 1700000000 10 ok data\nweb 1700000100 - failed data # why\nweb 1700000000.5 7 SUCCESS\n\n"
    lines, unknown = observe.parse_plain(text)
    assert unknown == []
    assert [(each.name, each.time, each.size, each.status, each.kind) for each in lines] == [
        ("web", 1700000000.0, 10, "ok", "data"),
        ("web", 1700000100.0, 0, "failed", "data"),
        ("web", 1700000000.5, 7, "success", None),
    ]


@pytest.mark.parametrize(
    "text",
    ["web 1700000000 10", "web yesterday 10 ok", "web 1700000000 ten ok", "web 1700000000 10 ok weekly", "a b c d e f"],
)
def test_a_line_that_a_plain_file_should_not_hold_is_told_by_its_number(text: str) -> None:
    assert observe.parse_plain(f"# first\n{text}\n") == ([], [2])


@pytest.mark.parametrize("text", ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "1700000000", "1700000000.0"])
def test_times_in_a_plain_file(text: str) -> None:
    assert observe.parse_time(text) == 1700000000.0
