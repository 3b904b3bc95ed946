"""The builder over restarts, beside a second instance, and with a state folder that is spoiled."""

import logging
from pathlib import Path

import pytest

from facts.shelf import Shelf
from facts.source import SourceKey
from facts.upkeep import Freshness
from generation import keep
from tests.factories import domain, guest, host
from tests.generation.house import DIRECTORY, SITE, House, Open, close, hosts
from tests.waiting import until


def test_a_hold_and_an_approval_outlive_a_restart(open_house: Open) -> None:
    first = open_house()
    first.read(*hosts(10, "a", "b"))
    first.serves(lambda served: len(served) == 10)
    first.read(*hosts(10, "a"))
    hold = first.hold()
    close(first)
    second = open_house()
    assert second.builder.now.generation == first.builder.now.generation
    second.read(*hosts(10, "a"))
    until(lambda: second.builder.now.estate, what="a build")
    assert second.classes()["n00"] == ["a", "b"]
    assert second.builder.approve(hold.number) is not None
    close(second)
    third = open_house()
    assert third.classes()["n00"] == ["a"]
    assert third.builder.now.generation.hold is None


def test_a_restart_with_every_source_down_serves_at_once_and_says_how_old_it_is(open_house: Open) -> None:
    first = open_house()
    first.read(*SITE, guest("vm", puppetClass="a"), at=123.0)
    first.see("kvm1", domain("vm", "shutoff"))
    first.see("kvm2", domain("vm"), at=77.0)
    first.serves(lambda served: served.get("vm") == ["a"])
    close(first)
    second = open_house()
    assert second.classes()["vm"] == ["a"]
    second.upkeep.failed(DIRECTORY, 200.0, "refused")
    until(lambda: second.builder.now.estate, what="a build of what is on disk")
    assert second.builder.now.generation == first.builder.now.generation
    assert second.answers()["vm"]["parameters"]["enclume"]["hypervisor"] == "kvm2"
    assert second.upkeep.fresh(DIRECTORY) == Freshness(123.0, 200.0, "refused")
    assert second.upkeep.fresh(SourceKey("inventory", "kvm2")).read_at == 77.0


def test_where_a_guest_last_ran_outlives_a_restart(open_house: Open) -> None:
    first = open_house()
    first.read(*SITE, guest("vm"))
    first.see("kvm1")
    first.see("kvm2", domain("vm"))
    first.serves(lambda served: "vm" in served)
    first.see("kvm2", domain("vm", "shutoff"))
    first.built()
    close(first)
    second = open_house()
    until(lambda: second.builder.now.estate, what="a build")
    assert second.answers()["vm"]["parameters"]["enclume"]["hypervisor"] == "kvm2"


def test_a_second_instance_serves_what_is_on_disk_and_takes_over_when_the_first_stops(open_house: Open) -> None:
    first = open_house()
    first.read(host("web", puppetClass="a"))
    first.serves(lambda served: served == {"web": ["a"]})
    until(lambda: keep.restore(Shelf(first.builder.settings.state)), what="the generation to be on disk")
    second = open_house()
    second.read(host("web", puppetClass="b"))
    until(lambda: second.builder.problems, what="the second instance to say that it waits")
    assert "another instance holds" in second.builder.problems[0]
    assert second.classes() == {"web": ["a"]}
    with pytest.raises(TimeoutError):
        second.builder.approve(1, timeout=0.05)
    beat = second.builder.heartbeat
    until(lambda: second.builder.heartbeat > beat, what="a heartbeat of the one that waits")
    first.read(host("web", puppetClass="c"))
    first.serves(lambda served: served == {"web": ["c"]})
    close(first)
    second.serves(lambda served: served == {"web": ["b"]})
    assert second.builder.problems == ()
    assert second.builder.now.generation.number == 3


def test_a_worker_that_takes_over_after_a_reload_says_so_without_a_warning(
    open_house: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "enclume.builder")
    first = open_house()
    second = open_house()
    assert "until the worker before this one leaves" in caplog.text
    close(first)
    until(lambda: "is this worker's now" in caplog.text, what="the takeover")
    assert second.builder.problems == ()
    assert [one.message for one in caplog.records if one.levelno > logging.INFO] == []


def test_an_instance_that_does_not_leave_the_state_folder_is_warned_of_once(
    open_house: Open, caplog: pytest.LogCaptureFixture
) -> None:
    open_house()
    second = open_house(handover=0.05)
    until(lambda: "another instance holds" in caplog.text, what="the warning")
    second.looked()
    assert [one.levelname for one in caplog.records if "another instance" in one.message] == ["WARNING"]


def test_an_approval_that_ran_out_of_time_is_not_done_later(open_house: Open) -> None:
    first = open_house()
    first.read(*hosts(10, "a", "b"))
    first.serves(lambda served: len(served) == 10)
    first.read(*hosts(10, "a"))
    hold = first.hold()
    until(lambda: _hold_on_disk(first) == hold, what="the hold to be on disk")
    second = open_house()
    second.read(*hosts(10, "a"))
    with pytest.raises(TimeoutError):
        second.builder.approve(hold.number, timeout=0.05)
    close(first)
    until(lambda: second.builder.now.estate, what="a build of the second instance")
    assert second.builder.approve(hold.number + 1) is None
    assert second.builder.now.generation.hold == hold
    assert second.classes()["n00"] == ["a", "b"]


def _hold_on_disk(house: House) -> object:
    kept = keep.restore(Shelf(house.builder.settings.state))
    return kept.hold if kept else None


def test_an_instance_that_never_got_the_lock_ends_and_writes_nothing(open_house: Open, tmp_path: Path) -> None:
    first = open_house()
    first.read(host("web"))
    first.serves(lambda served: "web" in served)
    second = open_house()
    second.read(host("other"))
    until(lambda: second.builder.problems, what="the second instance to wait")
    close(second)
    close(first)
    restored = keep.restore(Shelf(tmp_path / "state"))
    assert restored is not None
    assert set(restored.answers) == {"web"}


def test_a_spoiled_state_is_named_and_the_rest_is_used(open_house: Open, tmp_path: Path) -> None:
    first = open_house()
    first.read(host("web", puppetClass="a"))
    first.serves(lambda served: "web" in served)
    close(first)
    path = tmp_path / "state" / "generation"
    path.write_bytes(path.read_bytes()[:-10])
    second = open_house()
    assert second.builder.now.generation.number == 0
    (problem,) = second.builder.problems
    assert str(path) in problem
    assert "set aside" in problem
    second.serves(lambda served: served == {"web": ["a"]})


def test_a_state_folder_that_cannot_be_written_is_said_and_everything_goes_on(open_house: Open, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    house = open_house()
    house.read(host("web", puppetClass="a"))
    house.serves(lambda served: served == {"web": ["a"]})
    for name in ("directory", "generation"):
        expected = f"{tmp_path / 'state' / name}: cannot be written"
        until(lambda expected=expected: expected in "\n".join(house.builder.problems), what=expected)  # type: ignore[misc]
