"""`enclume demo`: up with one command, every line that it prints works as printed, gone without a trace."""

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from commands.demo_words import TRIES
from tests.waiting import free_port, until

ENCLUME = Path(sys.prefix, "bin", "enclume")
# The platform has guests at the wrong place, needs one of them to boot, and another has no answer, on purpose.
WRONG = {"lab": (), "platform": (1,)}
# No host of the examples observes itself.
NOT_KNOWN = {"lab": (3,), "platform": (1,)}
LINES = re.compile(r"^    (\S.*)$", re.MULTILINE)


class Demo:
    """A demonstration started in `cwd`, as from a terminal."""

    def __init__(self, cwd: Path, *arguments: str, port: int | None = None, user: str | None = None) -> None:
        self.cwd, self.port = cwd, port or free_port()
        self._as = ["setpriv", f"--reuid={user}", "--clear-groups", "--"] if user else []
        cwd.mkdir(parents=True, exist_ok=True)
        self._said = cwd / "said"
        with self._said.open("wb") as file:
            self.process = subprocess.Popen(
                [*self._as, str(ENCLUME), "demo", "--port", str(self.port), *arguments],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    @property
    def said(self) -> str:
        return self._said.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[str]:
        """What it invites to type."""
        return LINES.findall(self.said)

    def wait_up(self) -> "Demo":
        until(lambda: "End it with Ctrl-C." in self.said or self.process.poll() is not None, 60, "the demonstration")
        assert self.process.poll() is None, self.said
        until(lambda: len(self.lines) == 11, what="all its lines")
        return self

    def run(self, line: str, *statuses: int) -> str:
        """Type a line in another terminal in the same folder; what it prints. It ends with one of these, 0 or none."""
        done = subprocess.run(
            [*self._as, "bash", "-c", line], cwd=self.cwd, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, *statuses), f"{line}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Demo] = []

    def start_one(*arguments: str, cwd: Path | None = None, **more: Any) -> Demo:
        started.append(Demo(cwd or tmp_path, *arguments, **more))
        return started[-1]

    yield start_one
    for demo in started:
        if demo.process.poll() is None:
            demo.end(signal.SIGTERM)


@pytest.mark.parametrize("estate", sorted(TRIES))
def test_every_line_that_it_prints_works_as_printed(start: Start, estate: str) -> None:
    one = TRIES[estate]
    demo = start("--estate", estate).wait_up()
    curl, why, ldapmodify, why_class, unassign, placement, audit, layers, check, metrics, doctor = demo.lines
    assert one.class_name not in json.loads(demo.run(curl))["classes"]
    assert one.host in demo.run(why)
    assert "modifying entry" in demo.run(ldapmodify)
    until(lambda: one.class_name in json.loads(demo.run(curl))["classes"], 5, "the answer with the new class")
    assert f"cn={one.service}," in demo.run(why_class)
    assert f"- class {one.class_name}" in demo.run(unassign)
    assert one.class_name not in json.loads(demo.run(curl))["classes"]
    assert "placement" in demo.run(placement, *WRONG[estate])
    assert "backup" in demo.run(audit, *NOT_KNOWN[estate])
    assert "Cold start" in demo.run(layers, *WRONG[estate])
    assert demo.run(check, *WRONG[estate]).startswith("PLACEMENT WARNING" if WRONG[estate] else "PLACEMENT OK")
    assert "enclume_guest_state{" in demo.run(metrics)
    bad = [line for line in demo.run(doctor, *WRONG[estate]).splitlines() if line.startswith("bad")]
    assert ["compute2" in line for line in bad] == ([True] if WRONG[estate] else [])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_cleanly(start: Start, how: signal.Signals) -> None:
    demo = start().wait_up()
    family = demo.family()
    assert {"slapd"} < {process.name() for process in family}
    assert demo.end(how) == 0
    assert "everything is removed" in demo.said
    assert [process for process in family if process.is_running()] == []
    assert [path.name for path in demo.cwd.iterdir()] == ["said"]


def test_it_ends_cleanly_while_it_starts(start: Start) -> None:
    demo = start()
    until((demo.cwd / ".demo/service.log").exists, 20, "the service's start")
    family = demo.family()
    assert demo.end(signal.SIGINT) == 0
    assert "is up" not in demo.said
    assert [process for process in family if process.is_running()] == []
    assert not (demo.cwd / ".demo").exists()


def test_its_children_end_when_it_is_killed_and_the_next_one_cleans_up(start: Start) -> None:
    demo = start().wait_up()
    family = demo.family()
    demo.end(signal.SIGKILL)
    until(lambda: not [process for process in family if process.is_running()], 20, "the end of its children")
    assert (demo.cwd / ".demo").exists()
    again = start().wait_up()
    assert again.end(signal.SIGINT) == 0
    assert not (again.cwd / ".demo").exists()


def test_a_part_that_ends_by_itself_ends_it_with_its_last_words(start: Start) -> None:
    demo = start().wait_up()
    (slapd,) = [process for process in demo.family() if process.name() == "slapd"]
    slapd.send_signal(signal.SIGTERM)
    assert demo.process.wait(30) == 3
    assert "enclume: slapd: ended with status 0, having said:" in demo.said
    assert "slapd stopped." in demo.said
    assert not (demo.cwd / ".demo").exists()


def test_a_port_that_is_taken_is_named_and_nothing_is_left(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        demo = start(port=port)
        assert demo.process.wait(20) == 2
    assert f"port {port} of 127.0.0.1: is taken by another program; choose another: --port NUMBER" in demo.said
    assert not (demo.cwd / ".demo").exists()


def test_a_folder_whose_name_is_too_long_for_a_socket_does_no_harm(start: Start, tmp_path: Path) -> None:
    demo = start(cwd=tmp_path / ("a" * 60) / ("b" * 60)).wait_up()
    assert json.loads(demo.run(demo.lines[0]))["classes"]
    assert "modifying entry" in demo.run(demo.lines[2])
    assert "agenda" in demo.run(demo.lines[3])


def test_it_runs_for_an_ordinary_user(start: Start) -> None:
    """slapd, the hypervisors and the service ask for no privilege."""
    with tempfile.TemporaryDirectory(prefix="enc") as folder:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        demo = start(cwd=Path(folder), user="nobody").wait_up()
        assert json.loads(demo.run(demo.lines[0]))["classes"]
        assert "modifying entry" in demo.run(demo.lines[2])
        assert demo.end(signal.SIGINT) == 0
        assert [path.name for path in demo.cwd.iterdir()] == ["said"]
