"""When statistics are read, and that what hangs is given up within limits; against peers that are no libvirtd."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from facts.inventory import child_meter
from facts.inventory.child_meter import Meters
from facts.inventory.child_outbox import Outbox
from facts.inventory.domains import Domain, HypervisorTarget
from facts.inventory.messages import Unmeasured, Watch, decode_message
from tests.facts.inventory.peers import SilentPeer
from tests.waiting import until


class Watcher:
    """One whose hypervisor answers, or does not."""

    def __init__(self) -> None:
        self.domains: tuple[Domain, ...] | None = ()

    def at_rest(self) -> tuple[Domain, ...] | None:
        return self.domains


@pytest.fixture
def peer() -> Iterator[SilentPeer]:
    with tempfile.TemporaryDirectory(prefix="enc") as folder:
        peer = SilentPeer(Path(folder))
        yield peer
        peer.close()


class Checked:
    """Meters of one hypervisor behind a silent peer, checked whenever `accepted` is asked."""

    def __init__(self, peer: SilentPeer, statistics: float = 0.05) -> None:
        self.watcher, self._peer = Watcher(), peer
        self.target = HypervisorTarget("hv1", f"qemu+unix:///system?socket={peer.path}")
        self.meters = Meters(Outbox(io.BytesIO()))
        self.watch((self.target,), statistics)

    def watch(self, targets: tuple[HypervisorTarget, ...], statistics: float = 0.05) -> None:
        self.meters.watch(Watch(targets, 1.0, 1.0, statistics=statistics))

    def check(self) -> bool:
        self.meters.check({self.target: self.watcher})
        return True

    def accepted(self) -> int:
        self.check()
        return len(self._peer.accepted)

    def lost(self) -> int:
        self.check()
        return self.meters.lost

    def end(self) -> None:
        self.watch(())
        self._peer.close()


@pytest.fixture
def checked(peer: SilentPeer) -> Iterator[Checked]:
    checked = Checked(peer)
    yield checked
    checked.end()


def test_a_reading_that_fails_is_said_with_what_to_do(checked: Checked, tmp_path: Path) -> None:
    target = HypervisorTarget("hv2", f"qemu+unix:///system?socket={tmp_path}/missing")
    said = io.BytesIO()
    meters = Meters(Outbox(said))
    meters.watch(Watch((target,), 1.0, 1.0, statistics=0.05))

    def heard() -> bool:
        meters.check({target: checked.watcher})
        return bool(said.getvalue())

    until(heard, 10, "the failure")
    message = decode_message(said.getvalue().splitlines()[0])
    assert isinstance(message, Unmeasured)
    assert message.target == target
    assert "No such file or directory; check that libvirtd runs there" in message.reason


def test_what_hangs_with_its_hypervisor_is_given_up_until_as_many_hang_as_may(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_meter, "HUNG_FOR", 0.1)
    monkeypatch.setattr(child_meter, "LOST_AT_MOST", 2)
    until(lambda: checked.accepted() == 3, 10, "two lost connections and a third")
    assert checked.lost() == 2
    checks = iter(range(30))
    until(lambda: checked.check() and next(checks, None) is None, 10, "some more checks")
    assert (checked.accepted(), checked.lost()) == (3, 2)


def test_nothing_is_asked_while_the_hypervisor_does_not_answer(checked: Checked) -> None:
    checked.watcher.domains = None
    checks = iter(range(30))
    until(lambda: checked.check() and next(checks, None) is None, 10, "some checks")
    assert checked.accepted() == 0
    checked.watcher.domains = ()
    until(checked.accepted, 10, "the connection")


def test_nothing_is_asked_when_statistics_are_never_read(peer: SilentPeer) -> None:
    checked = Checked(peer, statistics=0.0)
    checks = iter(range(30))
    until(lambda: checked.check() and next(checks, None) is None, 10, "some checks")
    assert checked.accepted() == 0


@pytest.mark.parametrize("uri", ["test:///default", "xen:///system", "qemu+ext:///system?command=x"])
def test_drivers_without_statistics_and_uris_that_are_refused_have_none(uri: str) -> None:
    meters = Meters(Outbox(io.BytesIO()))
    target = HypervisorTarget("hv1", uri)
    meters.watch(Watch((target,), 1.0, 1.0, allow_test=True, statistics=0.001))
    assert meters.watched == frozenset()
