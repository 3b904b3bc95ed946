"""Changes that take too much away, in a real directory: held over restarts until somebody approves them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from facts.shelf import Shelf
from generation import keep as generation_keep
from tests.live.service.estate import (
    BASE,
    GUESTS,
    HYPERVISORS,
    MACHINES,
    NODES,
    SmallEstate,
    dn_of,
    estate_ldif,
    service_dn,
)
from tests.live.service.kept import is_whole
from tests.live.service.running import Service
from tests.live.service.test_placement import said
from tests.waiting import eventually, until

UNKNOWN = "nobody.lab.test"


@pytest.fixture(autouse=True)
def before(estate: SmallEstate, service: Service) -> Iterator[Mapping[str, bytes]]:
    """Every node's answer before the test; afterwards the directory is as it was, and so are they."""
    answers = service.bodies(*NODES)
    yield answers
    there = {found.dn for found in estate.slapd.search("(objectClass=*)", "dn")}
    records = [text for text in _records(estate) if text.split("\n", 1)[0].removeprefix("dn: ") not in there]
    if records:
        estate.slapd.add("\n\n".join(records))
    until(lambda: service.ready["held"] is None, 10, "the hold to go")
    until(lambda: service.ready["nodes"] == len(NODES), 10, "every node")
    until(lambda: service.bodies(*NODES) == answers, 10, "the old answers")


def _records(estate: SmallEstate) -> list[str]:
    return [text for text in estate_ldif(estate.one.uri, estate.two.uri).split("\n\n") if text]


def delete(estate: SmallEstate, *names: str) -> None:
    estate.slapd.modify("\n".join(f"dn: {dn_of(name)}\nchangetype: delete\n" for name in names))


def hold(service: Service) -> Mapping[str, object]:
    found: Mapping[str, object] = until(lambda: service.ready["held"], 10, "the guard to hold something")
    return found


def number_on_disk(service: Service) -> int | None:
    kept = generation_keep.restore(Shelf(service.state))
    return kept.hold.number if kept and kept.hold else None


def names_held(service: Service) -> set[str]:
    held = service.get("/held").json["held"]
    return {node["certname"] for node in held["nodes"]} if held else set()


def test_a_directory_that_is_suddenly_empty_is_held_whatever_happens_to_the_service(
    estate: SmallEstate, service: Service, before: Mapping[str, bytes]
) -> None:
    """LDAP loses entry by entry: what goes before the guard can see the rest stays below what it lets pass."""
    estate.slapd.delete(f"ou=hosts,{BASE}", recursive=True)
    hold(service)
    until(lambda: not estate.slapd.search("(cn=*.lab.test)", "dn", base=BASE), 5, "the empty directory")
    left = until(lambda: names_held(service), 5, "what is held")
    assert len(left) >= len(NODES) - 2
    assert service.bodies(*left) == {name: before[name] for name in left}
    assert service.get(f"/enc/{UNKNOWN}").status == 503
    number = hold(service)["number"]
    until(lambda: number_on_disk(service) == number, 5, "the hold on disk")
    service.kill()
    service.start().wait_ready()
    assert service.bodies(*left) == {name: before[name] for name in left}
    until(lambda: service.source("directory")["age"] is not None, 5, "the directory to be read again")
    assert hold(service)["number"] == number
    service.reload()
    assert hold(service)["number"] == number
    assert service.bodies(*left) == {name: before[name] for name in left}


def test_hosts_that_go_one_after_the_other_are_counted_together(estate: SmallEstate, service: Service) -> None:
    for name in MACHINES:
        delete(estate, name)
        until(lambda name=name: service.status(f"/enc/{name}") != 200 or service.ready["held"], 5, "the deletion")  # type: ignore[misc]
    until(lambda: len(names_held(service)) == len(MACHINES) - 2, 5, "all the others to be held")
    assert [service.status(f"/enc/{name}") for name in MACHINES] == [503, 503, *[200] * (len(MACHINES) - 2)]


def test_a_machine_that_goes_alone_is_no_matter_for_the_guard(estate: SmallEstate, service: Service) -> None:
    delete(estate, MACHINES[0])
    until(lambda: service.status(f"/enc/{MACHINES[0]}") == 404, 5, "the node to be gone")
    assert service.ready["held"] is None


