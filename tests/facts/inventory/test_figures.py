"""What is known of a hypervisor's statistics, from reading to reading."""

from collections.abc import Mapping

import pytest

from facts.inventory.child_figures import Figures
from facts.inventory.child_gauge import Counters
from facts.inventory.child_reading import DiskKey, Plan, Reading, chosen, moved
from facts.inventory.domains import Disk, Domain
from facts.inventory.statistics import DiskStatistics, DomainStatistics
from facts.inventory.uri import HypervisorURI
from tests.factories import domain, uuid_of

WEB, MAIL = uuid_of("web"), uuid_of("mail")


def a_guest(name: str, folder: str = "/srv/vms", state: str = "running") -> Domain:
    return domain(name, state, disks=(Disk("vda", "file", f"{folder}/{name}"),))  # type: ignore[arg-type]


def a_reading(
    *domains: Domain,
    counted: Mapping[str, tuple[float, int, int]] | None = None,
    sizes: Mapping[DiskKey, int] | None = None,
    last: Mapping[str, DomainStatistics] | None = None,
    busy: Mapping[str, float] | None = None,
) -> Reading:
    """A reading that has found this: by UUID, when the guest was read, and what its disk read and wrote."""
    plan = Plan(domains, frozenset(), frozenset(), last or {}, frozenset(), 90.0)
    reading = Reading(HypervisorURI("qemu"), 5.0, None, plan)
    for uuid, (read_at, read, written) in (counted or {}).items():
        reading.counters[uuid] = (read_at, {"vda": Counters(read, written)})
    reading.sizes.update(sizes or {})
    reading.busy.update(busy or {})
    return reading


def test_a_guest_that_was_not_read_keeps_its_figures_and_those_before() -> None:
    figures = Figures()
    web, mail = a_guest("web"), a_guest("mail")
    figures.take(a_reading(web, mail, counted={WEB: (10.0, 100, 0), MAIL: (10.0, 5, 5)}))
    figures.take(a_reading(web, mail, counted={WEB: (20.0, 200, 0), MAIL: (20.0, 6, 5)}))
    seen = figures.take(a_reading(web, mail, counted={MAIL: (30.0, 7, 5)}, busy={WEB: 9.0, MAIL: 0.0}))
    assert seen.domains[WEB] == DomainStatistics(WEB, 20.0, (DiskStatistics("vda", 0, 200, 0),))
    assert (seen.before[WEB].read_at, seen.before[MAIL].read_at, seen.domains[MAIL].read_at) == (10.0, 20.0, 30.0)
    assert seen.busy == {WEB: 9.0, MAIL: 0.0}


def test_the_guest_that_a_reading_hangs_on_is_busy() -> None:
    seen = Figures().take(a_reading(a_guest("web"), busy={WEB: 0.0}), (WEB, 5.5))
    assert seen.busy == {WEB: 5.5}


def test_a_guest_that_is_gone_leaves_nothing() -> None:
    figures = Figures()
    web = a_guest("web")
    key = (WEB, "vda", "/srv/vms/web")
    figures.take(a_reading(web, counted={WEB: (10.0, 1, 1)}, sizes={key: 8}))
    seen = figures.take(a_reading())
    assert (seen.domains, seen.before, seen.busy) == ({}, {}, {})
    assert figures.sizes_due((web,)) == {key}


def test_counters_that_began_anew_have_no_reading_before() -> None:
    figures = Figures()
    web = a_guest("web")
    figures.take(a_reading(web, counted={WEB: (10.0, 100, 9)}))
    assert WEB not in figures.take(a_reading(web, counted={WEB: (20.0, 3, 9)})).before
    assert figures.take(a_reading(web, counted={WEB: (30.0, 4, 9)})).before[WEB].read_at == 20.0


def test_a_size_is_kept_for_a_day_and_is_all_that_is_known_of_a_guest_that_is_off() -> None:
    figures = Figures()
    web, off = a_guest("web"), a_guest("web", state="shutoff")
    key = (WEB, "vda", "/srv/vms/web")
    assert figures.sizes_due((web,)) == {key}
    seen = figures.take(a_reading(web, counted={WEB: (10.0, 1, 1)}, sizes={key: 8}))
    assert seen.domains[WEB].disks == (DiskStatistics("vda", 8, 1, 1),)
    assert figures.sizes_due((web,)) == set()
    seen = figures.take(a_reading(off))
    assert (seen.domains[WEB].disks, seen.before) == ((DiskStatistics("vda", 8),), {})
    moved_away = domain("web", "shutoff", disks=(Disk("vda", "file", "/elsewhere/web"),))
    assert figures.take(a_reading(moved_away)).domains == {}


def test_a_guest_that_is_off_and_whose_size_is_not_known_has_no_figures() -> None:
    assert Figures().take(a_reading(a_guest("web", state="shutoff"))).domains == {}


@pytest.mark.parametrize(
    ("last", "alive"),
    [
        (DomainStatistics(WEB, 70.0, (DiskStatistics("vda", 0, 99, 9),)), {"/srv/vms"}),
        (DomainStatistics(WEB, 70.0, (DiskStatistics("vda", 0, 100, 9),)), set()),
        (DomainStatistics(WEB, 0.0, (DiskStatistics("vda", 0, 99, 9),)), set()),
        (DomainStatistics(WEB, 70.0, (DiskStatistics("vdb", 0, 99, 9),)), set()),
        (None, set()),
    ],
    ids=["it moved", "it did not", "long ago", "another disk", "never read before"],
)
def test_storage_is_alive_when_a_disk_on_it_has_moved_a_moment_ago(
    last: DomainStatistics | None, alive: set[str]
) -> None:
    known = {} if last is None else {WEB: last}
    reading = a_reading(a_guest("web"), a_guest("mail"), counted={WEB: (100.0, 100, 9)}, last=known)
    assert set(moved(reading.plan, reading.counters)) == alive


def test_guests_beside_a_hung_one_are_asked_last_and_not_at_all_once_many_hang() -> None:
    hung = [a_guest(f"hung{number}") for number in range(10)]
    beside, apart = a_guest("beside"), a_guest("apart", "/dev/vg0")
    everybody = [*hung, beside, apart]

    def asked(count: int) -> list[str]:
        return [guest.name for guest in chosen(everybody, {guest.uuid for guest in hung[:count]})][-2:]

    assert asked(0) == ["beside", "apart"]
    assert chosen(everybody, {hung[0].uuid})[0] == apart
    assert asked(5) == ["apart"]
    assert asked(10) == []
