"""Hypervisors that die, freeze, refuse or say nothing: the others go on, and they come back by themselves."""

import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from facts.inventory.domains import HypervisorTarget
from facts.inventory.source import InventorySource, read_once
from tests.facts.inventory.peers import SilentPeer
from tests.facts.inventory.recorder import Recorder
from tests.live.hypervisors import Hypervisor, laboratory
from tests.waiting import free_port, until

DEADLINE = 1.0


@pytest.fixture(scope="module")
def hypervisors() -> Iterator[tuple[Hypervisor, Hypervisor]]:
    with laboratory("coquille1", "coquille2") as (first, second):
        for hypervisor in (first, second):
            hypervisor.define("web")
            hypervisor.start("web")
        yield first, second


@pytest.fixture
def first(hypervisors: tuple[Hypervisor, Hypervisor]) -> Iterator[Hypervisor]:
    """The one that the tests ill-treat; it is well again afterwards."""
    yield hypervisors[0]
    if not hypervisors[0].is_up():
        hypervisors[0].restart()
    hypervisors[0].thaw()


@pytest.fixture
def second(hypervisors: tuple[Hypervisor, Hypervisor]) -> Hypervisor:
    return hypervisors[1]


@pytest.fixture
def peer() -> Iterator[SilentPeer]:
    with tempfile.TemporaryDirectory(prefix="enc") as folder:
        peer = SilentPeer(Path(folder))
        yield peer
        peer.close()


class Watched:
    """A source that watches what it is told, and what it recorded."""

    def __init__(self, *targets: HypervisorTarget) -> None:
        self.recorder = Recorder()
        self.source = InventorySource(DEADLINE, 0.2)
        self.source.watch(targets)
        self.source.start(self.recorder)

    def __enter__(self) -> Recorder:
        return self.recorder

    def __exit__(self, *_details: object) -> None:
        self.source.stop()


def both(first: Hypervisor, second: Hypervisor) -> tuple[HypervisorTarget, HypervisorTarget]:
    return HypervisorTarget("coquille1", first.uri), HypervisorTarget("coquille2", second.uri)


def until_both(recorder: Recorder) -> None:
    until(lambda: recorder.last("coquille1") and recorder.last("coquille2"), 20, "both hypervisors")


def ages(recorder: Recorder, name: str, seconds: float) -> list[float]:
    """How old what is known of a hypervisor is, looked at again and again for so many seconds."""
    found: list[float] = []
    end = time.time() + seconds

    def look() -> bool:
        found.append(time.time() - recorder.read_at(name))
        return time.time() > end

    until(look, seconds + 10, "the end of looking")
    return found


def test_a_frozen_hypervisor_is_reported_and_comes_back_and_the_other_is_read_all_the_while(
    first: Hypervisor, second: Hypervisor
) -> None:
    with Watched(*both(first, second)) as recorder:
        until_both(recorder)
        first.freeze()
        until(lambda: recorder.reasons("coquille1"), 10, "a failure of the frozen one")
        assert max(ages(recorder, "coquille2", 4)) < DEADLINE
        assert recorder.last("coquille1") is not None
        first.thaw()
        recorder.until_read("coquille1")
        assert recorder.count("coquille1") == 1
        assert not recorder.reasons("coquille2")
    said = recorder.reasons("coquille1")
    assert any(f"did not answer within {DEADLINE:g} s" in reason for reason in said)
    assert any("keepalive timeout" in reason for reason in said), "the dead line was never given up"


def test_a_hypervisor_frozen_before_it_was_ever_read_is_read_when_it_thaws(
    first: Hypervisor, second: Hypervisor
) -> None:
    first.freeze()
    with Watched(*both(first, second)) as recorder:
        until(lambda: recorder.reasons("coquille1") and recorder.last("coquille2"), 10, "one failure, one answer")
        first.thaw()
        recorder.until_read("coquille1")


