"""`enclume icinga config`: one run at a time, and nothing left of those that were killed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands import icinga_lock
from commands.icinga_lock import alone
from tests.commands.lab import ROOT
from tests.commands.putting import FILES, OTHER, THIRD, Put
from tests.commands.scripted import Scripted, http
from tests.waiting import until


@pytest.fixture
def put(tmp_path: Path) -> Put:
    return Put(tmp_path)


@contextmanager
def scripted_service(files: Mapping[str, str]) -> Iterator[Scripted]:
    scripted = Scripted()
    try:
        scripted.reply = http(200, json.dumps({"generation": 1, "files": files}).encode())
        yield scripted
    finally:
        scripted.close()


def test_a_second_run_waits_for_the_first_and_says_when_that_does_not_end(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.run(FILES)
    monkeypatch.setattr(icinga_lock, "PATIENCE", 0.1)
    with alone(put.output):
        done = put.run(OTHER)
    assert (done.status, done.out) == (3, "")
    assert f"{put.output}: another run of `enclume icinga config` is at work on it" in done.err
    assert put.there == FILES
    assert put.run(OTHER).status == 0


def test_a_run_that_waited_does_its_work(put: Put) -> None:
    held = alone(put.output)
    held.__enter__()
    ending = threading.Timer(0.2, held.__exit__, (None, None, None))
    ending.start()
    assert (put.run(FILES).status, put.there) == (0, FILES)
    ending.join()


def test_nobody_comes_between_new_files_and_a_reload_that_fails(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.run(FILES)
    begun, go = (put.output.with_name(name) for name in ("begun", "go"))
    os.mkfifo(go)
    with scripted_service(OTHER) as service:
        program = [sys.executable, str(ROOT / "cli.py"), "icinga", "config", "--output", str(put.output)]
        reload_slowly = ["--reload", f"sh -c 'touch {begun}; read line <{go}; exit 1'"]
        command = [*program, *reload_slowly, "--icinga2", str(put.icinga), "--url", service.url]
        failing = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(begun.exists)
        monkeypatch.setattr(icinga_lock, "PATIENCE", 0.1)
        refused = put.run(THIRD, "--reload", "true")
        go.write_text("now\n")
        assert (failing.wait(10), refused.status) == (3, 3)
    assert put.there == FILES
    assert put.run(THIRD, "--reload", "true").status == 0
    assert put.there == THIRD


def test_what_killed_runs_left_is_removed_and_nothing_else(put: Put) -> None:
    put.run(FILES)
    left = {".out.a1b2c3_4": "hosts.conf", ".out.a1b2c3_4.old": "hosts.conf", ".out.zzzzzzzz": "hosts.conf"}
    kept = {".out.mine0000": "mine.conf", ".out.backup": "hosts.conf", ".other.a1b2c3_4": "hosts.conf"}
    for name, file in {**left, **kept}.items():
        put.output.with_name(name).mkdir()
        (put.output.with_name(name) / file).write_text("" if name == ".out.zzzzzzzz" else FILES["hosts.conf"])
    (put.output.with_name(".out.mine0000") / "mine.conf").write_text("object Host")
    put.output.with_name(".out.link0000").symlink_to(put.output)
    assert put.run(OTHER).status == 0
    assert put.beside == sorted([*kept, ".out.link0000"])
    assert put.there == OTHER
