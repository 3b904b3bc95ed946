"""A hypervisor that is dead, refuses, or says nothing: its guests keep their answers, which say how old they are."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.facts.inventory.peers import SilentPeer
from tests.live.hypervisors import Hypervisor
from tests.live.service.estate import HYPERVISORS, MACHINES, NODES, SmallEstate, dn_of
from tests.live.service.running import Service
from tests.waiting import until

ALPHA, DELTA = "alpha.lab.test", "delta.lab.test"


@contextmanager
def killed(hypervisor: Hypervisor) -> Iterator[None]:
    """Its socket stays, and refuses."""
    hypervisor.kill()
    try:
        yield
    finally:
        hypervisor.restart()


@contextmanager
def gone(hypervisor: Hypervisor) -> Iterator[None]:
    """There is not even a socket."""
    hypervisor.kill()
    hypervisor.socket.unlink()
    try:
        yield
    finally:
        hypervisor.restart()


@contextmanager
def frozen(hypervisor: Hypervisor) -> Iterator[None]:
    hypervisor.freeze()
    try:
        yield
    finally:
        hypervisor.thaw()


@contextmanager
def silent(hypervisor: Hypervisor) -> Iterator[None]:
    """Somebody else at its socket, who accepts and never says a word."""
    hypervisor.kill()
    hypervisor.socket.unlink()
    place = Path(hypervisor.socket.parent)
    peer = SilentPeer(place)
    hypervisor.socket.symlink_to(peer.path)
    try:
        yield
    finally:
        peer.close()
        peer.path.unlink()
        hypervisor.restart()


FAILURES: Mapping[str, tuple[Callable[[Hypervisor], AbstractContextManager[None]], str]] = {
    "killed": (killed, "refused"),
    "gone": (gone, "socket"),
    "frozen": (frozen, "did not answer"),
    "silent": (silent, "did not answer"),
}


@pytest.mark.parametrize(("failure", "word"), FAILURES.values(), ids=FAILURES.keys())
def test_its_guests_keep_their_answers_and_the_other_hypervisors_do_not_notice(
    estate: SmallEstate,
    service: Service,
    failure: Callable[[Hypervisor], AbstractContextManager[None]],
    word: str,
) -> None:
    sick, well = HYPERVISORS
    before = service.bodies(*NODES)
    others: list[float] = []

    def look() -> float:
        """The sick one's age, while the well one's figures are taken down."""
        others.append(max(service.source("inventory", well)["age"], service.get(f"/enc/{DELTA}").age))
        age: float = service.source("inventory", sick)["age"]
        return age

    with failure(estate.one):
        until(lambda: word in (service.source("inventory", sick)["error"] or "").lower(), 15, f"{word!r} to be said")
        until(lambda: look() > 2.5, 10, "its age to grow")
        assert service.get(f"/enc/{ALPHA}").age >= 2
        assert max(others) < 2, others
        assert service.source("inventory", well)["error"] is None
        assert service.source("directory")["error"] is None
        assert service.bodies(*NODES) == before
        begin = time.monotonic()
        estate.replace(dn_of(ALPHA), "puppetVar", "mark=1")
        until(lambda: service.answer(ALPHA)["parameters"].get("mark") == "1", 3, "a change of its guest in LDAP")
        estate.two.suspend("delta")
        estate.two.resume("delta")
        estate.replace(dn_of(ALPHA), "puppetVar")
        until(lambda: service.bodies(*NODES) == before, 3, "the change back")
        assert time.monotonic() - begin < 3
        assert service.ready["ready"]
    until(lambda: service.source("inventory", sick)["error"] is None, 40, "it to be read again")
    until(lambda: service.source("inventory", sick)["age"] < 2, 5, "its age to be small again")
    assert service.bodies(*NODES) == before
    until(lambda: service.get(f"/enc/{ALPHA}").age <= 1, 5, "a young answer")


def test_a_guest_that_starts_elsewhere_while_its_hypervisor_is_dead_has_moved(
    estate: SmallEstate, service: Service
) -> None:
    """An administrator recovers it on the other one: what the dead one showed last counts less than what runs."""
    with estate.one.connection() as connection:
        uuid = connection.lookupByName("beta").UUIDString()
    where = "parameters", "enclume", "hypervisor"
    with killed(estate.one):
        until(lambda: service.source("inventory", HYPERVISORS[0])["error"], 10, "the failure")
        estate.two.define("beta", uuid)
        estate.two.start("beta")
        until(lambda: _at(service.answer("beta.lab.test"), where) == HYPERVISORS[1], 3, "the new hypervisor")
        estate.two.forget("beta")
    until(lambda: service.source("inventory", HYPERVISORS[0])["error"] is None, 40, "the old one to be read again")
    until(lambda: _at(service.answer("beta.lab.test"), where) == HYPERVISORS[0], 5, "the old hypervisor")


def test_machines_that_are_no_guests_are_as_fresh_as_the_directory(estate: SmallEstate, service: Service) -> None:
    with killed(estate.two), killed(estate.one):
        until(
            lambda: min(service.source("inventory", name)["age"] for name in HYPERVISORS) > 2.5, 15, "old hypervisors"
        )
        assert max(service.get(f"/enc/{name}").age for name in MACHINES) <= 1
    until(lambda: not any(source["error"] for source in service.ready["sources"]), 40, "both to be read again")


def _at(answer: object, path: tuple[str, ...]) -> object:
    for key in path:
        assert isinstance(answer, dict)
        answer = answer[key]
    return answer
