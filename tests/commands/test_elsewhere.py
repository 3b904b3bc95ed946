"""The service that --url names: asked without settings, which may be wrong meanwhile."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.lab import enclume
from tests.commands.scripted import Scripted, http
from tests.web.judging import Judging, audited, get, verdict

COMMANDS = (("audit",), ("layers",), ("icinga", "config"))


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A settings file with a key that is none."""
    config = tmp_path / "enclume.yaml"
    config.write_text("directory: {uri: 'ldap://x', base: dc=x}\nthresholds: {nonsense: 1}\n")
    return config


def test_a_service_that_runs_on_is_asked_although_the_settings_are_wrong(scripted: Scripted, wrong: Path) -> None:
    scripted.reply = http(200, json.dumps(get(Judging(audited(verdict("web01"))), "").json).encode())
    done = enclume(wrong, "audit", "--url", scripted.url)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_settings_are_told_with_what_was_expected_and_the_way_around_them(
    command: tuple[str, ...], wrong: Path
) -> None:
    done = enclume(wrong, *command)
    assert done.status == 2
    assert "thresholds: unknown field `nonsense`: expected backup_critical, backup_shrunk, " in done.err
    assert done.err.endswith("; or name the service with --url, for which no settings are read\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_url_is_wrong_use(command: tuple[str, ...]) -> None:
    done = enclume(None, *command, "--url", "foo")
    assert (done.status, done.err) == (2, "enclume: foo: expected https://HOST:PORT (--url or ENCLUME_URL)\n")


@pytest.mark.parametrize(("status", "expected"), [(404, 1), (400, 2), (403, 3), (503, 3)])
def test_a_refusal_has_the_exit_status_that_it_has_with_settings(
    scripted: Scripted, status: int, expected: int
) -> None:
    scripted.reply = http(status, b'{"error": "because of this"}')
    done = enclume(None, "layers", "--url", scripted.url)
    assert (done.status, "because of this" in done.err) == (expected, True)


def test_what_is_no_json_is_not_taken_for_an_answer(scripted: Scripted) -> None:
    scripted.reply = http(200, b"<html>")
    done = enclume(None, "audit", "--url", scripted.url)
    assert (done.status, "no JSON; is it Enclume that listens there?" in done.err) == (3, True)
