"""`enclume icinga config`: validated before it replaces, untouched when nothing changed, never emptied."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.icinga_folder import MARK, current, prepared, replace
from commands.outcome import Misused
from errors import StateError
from tests.commands.lab import enclume
from tests.commands.putting import FILES, OTHER, Put
from tests.commands.scripted import Scripted, http


@pytest.fixture
def put(tmp_path: Path) -> Iterator[Put]:
    made = Put(tmp_path)
    yield made
    assert made.beside == []


def test_files_are_validated_and_put_in_place_for_icinga_to_read(put: Put) -> None:
    done = put.run(FILES)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{put.output} is new: 1 host object; hosts.conf, sites.conf changed.\n"
    assert put.asked == b"GET /icinga"
    assert put.there == FILES
    assert {path.name: path.read_text() for path in put.seen.iterdir()} == FILES
    assert put.said.read_text().startswith("daemon -C -c ")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (put.output, *put.output.iterdir())]
    assert modes == [0o755, 0o644, 0o644]


def test_when_nothing_changed_nothing_is_touched(put: Put) -> None:
    put.run(FILES)
    before, said = put.output.stat(), put.said.read_text()
    done = put.run(FILES, "--reload", "false")
    assert (done.status, done.out) == (0, f"{put.output} is up to date: 1 host object.\n")
    after = put.output.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert put.said.read_text() == said


def test_a_change_replaces_all_files_and_reloads_icinga(put: Put) -> None:
    put.run(FILES)
    mark = put.output.parent / "reloaded"
    done = put.run(OTHER, "--reload", f"touch {mark}")
    assert (done.status, put.there, mark.exists()) == (0, OTHER, True)
    assert "; hosts.conf changed." in done.out


def test_a_run_that_ended_before_it_reloaded_icinga_is_made_up_for(put: Put) -> None:
    put.run(FILES)
    put.output.with_name(f".{put.output.name}.to-reload").touch()
    mark = put.output.parent / "reloaded"
    done = put.run(FILES, "--reload", f"touch {mark}")
    assert (done.status, mark.exists()) == (0, True)
    assert "Icinga was reloaded, since an earlier run ended before that" in done.out
    mark.unlink()
    assert put.run(FILES, "--reload", f"touch {mark}").status == 0
    assert not mark.exists()


def test_what_icinga_does_not_accept_replaces_nothing(put: Put) -> None:
    put.run(FILES)
    put.status.write_text("1")
    done = put.run(OTHER, "--reload", "false")
    assert done.status == 1
    assert "does not accept the configuration, and nothing was replaced" in done.err
    assert "critical/config: no such luck" in done.err
    assert put.there == FILES


def test_a_reload_that_fails_leaves_the_old_files_so_that_the_next_run_tries_again(put: Put) -> None:
    put.run(FILES)
    done = put.run(OTHER, "--reload", "sh -c 'echo not now; exit 4'")
    assert done.status == 3
    assert "ended with 4 (not now); the old files are in place again" in done.err
    assert put.there == FILES
    assert put.run(OTHER, "--reload", "true").status == 0
    assert put.there == OTHER


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (503, b'{"error": "the guard holds a loss of hosts"}', "the guard holds a loss of hosts"),
        (200, b'{"generation": 1, "files": {}}', "no configuration"),
        (200, b'{"generation": 1}', "no configuration"),
        (200, b"[]", "no configuration"),
        (200, b'{"files": {"../x.conf": "// Made by `enclume icinga config`"}}', "no configuration"),
        (200, b'{"files": {"x.conf": "object Host"}}', "no configuration"),
        (200, b"<html>", "no JSON"),
    ],
)
def test_a_service_that_does_not_know_leaves_the_old_files(put: Put, status: int, body: bytes, expected: str) -> None:
    put.run(FILES)
    done = put.run(body, status=status)
    assert (done.status, expected in done.err) == (3, True), done
    assert put.there == FILES


def test_check_only_changes_nothing_and_says_what_would(put: Put) -> None:
    put.run(FILES)
    done = put.run(OTHER, "--check-only")
    assert (done.status, done.out) == (0, "Icinga accepts it: 1 host object; hosts.conf changed.\n")
    assert put.there == FILES
    put.status.write_text("1")
    assert put.run(FILES, "--check-only", output=False).status == 1


def test_without_a_folder_the_files_are_printed(put: Put) -> None:
    done = put.run(FILES, "--site", "l'été", output=False)
    assert done.out == f"// hosts.conf\n{FILES['hosts.conf']}\n// sites.conf\n{FILES['sites.conf']}"
    assert put.asked == b"GET /icinga?site=l%27%C3%A9t%C3%A9"
    assert not put.said.exists()


def test_another_configuration_to_validate_within_can_be_named(put: Put) -> None:
    put.run(FILES, "--validation-config", "/etc/icinga2/icinga2.conf")
    assert put.said.read_text().startswith("daemon -C -c /etc/icinga2/icinga2.conf -DEnclumeConfigDir=")


@pytest.mark.parametrize("option", ["--icinga2", "--reload"])
def test_a_program_that_is_missing_is_named(put: Put, option: str) -> None:
    done = put.run(FILES, option, "/nowhere/program")
    assert (done.status, "/nowhere/program" in done.err) == (3, True)
    assert not put.output.exists() or put.there == {}


def test_a_folder_with_anything_else_in_it_is_left_alone(put: Put) -> None:
    put.output.mkdir()
    (put.output / "mine.conf").write_text("object Host")
    done = put.run(FILES)
    assert (done.status, f"{put.output}/mine.conf is not of" in done.err) == (2, True)
    assert put.there == {"mine.conf": "object Host"}


def test_another_machines_service_is_asked_without_settings(tmp_path: Path) -> None:
    scripted = Scripted()
    scripted.reply = http(200, json.dumps({"files": FILES}).encode())
    done = enclume(tmp_path / "missing.yaml", "icinga", "config", "--url", scripted.url)
    scripted.close()
    assert (done.status, done.out.count(MARK)) == (0, 2)
    for status, expected in ((404, 1), (400, 2), (503, 3)):
        scripted = Scripted()
        scripted.reply = http(status, b'{"error": "no such site"}')
        done = enclume(None, "icinga", "config", "--url", scripted.url)
        scripted.close()
        assert (done.status, "no such site" in done.err) == (expected, True)


def test_where_folders_cannot_be_exchanged_one_follows_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
    folder = tmp_path / "out"
    for files in (FILES, OTHER):
        with prepared(files, folder) as new:
            replace(folder, new)
        assert current(folder) == files
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_answer_that_is_nested_without_end_is_no_configuration() -> None:
    scripted = Scripted()
    scripted.reply = http(200, b"[" * 1_000_000)
    done = enclume(None, "icinga", "config", "--url", scripted.url)
    scripted.close()
    assert (done.status, done.err.count("\n")) == (3, 1)
    assert "answered with what is no JSON" in done.err


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be written to"), prepared(FILES, tmp_path / "file" / "out"):
        pass
    with pytest.raises(Misused, match="name a folder of its own"):
        current(tmp_path / "file")
