"""The builder: what is served after each observation, and what a failing build changes."""

from enc.conditions import Condition
from enc.rules import Rule, Rules, parse
from facts.estate import Origin
from facts.facter.book import FactBook
from facts.facter.document import Document
from facts.facter.node_facts import kept_of
from facts.source import SourceKey
from tests.factories import NO_RULES, domain, guest, host, kvm
from tests.generation.house import SITE, Open, hosts
from tests.waiting import until


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
    house.looked()
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


def test_facts_that_rules_name_are_waited_for_so_that_no_restart_takes_a_class(open_house: Open) -> None:
    book = FactBook(("os.family",), ["/cache"])
    by = parse("- {name: x, when: {facts.os.family: Debian}, classes: [debian]}")
    house = open_house(rules=by, facts=book)
    house.read(*SITE)
    house.see("kvm1")
    house.see("kvm2")
    house.looked()
    assert house.builder.now.estate is None
    book.tell("/cache", {"kvm1": kept_of(Document("kvm1", {"os": {"family": "Debian"}}), book.names, 1.0)})
    book.tried("/cache")
    house.upkeep.wake()
    house.serves(lambda served: served == {"kvm1": ["debian"], "kvm2": []})
    assert house.builder.now.generation.number == 1


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


def test_a_node_with_a_finding_keeps_its_answer_and_everybody_else_goes_on(open_house: Open) -> None:
    house = open_house()
    house.read(host("web", puppetClass="a"), host("db", puppetClass="a"))
    house.serves(lambda served: len(served) == 2)
    house.read(host("web", puppetClass=("b", "Bad Class")), host("db", puppetClass=("a", "b")))
    house.serves(lambda served: served == {"web": ["a"], "db": ["a", "b"]})
    (finding,) = house.builder.now.findings
    assert (finding.certname, finding.code) == ("web", "bad_name")
