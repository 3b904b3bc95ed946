"""What every inventory source does, whatever stands behind it.

A file of tests subclasses `InventoryContract` and gives it a `world`.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Protocol

import pytest

from facts.inventory.domains import HypervisorTarget
from facts.inventory.statistics import HypervisorStatistics
from facts.source import Ledger, SourceKey
from tests.facts.inventory.recorder import Recorder
from tests.waiting import until


class WatchingSource(Protocol):
    """A source whose targets may change."""

    def start(self, ledger: Ledger) -> None: ...

    def stop(self) -> None: ...

    def watch(self, targets: tuple[HypervisorTarget, ...]) -> None: ...

    def statistics(self) -> Mapping[str, HypervisorStatistics]: ...


class World(Protocol):
    """Hypervisors to observe, and the source that does."""

    source: WatchingSource

    def good(self, name: str) -> HypervisorTarget:
        """A hypervisor that answers, with at least one guest."""

    def bad(self, name: str) -> HypervisorTarget:
        """A hypervisor that cannot be read."""

    def changed(self, name: str) -> HypervisorTarget:
        """Change what the hypervisor shows; the target that shows it."""

    def nudge(self, name: str) -> None:
        """Have the hypervisor read again, if that does not happen by itself."""

    def measure(self, target: HypervisorTarget) -> None:
        """Have the hypervisor's statistics read, if that does not happen by itself."""


def read_again(world: World, recorder: Recorder, name: str) -> None:
    """Have a hypervisor read once more, and wait until it was."""
    begun = time.time()
    world.nudge(name)
    until(lambda: recorder.read_at(name) >= begun, 15, f"{name} to be read again")


def measured(world: World, target: HypervisorTarget) -> None:
    """Wait until there are statistics of a hypervisor."""
    world.measure(target)
    until(lambda: target.name in world.source.statistics(), 15, f"the statistics of {target.name}")


class InventoryContract:
    """The contract's tests."""

    @pytest.fixture
    def recorder(self, world: World) -> Iterator[Recorder]:
        recorder = Recorder()
        world.source.start(recorder)
        yield recorder
        world.source.stop()

    def test_a_hypervisor_is_observed_once_and_then_confirmed(self, world: World, recorder: Recorder) -> None:
        world.source.watch((world.good("hv1"),))
        until(lambda: recorder.last("hv1"), 15, "hv1")
        world.nudge("hv1")
        until(lambda: recorder.confirmations, 15, "a confirmation of hv1")
        assert recorder.count("hv1") == 1
        assert recorder.observations[0].key == SourceKey("inventory", "hv1")
        assert recorder.confirmations[0][0] == SourceKey("inventory", "hv1")
        assert recorder.confirmations[0][1] >= recorder.observations[0].read_at

    def test_guests_are_sorted_by_uuid(self, world: World, recorder: Recorder) -> None:
        world.source.watch((world.good("hv1"),))
        seen = until(lambda: recorder.last("hv1"), 15, "hv1")
        assert seen is not None
        assert seen.domains
        assert list(seen.domains) == sorted(seen.domains, key=lambda domain: domain.uuid)

    def test_a_hypervisor_that_cannot_be_read_is_reported_and_holds_nobody_up(
        self, world: World, recorder: Recorder
    ) -> None:
        world.source.watch((world.bad("dead"), world.good("hv1")))
        until(lambda: recorder.reasons("dead") and recorder.last("hv1"), 15, "a failure of one and the other")
        assert recorder.last("dead") is None
        assert not recorder.reasons("hv1")

    def test_a_change_is_observed(self, world: World, recorder: Recorder) -> None:
        world.source.watch((world.good("hv1"),))
        before = until(lambda: recorder.last("hv1"), 15, "hv1")
        world.source.watch((world.changed("hv1"),))
        until(lambda: recorder.count("hv1") >= 2, 15, "the change of hv1")
        assert recorder.last("hv1") != before

    def test_a_hypervisor_that_is_added_is_observed_beside_the_others(self, world: World, recorder: Recorder) -> None:
        first = world.good("hv1")
        world.source.watch((first,))
        until(lambda: recorder.last("hv1"), 15, "hv1")
        world.source.watch((first, world.good("hv2")))
        until(lambda: recorder.last("hv2"), 15, "hv2")
        assert recorder.count("hv1") == 1

    def test_a_hypervisor_that_is_removed_is_observed_no_more(self, world: World, recorder: Recorder) -> None:
        kept = world.good("hv2")
        world.source.watch((world.good("hv1"), kept))
        until(lambda: recorder.last("hv1") and recorder.last("hv2"), 15, "hv1 and hv2")
        world.source.watch((kept,))
        read_again(world, recorder, "hv2")
        removed_at = recorder.read_at("hv1")
        world.nudge("hv1")
        read_again(world, recorder, "hv2")
        assert recorder.read_at("hv1") == removed_at

    def test_one_that_is_named_again_is_observed_again(self, world: World, recorder: Recorder) -> None:
        target = world.good("hv1")
        world.source.watch((target,))
        until(lambda: recorder.count("hv1") == 1, 15, "hv1")
        world.source.watch(())
        world.source.watch((target,))
        until(lambda: recorder.count("hv1") == 2, 15, "hv1 again")

    def test_statistics_are_there_for_whom_they_were_read_and_go_with_the_hypervisor(
        self, world: World, recorder: Recorder
    ) -> None:
        first, second = world.good("hv1"), world.good("hv2")
        world.source.watch((first, second))
        until(lambda: recorder.last("hv1") and recorder.last("hv2"), 15, "hv1 and hv2")
        begun = time.time()
        measured(world, first)
        measured(world, second)
        kept = world.source.statistics()
        assert all(seen.read_at >= begun - 1 for seen in kept.values())
        world.source.watch((second,))
        assert set(world.source.statistics()) == {"hv2"}
        assert set(kept) == {"hv1", "hv2"}

    def test_statistics_of_a_hypervisor_that_is_watched_elsewhere_are_not_the_old_ones(
        self, world: World, recorder: Recorder
    ) -> None:
        target = world.good("hv1")
        world.source.watch((target,))
        until(lambda: recorder.last("hv1"), 15, "hv1")
        measured(world, target)
        world.source.watch((HypervisorTarget("hv1", world.bad("dead").uri),))
        assert not world.source.statistics()

    def test_watching_may_begin_before_the_start(self, world: World) -> None:
        recorder = Recorder()
        world.source.watch((world.good("hv1"),))
        world.source.start(recorder)
        until(lambda: recorder.last("hv1"), 15, "hv1")
        world.source.stop()