def test_a_much_smaller_directory_is_held(estate: SmallEstate, service: Service, before: Mapping[str, bytes]) -> None:
    delete(estate, *MACHINES[:5])
    held = hold(service)
    until(lambda: len(names_held(service)) >= 3, 5, "the nodes to be held")
    assert any("shrank" in str(reason) or "would lose" in str(reason) for reason in held["reasons"])  # type: ignore[attr-defined]
    left = names_held(service)
    assert service.bodies(*left) == {name: before[name] for name in left}


@contextmanager
def without_classes(estate: SmallEstate) -> Iterator[None]:
    """The class of a service that every machine has is gone."""
    estate.change(service_dn("compute"), "delete", "puppetClass", "compute")
    try:
        yield
    finally:
        estate.change(service_dn("compute"), "add", "puppetClass", "compute")


def test_classes_taken_from_too_many_are_held_and_everybody_else_goes_on(
    estate: SmallEstate, service: Service, before: Mapping[str, bytes]
) -> None:
    with without_classes(estate):
        hold(service)
        assert names_held(service) == set(MACHINES)
        assert service.bodies(*MACHINES) == {name: before[name] for name in MACHINES}
        assert service.get(f"/enc/{MACHINES[0]}/why").json["answer"]["state"].startswith("held")
        eventually(lambda: said(service, MACHINES[0], "enc").get("answer_held"), "warning")
        eventually(lambda: said(service, "-", "enc").get("generation_held"), "warning")
        estate.replace(dn_of("alpha.lab.test"), "puppetVar", "mark=1")
        until(lambda: service.answer("alpha.lab.test")["parameters"].get("mark") == "1", 2, "the other's change")
        estate.replace(dn_of("alpha.lab.test"), "puppetVar")
        assert service.ready["held"]["nodes"] == len(MACHINES)
    eventually(lambda: "answer_held" in said(service, MACHINES[0], "enc"), False)
    eventually(lambda: said(service, "-", "enc").get("generation"), "ok")


def test_approve_releases_what_was_reviewed_and_nothing_else(estate: SmallEstate, service: Service) -> None:
    with without_classes(estate):
        reviewed = hold(service)["number"]
        estate.replace(dn_of(MACHINES[0]), "puppetVar", "mark=1")
        number = until(lambda: (n := hold(service)["number"]) != reviewed and n, 5, "another hold")
        for wrong in (reviewed, 0, int(str(number)) + 1):
            assert service.ask("POST", f"/approve/{wrong}").status == 409
        assert service.ask("GET", f"/approve/{number}").status == 405
        assert "compute" in service.answer(MACHINES[0])["classes"]
        assert service.ask("POST", f"/approve/{number}").status == 200
        answers = {name: service.answer(name) for name in MACHINES}
        assert not [name for name, answer in answers.items() if "compute" in answer["classes"]]
        assert answers[MACHINES[0]]["parameters"]["mark"] == "1"
        assert service.ready["held"] is None
        until(lambda: all(map(is_whole, service.kept())), 5, "whole files")
        service.kill()
        service.start().wait_ready()
        assert "compute" not in service.answer(MACHINES[0])["classes"]
        assert service.ready["held"] is None
        estate.replace(dn_of(MACHINES[0]), "puppetVar")


def test_the_evacuation_of_a_hypervisor_passes(estate: SmallEstate, service: Service) -> None:
    guests = [guest for guest, where in GUESTS.items() if where == estate.one.name]
    movers = [threading.Thread(target=estate.one.migrate, args=(guest, estate.two)) for guest in guests]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    until(lambda: {where(service, guest) for guest in guests} == {HYPERVISORS[1]}, 3, "every guest's new hypervisor")
    assert service.ready["held"] is None
    for guest in guests:
        estate.two.migrate(guest, estate.one)
    until(lambda: {where(service, guest) for guest in guests} == {HYPERVISORS[0]}, 3, "every guest's old hypervisor")
    assert service.ready["held"] is None


def where(service: Service, guest: str) -> str:
    found: str = service.answer(f"{guest}.lab.test")["parameters"]["enclume"]["hypervisor"]
    return found
