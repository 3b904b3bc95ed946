"""A call that never returns costs its thread, and the hypervisor is tried afresh beside it."""

import io
import tempfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from facts.inventory.child_connection import Connection
from facts.inventory.child_outbox import Outbox
from facts.inventory.child_supervisor import Supervisor
from facts.inventory.child_view import View
from facts.inventory.domains import HypervisorSeen, HypervisorTarget
from facts.inventory.messages import Failed, Message, Observed, Watch, decode_message
from tests.facts.inventory.peers import SilentPeer
from tests.waiting import until

NODE = Path(__file__).resolve().parents[2] / "fixtures" / "libvirt" / "node10.xml"


def nothing_lost(supervisor: Supervisor) -> bool:
    supervisor.check()
    return not supervisor.lost


@pytest.fixture
def peer() -> Iterator[SilentPeer]:
    with tempfile.TemporaryDirectory(prefix="enc") as folder:
        peer = SilentPeer(Path(folder))
        yield peer
        peer.close()


def test_a_peer_that_hangs_for_long_is_tried_afresh_until_too_many_threads_are_lost(peer: SilentPeer) -> None:
    stream = io.BytesIO()
    supervisor = Supervisor(Outbox(stream), hung_for=0.2, lost_at_most=1)
    target = HypervisorTarget("hv1", f"qemu+unix:///system?socket={peer.path}")
    supervisor.watch(Watch((target,), deadline=0.1, interval=1))

    def checked() -> bool:
        supervisor.check()
        return supervisor.worn_out

    until(checked, 10, "two lost threads")
    until(lambda: len(peer.accepted) == 3, 5, "the third connection")
    failures = [decode_message(line) for line in stream.getvalue().splitlines()]
    assert failures
    assert all(isinstance(failure, Failed) and "did not answer within 0.1 s" in failure.reason for failure in failures)
    supervisor.watch(Watch((), deadline=0.1, interval=1))
    peer.close()

    until(lambda: nothing_lost(supervisor), 10, "the lost threads to end once libvirt lets go")
    assert not supervisor.worn_out


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_of_a_fault_of_ours_is_reported_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [RuntimeError("a fault"), RuntimeError("a fault")]
    update = View.update

    def faulty(view: View, connection: Connection, stale: AbstractSet[str]) -> HypervisorSeen | None:
        if faults:
            raise faults.pop()
        return update(view, connection, stale)

    monkeypatch.setattr(View, "update", faulty)
    stream = io.BytesIO()
    supervisor = Supervisor(Outbox(stream), hung_for=1.0)
    target = HypervisorTarget("hv1", f"test://{NODE}")
    supervisor.watch(Watch((target,), deadline=5, interval=0.1, allow_test=True))

    def heard() -> list[Message]:
        supervisor.check()
        return [decode_message(line) for line in stream.getvalue().splitlines()]

    until(lambda: any(isinstance(message, Observed) for message in heard()), 10, "the hypervisor to be read after all")
    failures = [message for message in heard() if isinstance(message, Failed)]
    assert len(failures) == 2
    assert "its thread in the inventory child ended" in failures[0].reason
    supervisor.watch(Watch((), deadline=5, interval=1))
    until(lambda: nothing_lost(supervisor), 5, "the thread to end")


def test_a_hypervisor_that_is_removed_while_it_hangs_is_reported_no_more(peer: SilentPeer) -> None:
    stream = io.BytesIO()
    supervisor = Supervisor(Outbox(stream))
    target = HypervisorTarget("hv1", f"qemu+unix:///system?socket={peer.path}")
    supervisor.watch(Watch((target,), deadline=0.1, interval=1))
    until(lambda: peer.accepted, 5, "the connection")
    supervisor.watch(Watch((), deadline=0.1, interval=1))
    peer.close()
    until(lambda: nothing_lost(supervisor), 5, "the thread to end")
    assert stream.getvalue() == b""
