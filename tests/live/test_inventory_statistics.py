"""The statistics of real guests with real disks; a guest or a hypervisor that hangs, and storage that is dead."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from facts.inventory.statistics import DiskStatistics
from tests.live.guest_image import READS, WRITES
from tests.live.hypervisors import Hypervisor, laboratory
from tests.live.measuring import DEADLINE, EVERY, Measured
from tests.waiting import until

# A reading waits for a guest until the deadline, once; what is left is for a machine that is busy.
SOON = DEADLINE + 4.0
MANY = 7


@pytest.fixture(scope="module")
def hypervisors() -> Iterator[tuple[Hypervisor, Hypervisor]]:
    """On the first: web and mail, which read and write all the time, and spare, which is off. On the second: news."""
    with laboratory("coquille1", "coquille2") as (first, second):
        for guest, megabytes in (("web", 8), ("mail", 12)):
            first.define(guest, boots=True, devices=first.disk(guest, megabytes=megabytes))
            first.start(guest)
        first.define("spare", devices=first.disk("spare", megabytes=20))
        second.define("news", devices=second.disk("news"))
        second.start("news")
        for guest in ("web", "mail"):
            first.until_booted(guest)
        yield first, second


@pytest.fixture
def first(hypervisors: tuple[Hypervisor, Hypervisor]) -> Iterator[Hypervisor]:
    """The one that the tests ill-treat; it is well again afterwards."""
    yield hypervisors[0]
    hypervisors[0].thaw()
    hypervisors[0].thaw_guest("web")


@pytest.fixture
def second(hypervisors: tuple[Hypervisor, Hypervisor]) -> Hypervisor:
    return hypervisors[1]


@pytest.fixture
def measured(first: Hypervisor, second: Hypervisor) -> Iterator[Measured]:
    with Measured(first, second) as measured:
        measured.until_read("coquille1", "web")
        measured.until_read("coquille1", "mail")
        measured.until_read("coquille2", "news")
        yield measured


def the_disk(measured: Measured, hypervisor: str, guest: str) -> DiskStatistics:
    said = measured.guest(hypervisor, guest)
    assert said is not None
    (disk,) = said.disks
    return disk


def test_what_a_guest_reads_and_writes_is_counted(measured: Measured) -> None:
    before = the_disk(measured, "coquille1", "web")

    def grown() -> DiskStatistics | None:
        now = the_disk(measured, "coquille1", "web")
        return now if now.read_bytes > before.read_bytes and now.written_bytes > before.written_bytes else None

    now = until(grown, 20, "the guest to read and write")
    assert now is not None
    assert (now.target, (now.read_bytes - before.read_bytes) % READS) == ("vda", 0)
    assert (now.written_bytes - before.written_bytes) % WRITES == 0


def test_the_reading_before_is_kept_so_that_a_rate_can_be_computed(measured: Measured) -> None:
    uuid = measured.uuid("coquille1", "web")
    until(lambda: uuid in measured.of("coquille1").before, 15, "a second reading")
    measured.until_read("coquille1", "web")
    seen = measured.of("coquille1")
    earlier, later = seen.before[uuid], seen.domains[uuid]
    assert earlier.read_at < later.read_at
    assert earlier.disks[0].read_bytes <= later.disks[0].read_bytes


def test_the_virtual_size_is_known_of_guests_that_run_and_of_those_that_are_off(measured: Measured) -> None:
    until(lambda: the_disk(measured, "coquille1", "web").capacity == 8 << 20, 15, "the size of web's disk")
    until(lambda: the_disk(measured, "coquille1", "mail").capacity == 12 << 20, 15, "the size of mail's disk")
    until(lambda: measured.guest("coquille1", "spare"), 15, "figures of the guest that is off")
    assert the_disk(measured, "coquille1", "spare") == DiskStatistics("vda", 20 << 20)


def test_a_guest_that_is_started_and_stopped_has_figures_while_it_runs(measured: Measured, second: Hypervisor) -> None:
    second.define("late", devices=second.disk("late"))
    try:
        second.start("late")
        measured.recorder.until_state("coquille2", "late", "running")
        uuid = measured.uuid("coquille2", "late")
        measured.until_read("coquille2", "late")
        assert measured.of("coquille2").busy[uuid] == 0
    finally:
        second.forget("late")
    until(lambda: uuid not in measured.of("coquille2").domains, 15, "the guest to be gone")
    assert uuid not in measured.of("coquille2").busy


def test_a_frozen_guest_lets_only_its_own_figures_grow_old_and_comes_back(
    measured: Measured, first: Hypervisor
) -> None:
    threads = measured.threads()
    first.freeze_guest("web")
    until(lambda: measured.busy("coquille1", "web") > DEADLINE, 15, "web's monitor to be busy")
    stands, since = measured.read_at("coquille1", "web"), measured.busy("coquille1", "web")
    assert measured.oldest("coquille1", "mail", 4) < SOON
    assert measured.oldest_state("coquille1", 1) < DEADLINE
    assert measured.read_at("coquille1", "web") == stands
    assert measured.busy("coquille1", "web") > since + 3
    assert measured.busy("coquille1", "mail") == 0
    # One for the call that hangs, one for a reading that is under way.
    assert measured.threads() <= threads + 2
    first.thaw_guest("web")
    measured.until_read("coquille1", "web")
    until(lambda: measured.busy("coquille1", "web") == 0, 15, "web's monitor to be free")
    until(lambda: measured.threads() <= threads, 15, "the thread that hung to end")
    assert not measured.recorder.failures


def test_a_guest_that_was_frozen_before_anybody_asked_holds_nobody_up(first: Hypervisor) -> None:
    first.freeze_guest("web")
    with Measured(first) as measured:
        until(lambda: measured.read_at("coquille1", "mail"), 15, "mail's figures")
        assert measured.read_at("coquille1", "web") == 0
        until(lambda: measured.busy("coquille1", "web") > 2 * DEADLINE, 15, "web's monitor to be busy")
        assert measured.oldest("coquille1", "mail", 2) < SOON
        first.thaw_guest("web")
        measured.until_read("coquille1", "web")


def test_a_frozen_hypervisor_lets_only_its_own_figures_grow_old_and_comes_back(
    measured: Measured, first: Hypervisor
) -> None:
    first.freeze()
    until(lambda: measured.recorder.reasons("coquille1"), 15, "a failure of the frozen hypervisor")
    stands = measured.read_at("coquille1", "mail")
    assert measured.oldest("coquille2", "news", 3) < SOON
    assert measured.oldest_state("coquille2", 2) < DEADLINE
    assert measured.read_at("coquille1", "mail") == stands
    first.thaw()
    measured.until_read("coquille1", "mail", 60)
    assert not measured.recorder.reasons("coquille2")


@contextmanager
def dead(disk: Path) -> Iterator[None]:
    """A file that whoever opens it waits for, as on a dead NFS server; a QEMU that has it open notices nothing."""
    kept, waited_for = disk.with_suffix(".kept"), disk.with_suffix(".dead")
    disk.rename(kept)
    os.mkfifo(disk)
    try:
        yield
    finally:
        disk.rename(waited_for)
        kept.rename(disk)
        with suppress(OSError):
            # Who waits there is let go.
            os.close(os.open(waited_for, os.O_WRONLY | os.O_NONBLOCK))
        waited_for.unlink()


def test_dead_storage_below_a_guest_that_is_idle_or_off_holds_up_neither_states_nor_figures(
    second: Hypervisor,
) -> None:
    """libvirt would open the files to say how large they are, with the domain locked: every list would wait."""
    second.define("off", devices=second.disk("off"))
    try:
        with (
            dead(second.folder / "images" / "off-vda.raw"),
            dead(second.folder / "images" / "news-vda.raw"),
            Measured(second) as measured,
        ):
            until(lambda: measured.read_at("coquille2", "news"), 15, "figures of the running guest")
            assert measured.oldest_state("coquille2", 10 * EVERY) < DEADLINE
            assert measured.oldest("coquille2", "news", 2) < SOON
            assert the_disk(measured, "coquille2", "news").capacity == 0
            assert not measured.recorder.failures
    finally:
        second.forget("off")


def test_many_frozen_guests_leave_libvirtd_enough_threads_and_others_their_figures(second: Hypervisor) -> None:
    """As when an NFS server dies below most of a hypervisor's guests: those on other storage are still read."""
    frozen = [f"nfs{number}" for number in range(MANY)]
    folder = second.folder / "export"
    for guest in frozen:
        second.define(guest, devices=second.disk(guest, folder=folder))
        second.start(guest)
    try:
        with Measured(second) as measured:
            for guest in frozen:
                measured.until_read("coquille2", guest)
            threads = measured.threads()
            for guest in frozen:
                second.freeze_guest(guest)
            until(lambda: measured.threads() >= threads + 5, 30, "five guests to be found hanging")
            assert measured.oldest("coquille2", "news", 6 * DEADLINE) < SOON
            assert measured.threads() <= threads + 6
            assert measured.oldest_state("coquille2", 1) < DEADLINE
            thaw(second, frozen)
            for guest in frozen:
                measured.until_read("coquille2", guest)
            assert not measured.recorder.failures
    finally:
        thaw(second, frozen)
        for guest in frozen:
            second.forget(guest)


def thaw(hypervisor: Hypervisor, guests: list[str]) -> None:
    for guest in guests:
        hypervisor.thaw_guest(guest)
