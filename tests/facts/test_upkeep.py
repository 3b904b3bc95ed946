"""The ledger: last values and how fresh they are, whatever the sources do and in whatever order."""

import threading

from facts.directory.entries import Directory
from facts.inventory.domains import HypervisorSeen
from facts.source import Observation, SourceKey
from facts.upkeep import Freshness, Upkeep, age
from tests.factories import BASE, domain, shows

KEY = SourceKey("directory", BASE)
KVM = SourceKey("inventory", "kvm1")
EMPTY = Directory(BASE, {})
SEEN = shows(domain("vm"))


def observed(upkeep: Upkeep, key: SourceKey, value: Directory | HypervisorSeen, at: float) -> None:
    upkeep.observed(Observation(key, value, at))


def test_what_was_observed_is_there_with_its_time() -> None:
    upkeep = Upkeep()
    observed(upkeep, KEY, EMPTY, 1.0)
    observed(upkeep, KVM, SEEN, 2.0)
    assert upkeep.values("directory") == {BASE: EMPTY}
    assert upkeep.values("inventory") == {"kvm1": SEEN}
    assert upkeep.fresh(KEY) == Freshness(1.0)


def test_a_confirmation_makes_it_younger_and_keeps_the_value() -> None:
    upkeep = Upkeep()
    observed(upkeep, KEY, EMPTY, 1.0)
    upkeep.confirmed(KEY, 5.0)
    assert upkeep.fresh(KEY) == Freshness(5.0)
    assert upkeep.values("directory")[BASE] is EMPTY


def test_what_did_not_change_is_in_memory_once() -> None:
    upkeep, one = Upkeep(), SEEN.domains[0]
    observed(upkeep, KVM, SEEN, 1.0)
    observed(upkeep, KVM, shows(domain("vm")), 2.0)
    assert upkeep.values("inventory")["kvm1"] is SEEN
    observed(upkeep, KVM, shows(domain("vm"), domain("new", state="shutoff")), 3.0)
    seen = upkeep.values("inventory")["kvm1"]
    assert isinstance(seen, HypervisorSeen)
    assert {found.name: found is one for found in seen.domains} == {"vm": True, "new": False}
    observed(upkeep, KVM, shows(domain("vm", state="shutoff")), 4.0)
    assert upkeep.values("inventory")["kvm1"] == shows(domain("vm", state="shutoff"))


def test_a_failure_keeps_value_and_age_and_says_why() -> None:
    upkeep = Upkeep()
    observed(upkeep, KEY, EMPTY, 1.0)
    upkeep.failed(KEY, 9.0, "refused")
    assert upkeep.fresh(KEY) == Freshness(1.0, 9.0, "refused")
    assert upkeep.values("directory")[BASE] is EMPTY
    upkeep.confirmed(KEY, 10.0)
    assert upkeep.fresh(KEY) == Freshness(10.0)


def test_a_target_that_nobody_spoke_of_was_never_read() -> None:
    upkeep = Upkeep()
    assert upkeep.fresh(KEY) == Freshness()
    assert age(upkeep.fresh(KEY)) is None
    upkeep.failed(KEY, 1.0, "refused")
    assert age(upkeep.fresh(KEY)) is None


def test_age_is_never_negative() -> None:
    assert age(Freshness(10.0), 12.5) == 2.5
    assert age(Freshness(10.0), 5.0) == 0.0


def test_only_news_wake_whoever_waits() -> None:
    upkeep = Upkeep()
    assert not upkeep.wait(0)
    observed(upkeep, KEY, EMPTY, 1.0)
    assert upkeep.wait(0)
    assert not upkeep.wait(0)
    upkeep.confirmed(KEY, 2.0)
    assert not upkeep.wait(0)
    upkeep.failed(KEY, 3.0, "refused")
    assert upkeep.wait(0)
    upkeep.failed(KEY, 4.0, "refused")
    assert not upkeep.wait(0)
    upkeep.confirmed(KEY, 5.0)
    assert upkeep.wait(0)
    upkeep.wake()
    assert upkeep.wait(0)


def test_a_waiting_thread_is_woken() -> None:
    upkeep = Upkeep()
    woken: list[bool] = []
    thread = threading.Thread(target=lambda: woken.append(upkeep.wait(30)))
    thread.start()
    observed(upkeep, KEY, EMPTY, 1.0)
    thread.join(10)
    assert woken == [True]


def test_what_is_no_longer_watched_is_forgotten() -> None:
    upkeep = Upkeep()
    observed(upkeep, KEY, EMPTY, 1.0)
    observed(upkeep, KVM, SEEN, 1.0)
    observed(upkeep, SourceKey("inventory", "kvm2"), SEEN, 1.0)
    upkeep.failed(SourceKey("inventory", "kvm3"), 1.0, "refused")
    upkeep.forget("inventory", ["kvm2"])
    assert set(upkeep.values("inventory")) == {"kvm2"}
    assert set(upkeep.freshness()) == {KEY, SourceKey("inventory", "kvm2")}


def test_what_the_shelf_kept_is_taken() -> None:
    upkeep = Upkeep()
    upkeep.restore({KEY: EMPTY, KVM: SEEN}, {KEY: Freshness(3.0)})
    assert upkeep.values("directory") == {BASE: EMPTY}
    assert (upkeep.fresh(KEY), upkeep.fresh(KVM)) == (Freshness(3.0), Freshness())
    assert upkeep.wait(0)


def test_a_source_that_was_faster_than_the_shelf_is_right() -> None:
    upkeep = Upkeep()
    newer = Directory(BASE, {})
    observed(upkeep, KEY, newer, 9.0)
    upkeep.restore({KEY: EMPTY}, {KEY: Freshness(3.0)})
    assert upkeep.values("directory")[BASE] is newer
    assert upkeep.fresh(KEY) == Freshness(9.0)


def test_a_source_that_failed_before_the_shelf_was_read_is_as_old_as_the_shelf_says() -> None:
    upkeep = Upkeep()
    upkeep.failed(KEY, 9.0, "refused")
    upkeep.restore({KEY: EMPTY}, {KEY: Freshness(3.0)})
    assert upkeep.fresh(KEY) == Freshness(3.0, 9.0, "refused")
    assert upkeep.values("directory")[BASE] is EMPTY