def test_a_killed_libvirtd_is_reported_at_once_and_read_again_after_its_restart(
    first: Hypervisor, second: Hypervisor
) -> None:
    with Watched(*both(first, second)) as recorder:
        until_both(recorder)
        first.kill()
        until(lambda: recorder.reasons("coquille1"), 5, "a failure of the dead one")
        assert max(ages(recorder, "coquille2", 1)) < DEADLINE
        first.restart()
        recorder.until_read("coquille1", 40)
        first.suspend("web")
        recorder.until_state("coquille1", "web", "paused")
        first.resume("web")
        recorder.until_state("coquille1", "web", "running")
        assert not recorder.reasons("coquille2")
    assert any("check that libvirtd runs" in reason for reason in recorder.reasons("coquille1"))


def test_a_guest_whose_storage_is_dead_holds_back_neither_its_hypervisor_nor_its_own_state(
    first: Hypervisor, second: Hypervisor
) -> None:
    with Watched(*both(first, second)) as recorder:
        until_both(recorder)
        first.freeze_guest("web")
        try:
            first.define("late")
            recorder.until_state("coquille1", "late", "shutoff", 5)
            assert max(ages(recorder, "coquille1", 2)) < DEADLINE
            domain = recorder.domain("coquille1", "web")
            assert domain is not None
            assert domain.state == "running"
        finally:
            first.thaw_guest("web")
            first.forget("late")
        assert not recorder.reasons("coquille1")


def test_a_hung_storage_pool_holds_no_state_back(second: Hypervisor) -> None:
    """libvirt keeps the pool locked while it waits for the dead server: whoever asks for the pools waits too."""
    with second.hung_pool("vms"), Watched(HypervisorTarget("coquille2", second.uri)) as recorder:
        until(lambda: recorder.last("coquille2"), 10, "coquille2")
        second.suspend("web")
        recorder.until_state("coquille2", "web", "paused", 2)
        second.resume("web")
        recorder.until_state("coquille2", "web", "running", 2)
        assert not recorder.reasons("coquille2")


def test_a_peer_that_accepts_and_never_answers_is_reported_and_holds_nobody_up(
    peer: SilentPeer, second: Hypervisor
) -> None:
    silent = HypervisorTarget("silent", f"qemu+unix:///system?socket={peer.path}")
    with Watched(silent, HypervisorTarget("coquille2", second.uri)) as recorder:
        until(lambda: recorder.reasons("silent") and recorder.last("coquille2"), 10, "a failure and an answer")
        assert max(ages(recorder, "coquille2", 2)) < DEADLINE
    assert "did not answer within 1 s; its last observation stays" in recorder.reasons("silent")[0]


def test_a_silent_ssh_server_is_reported_and_leaves_no_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"qemu+ssh://nobody@127.0.0.1:{server.getsockname()[1]}/system"
        answers = read_once([HypervisorTarget("silent", uri)], DEADLINE)
    assert "did not answer within 1 s" in str(answers["silent"])
    until(lambda: not _ssh_processes(uri), 5, "ssh to end with the child")


def _ssh_processes(uri: str) -> list[psutil.Process]:
    port = uri.partition("@")[2].partition(":")[2].partition("/")[0]
    return [process for process in psutil.process_iter(["cmdline"]) if port in (process.info["cmdline"] or [])]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("qemu+unix:///system?socket=/nonexistent/sock", "the URI names its socket"),
        ("qemu+ssh://nobody@127.0.0.1:{port}/system", "Connection refused|Broken pipe"),
        ("qemu+tls://127.0.0.1:{port}/system", "certificate"),
    ],
)
def test_a_hypervisor_that_cannot_be_reached_says_why_and_what_to_do(uri: str, reason: str) -> None:
    target = HypervisorTarget("gone", uri.format(port=free_port()))
    said = str(read_once([target], 5)["gone"])
    assert re.search(reason, said)
    assert ";" in said


def test_killing_the_child_costs_a_moment_and_changes_nothing(first: Hypervisor, second: Hypervisor) -> None:
    with Watched(*both(first, second)) as recorder:
        until_both(recorder)
        child = next(process for process in psutil.Process().children() if "facts.inventory.child" in process.cmdline())
        os.kill(child.pid, signal.SIGKILL)
        killed_at = time.time()
        until(lambda: min(recorder.read_at("coquille1"), recorder.read_at("coquille2")) > killed_at, 5, "both again")
        assert (recorder.count("coquille1"), recorder.count("coquille2")) == (1, 1)
        assert not recorder.failures
        first.suspend("web")
        recorder.until_state("coquille1", "web", "paused")
        first.resume("web")
