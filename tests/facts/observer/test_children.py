"""Tasks of `enclume-observe` that hang, fail or are killed: the others are answered, and nothing is left behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.facts.observer.program import ROOT, observe, run
from tests.waiting import until

DRIVER = """
import json, os, select, signal, subprocess, sys, time
from tests.facts.observer.program import observe
hang = lambda: select.select([], [], [])
def refuse(): raise ValueError("password")
def grandchild():
    print(subprocess.Popen(["tail", "-f", "/dev/null"]).pid, file=sys.stderr, flush=True)
    return "done"
def stuck():
    grandchild()
    hang()
def nested(): return {k: v.fault for k, v in observe.gather({"in": hang, "ok": int}, 0.2).items()}
tasks = {name: eval(name) for name in sys.argv[3:]}
lead, begin = sys.argv[2] == "lead", time.monotonic()
outcomes = observe.gather(tasks, float(sys.argv[1]), lead=lead)
print(json.dumps({"outcomes": outcomes, "seconds": time.monotonic() - begin}))
"""


def gathered(seconds: float, *tasks: str, lead: str = "lead") -> tuple[dict[str, Any], float, str]:
    command = [sys.executable, "-c", DRIVER, str(seconds), lead, *tasks]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(done.stdout)
    return answer["outcomes"], answer["seconds"], done.stderr


def test_every_task_is_answered() -> None:
    outcomes, seconds, _ = gathered(20, "int", "str", "list", "dict")
    assert outcomes == {"int": [0, ""], "str": ["", ""], "list": [[], ""], "dict": [{}, ""]}
    assert seconds < 10


@pytest.mark.parametrize("lead", ["lead", "follow"])
def test_a_task_that_hangs_is_given_up_and_the_others_are_answered(lead: str) -> None:
    outcomes, seconds, _ = gathered(0.5, "hang", "int", lead=lead)
    assert outcomes == {"hang": [None, "late"], "int": [0, ""]}
    assert 0.5 <= seconds < 5


def test_a_task_that_fails_is_named_without_its_words() -> None:
    outcomes, _, told = gathered(20, "refuse", "int")
    assert outcomes["refuse"] == [None, "ValueError, line 5"]
    assert outcomes["int"] == [0, ""]
    assert "password" not in told


def test_a_task_that_is_killed_is_told_by_its_status() -> None:
    outcomes, _, _ = gathered(20, "lambda: os.kill(os.getpid(), signal.SIGKILL)", "int")
    assert outcomes["lambda: os.kill(os.getpid(), signal.SIGKILL)"] == [None, "ended with status 9"]
    assert outcomes["int"] == [0, ""]


def is_gone(pid: int) -> bool:
    """Whether a process has ended; its parent may not have asked yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except OSError:
        return True


@pytest.mark.parametrize(("task", "outcome"), [("grandchild", ["done", ""]), ("stuck", [None, "late"])])
def test_a_program_that_a_task_left_is_killed_and_not_waited_for(task: str, outcome: list[Any]) -> None:
    outcomes, seconds, told = gathered(0.7, task)
    assert outcomes == {task: outcome}
    assert seconds < 10
    until(lambda: is_gone(int(told)), what="the program to end")


def test_a_task_may_have_children_of_its_own() -> None:
    outcomes, seconds, _ = gathered(20, "nested")
    assert outcomes["nested"] == [{"ok": "", "in": "late"}, ""]
    assert seconds < 10


def test_a_long_answer_comes_whole() -> None:
    outcomes, _, _ = gathered(20, "lambda: 'x' * 5_000_000")
    assert len(outcomes["lambda: 'x' * 5_000_000"][0]) == 5_000_000


def test_many_tasks_wait_for_their_turn_and_are_not_called_late_without_one() -> None:
    names = [f"lambda: select.select([], [], []) or {number}" for number in range(40)]
    outcomes, _, _ = gathered(0.5, *names)
    faults = [outcome[1] for outcome in outcomes.values()]
    assert (faults.count("late"), faults.count("untried")) == (32, 8)


def hanging(folder: Path) -> Path:
    """A program that never returns, as a call into a dead mount."""
    path = folder / "hang"
    path.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    path.chmod(0o755)
    return path


def test_a_mount_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    settings = tmp_path / "observe.conf"
    settings.write_text(f"[mounts]\nprobe = {hanging(tmp_path)}\ndeadline = 0.3\n")
    done = run("--print", "--root", ROOT, "--config", settings)
    kinds = done.document["kinds"]
    assert done.seconds < 10
    assert [mount["responding"] for mount in kinds["mounts"]] == [False, False]
    assert kinds["nfsd"]["threads"] == 8
    assert all(kinds[kind] for kind in ("mirrors", "uses", "logs"))


@pytest.mark.parametrize(("program", "answers"), [("true", True), ("false", False)])
def test_a_mounts_server_is_tried_by_the_configured_command(tmp_path: Path, program: str, answers: bool) -> None:
    settings = tmp_path / "observe.conf"
    settings.write_text(f"[mounts]\nprobe = {program}\n")
    mounts = run("--print", "--root", ROOT, "--config", settings, "--only", "mounts").document["kinds"]["mounts"]
    assert [mount["responding"] for mount in mounts] == [answers, answers]


def test_a_program_that_hangs_loses_its_own_kind_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    (root / "usr/sbin").mkdir(parents=True)
    (root / "var/log").mkdir(parents=True)
    (root / "proc/drbd").write_text("version: 9.1\n")
    hanging(tmp_path).rename(root / "usr/sbin/drbdsetup")
    settings = tmp_path / "observe.conf"
    settings.write_text("[observe]\ndeadline = 1\n")
    done = run("--print", "--root", root, "--config", settings)
    assert done.seconds < 10
    assert done.document["kinds"]["mirrors"] is None
    assert done.document["kinds"]["logs"] == {"bytes": 0, "remote": False}
    assert done.document["problems"] == ["mirrors: not read within 1 s, and given up"]


def test_a_mount_is_tried_by_asking_for_its_figures(tmp_path: Path) -> None:
    assert observe._touch(str(tmp_path), None) is True
    assert observe._touch(str(tmp_path / "none"), None) == "No such file or directory"
