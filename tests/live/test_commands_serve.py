"""`enclume serve` as an administrator runs it: signals, reload, log."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.commands.lab import LAB, Laboratory
from tests.live.slapd import Slapd
from tests.waiting import until

HOST = "roundcube.lab.test"
RULES = "- name: everybody gets this\n  classes: [{name}]\n"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("ldap"), ldif=LAB / "directory.ldif") as running:
        yield running


@pytest.fixture
def lab(slapd: Slapd, tmp_path: Path) -> Iterator[Laboratory]:
    with Laboratory(tmp_path, slapd) as made:
        yield made


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_and_leaves_no_process(lab: Laboratory, how: signal.Signals) -> None:
    family = psutil.Process(lab.start().process.pid).children(recursive=True)
    assert len(family) == 3  # the worker, the inventory child and the intake child
    lab.signal(how)
    assert lab.process.wait(20) == 0
    assert [process for process in family if process.is_running()] == []
    assert "Traceback" not in lab.log


def test_the_log_is_plain_lines_and_says_what_stands_open(lab: Laboratory) -> None:
    lab.start()
    assert "WARNING enclume.server: without TLS: only this machine can ask" in lab.log
    assert lab.stop() == 0


def test_a_reload_reads_settings_and_rules_again(lab: Laboratory, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.format(name="first"))
    lab.write(rules=str(rules)).start()
    assert "first" in lab.classes(HOST)
    rules.write_text(RULES.format(name="first, second"))
    lab.signal(signal.SIGHUP)
    until(lambda: "second" in (lab.get(f"/enc/{HOST}")[1] or {}).get("classes", ()), 20, "the new rules")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [("- name: x\n  wen: {}\n", "wen: unknown key"), ("- [", "is not YAML"), (None, "No such file")],
)
def test_a_reload_with_rules_that_are_wrong_changes_nothing_and_is_said(
    lab: Laboratory, tmp_path: Path, broken: str | None, expected: str
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.format(name="first"))
    lab.write(rules=str(rules)).start()
    if broken is None:
        rules.unlink()
    else:
        rules.write_text(broken)
    lab.signal(signal.SIGHUP)
    until(lambda: expected in lab.log, 10, "the refusal in the log")
    until(lambda: lab.get("/health/ready")[1]["problems"], 10, "the service's own word")
    (problem,) = lab.get("/health/ready")[1]["problems"]
    assert problem.startswith("the settings in force stay: ")
    assert expected in problem
    assert "first" in lab.classes(HOST)


def test_a_port_that_is_taken_is_one_line_and_status_2(lab: Laboratory) -> None:
    lab.start()
    done = Laboratory(lab.folder / "second", lab.slapd).write(listen=f"127.0.0.1:{lab.port}").launch()
    assert done.process.wait(20) == 2
    assert f"enclume: settings: listen: 127.0.0.1:{lab.port}: cannot be listened on: Address already in use" in done.log
    assert "Traceback" not in done.log
