"""The inventory child ends with its service, and is started again when it ends before."""

import logging
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from facts.inventory.children import COMMAND, InventoryChild
from facts.inventory.domains import HypervisorTarget
from facts.inventory.messages import Confirmed, Failed, Message, Observed, Watch, decode_message, encode
from facts.inventory.source import InventorySource
from facts.pipes import ROOT
from tests.facts.inventory.recorder import Recorder
from tests.waiting import until

NODE = Path(__file__).resolve().parents[2] / "fixtures" / "libvirt" / "node10.xml"
HV1 = HypervisorTarget("hv1", f"test://{NODE}")


def a_child() -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def test_the_child_speaks_one_json_value_a_line_and_ends_when_its_stdin_closes() -> None:
    with a_child() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(encode(Watch((HV1,), 5, 0.2, allow_test=True)) + b"\n")
        child.stdin.flush()
        heard: list[Message] = []
        while not any(isinstance(message, Observed) for message in heard):
            heard.append(decode_message(child.stdout.readline()))
        while not any(isinstance(message, Confirmed) and message.read_at for message in heard):
            heard.append(decode_message(child.stdout.readline()))
        child.stdin.close()
        assert child.wait(5) == 0


def test_a_line_that_is_no_message_ends_the_child_with_a_sentence() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(COMMAND, input=b"{}\n", capture_output=True, env=environment, timeout=20, check=False)
    assert done.returncode == 2
    assert b"expected one Watch message a line" in done.stderr


def test_a_uri_is_parsed_again_in_the_child() -> None:
    """Whoever forgets to parse it before cannot make libvirt run a command."""
    with a_child() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        bad = HypervisorTarget("hv1", "qemu+ext:///system?command=/bin/true")
        child.stdin.write(encode(Watch((bad,), 5, 0.2)) + b"\n")
        child.stdin.flush()
        message = decode_message(child.stdout.readline())
        while isinstance(message, Confirmed):
            message = decode_message(child.stdout.readline())
        child.stdin.close()
    assert isinstance(message, Failed)
    assert "'ext' is refused" in message.reason


def test_a_child_that_is_killed_is_started_again_and_what_it_repeats_is_no_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    source = InventorySource(5.0, 0.2, allow_test=True)
    source.watch((HV1,))
    source.start(recorder)
    until(lambda: recorder.last("hv1"), 15, "hv1")
    first = source.pid
    assert first is not None
    with caplog.at_level(logging.WARNING, "enclume.inventory"):
        os.kill(first, signal.SIGKILL)
        until(lambda: source.pid not in (first, None), 15, "another child")
        recorder.until_read("hv1")
        source.stop()
    assert recorder.count("hv1") == 1
    assert not recorder.reasons("hv1")
    assert "ended (status -9)" in caplog.text
    assert not psutil.pid_exists(first)


def test_a_child_that_ends_again_and_again_is_said_of_every_hypervisor() -> None:
    recorder = Recorder()
    source = InventorySource(5.0, 0.2, allow_test=True)
    source.watch((HV1, HypervisorTarget("hv2", HV1.uri)))
    source.start(recorder)
    killed: set[int] = set()

    def kill_the_next() -> bool:
        pid = source.pid
        if pid is not None and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return bool(recorder.reasons("hv1") and recorder.reasons("hv2"))

    until(kill_the_next, 20, "two failures")
    source.stop()
    assert "the inventory child ended (status -9), 2 times in a row" in recorder.reasons("hv1")[0]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (("/bin/sh", "-c", "echo '{}'; exec sleep 60"), "the inventory child said what is no message"),
        (("/nowhere/python",), "the inventory child could not be started"),
    ],
    ids=["it says what is no message", "it cannot be started"],
)
def test_a_child_that_is_none_is_tried_again_and_said_of_every_hypervisor(
    monkeypatch: pytest.MonkeyPatch, program: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr("facts.inventory.children.COMMAND", program)
    recorder = Recorder()
    source = InventorySource(5.0, 0.2)
    source.watch((HV1,))
    source.start(recorder)
    until(lambda: recorder.reasons("hv1"), 20, "a failure")
    monkeypatch.setattr("facts.inventory.children.COMMAND", COMMAND)
    until(lambda: source.pid, 20, "the child")
    source.stop()
    assert why in recorder.reasons("hv1")[0]


def test_a_child_that_hangs_as_a_whole_is_killed_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facts.children.SILENT_AT_MOST", 1.0)
    recorder = Recorder()
    source = InventorySource(5.0, 0.2, allow_test=True)
    source.watch((HV1,))
    source.start(recorder)
    until(lambda: recorder.last("hv1"), 15, "hv1")
    first = source.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    until(lambda: source.pid not in (first, None), 15, "another child")
    recorder.until_read("hv1")
    source.stop()
    assert not psutil.pid_exists(first)


def test_a_child_that_takes_no_input_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more than a pipe holds is queued while the child is frozen, and it is stopped all the same."""
    monkeypatch.setattr("facts.children.GOODBYE", 0.2)
    child = InventoryChild(lambda _message: None, lambda _reason: None)
    child.start()
    pid = until(lambda: child.pid, 5, "the child")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    targets = tuple(HypervisorTarget(f"hv{number}", HV1.uri) for number in range(5000))
    for _ in range(5):
        child.watch(Watch(targets, 5, 2, allow_test=True))
    child.stop()
    assert not psutil.pid_exists(pid)


def test_stopping_before_anything_was_watched_is_quick_and_clean() -> None:
    source = InventorySource(5.0, 2.0)
    source.start(Recorder())
    source.stop()
    assert source.pid is None
