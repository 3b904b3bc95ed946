"""The builder: what is served after each observation, over failures, restarts and a second instance."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from enc.conditions import Condition
from enc.rules import Rule, Rules
from facts.directory.entries import Entry
from facts.estate import Origin
from facts.inventory.domains import Domain, HypervisorTarget
from facts.shelf import Shelf
from facts.source import Observation, SourceKey
from facts.upkeep import Freshness, Upkeep
from generation import keep
from generation.builder import Builder
from generation.generation import Hold
from tests.factories import BASE, NO_RULES, directory, domain, guest, host, kvm, settings, shows, site
from tests.waiting import until

DIRECTORY = SourceKey("directory", BASE)
SITE = (site("angers"), kvm("kvm1", "angers"), kvm("kvm2", "angers"))


class House:
    """A builder with a ledger that the test writes in as sources would."""

    def __init__(self, folder: Path, rules: Rules = NO_RULES, **more: Any) -> None:
        self.watched: list[tuple[HypervisorTarget, ...]] = []
        self.upkeep = Upkeep()
        self.builder = Builder(settings(state=str(folder), **more), rules, self.upkeep, self.watched.append)

    def read(self, *entries: Entry, at: float = 100.0) -> None:
        """The directory has these entries."""
        self.upkeep.observed(Observation(DIRECTORY, directory(*entries), at))

    def see(self, name: str, *domains: Domain, at: float = 100.0) -> None:
        """A hypervisor shows these domains."""
        self.upkeep.observed(Observation(SourceKey("inventory", name), shows(*domains), at))

    def answers(self) -> dict[str, Any]:
        """Everything that is served."""
        served = self.builder.now.generation.answers
        return {name: msgspec.json.decode(answer.body) for name, answer in served.items()}

    def classes(self) -> dict[str, list[str]]:
        """The classes that are served."""
        return {name: list(answer["classes"]) for name, answer in self.answers().items()}

    def serves(self, condition: Callable[[dict[str, list[str]]], object]) -> None:
        """Wait until the classes that are served satisfy a condition."""
        until(lambda: condition(self.classes()), what=f"other answers than {self.classes()}")

    def hold(self) -> Hold:
        """What is held, once something is."""
        hold = until(lambda: self.builder.now.generation.hold, what="a hold")
        assert hold is not None
        return hold

    def built(self) -> None:
        """Wait until everything that was observed before has been looked at."""
        before = self.builder.now
        self.upkeep.wake()
        until(lambda: self.builder.now is not before, what="a build")


Open = Callable[..., House]


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Open]:
    """Opens houses on one state folder; all are closed at the end."""
    with ExitStack() as stack:

        def opened(**more: Any) -> House:
            house = House(tmp_path / "state", **more)
            house.builder.start()
            stack.callback(close, house)
            return house

        yield opened


def close(house: House) -> None:
    """Stop a builder unless it is stopped."""
    house.builder.stop()


def hosts(count: int, *classes: str) -> list[Entry]:
    return [
        host(f"n{number:02d}", puppetClass=classes) if classes else host(f"n{number:02d}") for number in range(count)
    ]


def broken_rules() -> Rules:
    """Rules that no file could hold: a condition that nothing knows."""
    rule = Rule("broken", (Condition("nonsense"),), (), (), Origin("x", "y"))
    return Rules((rule,), ())


def test_nothing_is_served_before_everything_was_read_once(open_house: Open) -> None:
    house = open_house()
    house.read(*SITE, guest("vm"))
    until(lambda: house.watched, what="hypervisors to be watched")
    assert [target.name for target in house.watched[0]] == ["kvm1", "kvm2"]
    house.see("kvm1", domain("vm"))
    until(lambda: not house.upkeep.wait(0), what="the observation to be taken")
    assert house.builder.now.generation.number == 0
    assert house.builder.now.estate is None
    house.see("kvm2")
    house.serves(lambda served: set(served) == {"kvm1", "kvm2", "vm"})
    assert house.builder.now.generation.number == 1
    assert len(house.watched) == 1


def test_a_hypervisor_that_cannot_be_read_delays_nobody(open_house: Open) -> None:
    house = open_house()
    house.read(*SITE, guest("vm"))
    house.see("kvm1", domain("vm"))
    house.upkeep.failed(SourceKey("inventory", "kvm2"), 100.0, "refused")
    house.serves(lambda served: "vm" in served)


def test_a_change_of_the_directory_and_of_a_hypervisor_is_served(open_house: Open) -> None:
    house = open_house()
    house.read(*SITE, guest("vm"))
    house.see("kvm1", domain("vm"))
    house.see("kvm2")
    house.serves(lambda served: served.get("vm") == [])
    house.read(*SITE, guest("vm", puppetClass="apache"))
    house.serves(lambda served: served["vm"] == ["apache"])
    house.see("kvm2", domain("vm"))
    house.see("kvm1")
    until(lambda: house.answers()["vm"]["parameters"]["enclume"]["hypervisor"] == "kvm2", what="the move")
    assert house.builder.now.generation.number >= 3


def test_hypervisors_that_come_and_go_are_watched_and_forgotten(open_house: Open) -> None:
    house = open_house()
    house.read(*SITE)
    house.see("kvm1")
    house.see("kvm2")
    house.serves(lambda served: "kvm1" in served)
    house.read(SITE[0], SITE[1], kvm("kvm3", "angers"))
    until(lambda: len(house.watched) == 2, what="other hypervisors to be watched")
    assert [target.name for target in house.watched[1]] == ["kvm1", "kvm3"]
    house.built()
    assert set(house.upkeep.values("inventory")) == {"kvm1"}


def test_a_build_that_fails_keeps_the_last_value_is_counted_and_said(open_house: Open) -> None:
    house = open_house()
    house.read(host("web", puppetClass="a"))
    house.serves(lambda served: served == {"web": ["a"]})
    before = house.builder.now
    house.builder.rules = broken_rules()
    house.read(host("web", puppetClass="b"))
    until(lambda: house.builder.failed_builds == 1, what="a build to fail")
    assert house.builder.now is before
    (problem,) = house.builder.problems
    assert "building failed (KeyError: 'nonsense'): the last generation stays" in problem
    house.builder.rules = NO_RULES
    house.upkeep.wake()
    house.serves(lambda served: served == {"web": ["b"]})
    assert (house.builder.problems, house.builder.failed_builds) == ((), 1)


def test_the_heart_beats(open_house: Open) -> None:
    house = open_house()
    for _ in range(3):
        before = house.builder.heartbeat
        house.upkeep.wake()
        until(lambda before=before: house.builder.heartbeat > before, what="a heartbeat")  # type: ignore[misc]


def test_what_is_held_is_released_by_its_number_alone(open_house: Open) -> None:
    house = open_house()
    house.read(*hosts(10, "a", "b"))
    house.serves(lambda served: len(served) == 10)
    house.read(*hosts(10, "a"))
    hold = house.hold()
    assert house.classes()["n00"] == ["a", "b"]
    assert house.builder.approve(hold.number + 1) is None
    assert house.classes()["n00"] == ["a", "b"]
    released = house.builder.approve(hold.number)
    assert released is house.builder.now.generation
    assert house.classes()["n00"] == ["a"]
    assert house.builder.approve(hold.number) is None
    house.built()
    assert house.builder.now.generation is released


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


def test_a_node_with_a_finding_keeps_its_answer_and_everybody_else_goes_on(open_house: Open) -> None:
    house = open_house()
    house.read(host("web", puppetClass="a"), host("db", puppetClass="a"))
    house.serves(lambda served: len(served) == 2)
    house.read(host("web", puppetClass=("b", "Bad Class")), host("db", puppetClass=("a", "b")))
    house.serves(lambda served: served == {"web": ["a"], "db": ["a", "b"]})
    (finding,) = house.builder.now.findings()
    assert (finding.certname, finding.code) == ("web", "bad_name")
