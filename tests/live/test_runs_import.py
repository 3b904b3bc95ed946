"""`enclume runs import` into a real service that is killed meanwhile: every report is kept, and once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.lab import LAB, ROOT, Done, Laboratory
from tests.commands.test_runs_import import WEB, stored
from tests.live.slapd import Slapd
from tests.waiting import until

NUMBER = 300
PERIOD = ("--since", "2026-11-22", "--until", "2026-11-23", "--limit", "1000")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    with Slapd(tmp_path, ldif=LAB / "directory.ldif") as slapd, Laboratory(tmp_path / "lab", slapd) as made:
        yield made.start()


def listed(lab: Laboratory) -> list[str]:
    """The UUIDs of the runs that the service knows."""
    done = lab.run("runs", "list", *PERIOD, "--json")
    return [one["uuid"] for one in done.json["runs"]] if done.status == 0 else []


def forgotten(lab: Laboratory) -> Done | None:
    """What comes of forgetting the node; None while the service does not know of it, a moment after the history."""
    done = lab.run("runs", "forget", WEB)
    return done if done.err != f"enclume: no run of {WEB} is known\n" else None


def test_a_replay_outlives_the_service_and_doubles_nothing(lab: Laboratory, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    for number in range(NUMBER):
        stored(folder, number)
    (folder / WEB / "202611222359.yaml").write_text("nothing\n")
    command = [sys.executable, str(ROOT / "cli.py"), "--config", str(lab.config), "runs", "import", str(folder)]
    importing = subprocess.Popen(
        [*command, "--rate", "300"], env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: len(listed(lab)) > NUMBER // 10, 30, "the first runs")
    lab.process.send_signal(signal.SIGKILL)
    lab.process.wait(10)
    lab.start()
    out, err = importing.communicate(timeout=120)
    assert (importing.returncode, out) == (1, "301 of 301 reports: 300 sent, 0 known already, 1 bad.\n"), err
    assert f"{folder / WEB / '202611222359.yaml'}: " in err
    until(lambda: len(listed(lab)) == NUMBER, 60, "all runs")
    assert len(set(listed(lab))) == NUMBER
    done = lab.run("runs", "import", str(folder))
    assert (done.status, done.out) == (1, "301 of 301 reports: 0 sent, 300 known already, 1 bad.\n")
    (place,) = lab.run("runs", "by", "site", *PERIOD, "--json").json["places"]
    assert (place["name"], place["runs"], place["nodes"]) == ("", NUMBER, 1)


def test_a_node_that_is_no_more_is_forgotten(lab: Laboratory, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    stored(folder, 0)
    assert lab.run("runs", "import", str(folder)).status == 0
    until(lambda: len(listed(lab)) == 1, 20, "the run")
    done = until(lambda: forgotten(lab), 20, "the service to know of what the history has")
    assert done is not None
    assert (done.status, done.out) == (0, f"{WEB} is forgotten.\n"), done
    assert listed(lab) == []
    done = lab.run("runs", "forget", WEB)
    assert (done.status, done.err) == (1, f"enclume: no run of {WEB} is known\n")
    assert lab.run("runs", "forget", "roundcube.lab.test").status == 1
