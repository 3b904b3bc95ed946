"""A directory that is dead, refuses, or says nothing: answers go on and say how old they are, and it comes back."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import Struct

from tests.live.certificates import Certificates
from tests.live.service.estate import HYPERVISORS, MACHINES, NODES, SmallEstate, dn_of, small_estate
from tests.live.service.running import Service
from tests.live.service.test_placement import said
from tests.live.slapd import Slapd
from tests.waiting import until


class Place(Struct, frozen=True):
    """The estate with what can be spoilt: slapd's certificate, and the password that the service binds with."""

    estate: SmallEstate
    certificates: Certificates
    certificate: Path
    key: Path
    password: Path

    @property
    def slapd(self) -> Slapd:
        return self.estate.slapd


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    certificates = Certificates(folder)
    tls = certificates.issue("127.0.0.1")
    password = folder / "password"
    password.touch(0o600)
    password.write_text("reader\n")
    with small_estate(tmp_path_factory.mktemp("estate"), tls=tls, anonymous=False) as estate:
        yield Place(estate, certificates, tls.certificate, tls.key, password)


def settings_of(place: Place, **directory: Any) -> dict[str, Any]:
    """The service's, which binds over TLS."""
    bind = {"bind_dn": Slapd.reader_dn, "password_file": str(place.password), "ca_file": str(place.certificates.ca)}
    return place.estate.settings(place.slapd.ldaps_uri, **bind, **directory)


@pytest.fixture(scope="module")
def service(place: Place) -> Iterator[Service]:
    with Service(settings_of(place)) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        yield running


@contextmanager
def killed(place: Place) -> Iterator[None]:
    place.slapd.kill()
    try:
        yield
    finally:
        place.slapd.start()


@contextmanager
def wrong_password(place: Place) -> Iterator[None]:
    right = place.password.read_text()
    place.password.write_text("s3cr3t-and-wrong\n")
    place.slapd.restart()
    try:
        yield
    finally:
        place.password.write_text(right)


@contextmanager
def expired(place: Place) -> Iterator[None]:
    right = place.certificate.read_bytes(), place.key.read_bytes()
    wrong = place.certificates.issue("127.0.0.1", expired=True)
    place.certificate.write_bytes(wrong.certificate.read_bytes())
    place.key.write_bytes(wrong.key.read_bytes())
    place.slapd.restart()
    try:
        yield
    finally:
        place.certificate.write_bytes(right[0])
        place.key.write_bytes(right[1])
        place.slapd.restart()


@contextmanager
def frozen(place: Place) -> Iterator[None]:
    place.slapd.freeze()
    try:
        yield
    finally:
        place.slapd.thaw()


@contextmanager
def silent(place: Place) -> Iterator[None]:
    """Somebody else on its port, who accepts and never says a word."""
    place.slapd.stop()
    port = urlsplit(place.slapd.ldaps_uri).port or 0
    try:
        with socket.create_server(("127.0.0.1", int(port)), reuse_port=False):
            yield
    finally:
        place.slapd.start()


FAILURES: Mapping[str, tuple[Callable[[Place], AbstractContextManager[None]], str]] = {
    "killed": (killed, "refused"),
    "wrong password": (wrong_password, "password"),
    "expired certificate": (expired, "expired"),
    "frozen": (frozen, "did not answer"),
    "silent": (silent, "did not answer"),
}


@pytest.mark.parametrize(("failure", "word"), FAILURES.values(), ids=FAILURES.keys())
def test_answers_go_on_and_grow_old_until_the_directory_comes_back(
    place: Place, service: Service, failure: Callable[[Place], AbstractContextManager[None]], word: str
) -> None:
    before, begin = service.bodies(*NODES), time.time()
    with failure(place):
        until(lambda: word in (service.source("directory")["error"] or "").lower(), 10, f"{word!r} to be said")
        until(lambda: service.source("directory")["age"] > 2, 10, "the age to grow")
        assert service.bodies(*NODES) == before
        ages = {name: service.get(f"/enc/{name}").age for name in NODES}
        assert min(ages.values()) >= 1
        assert max(ages.values()) <= time.time() - begin + 2
        reply = service.get("/enc/nobody.lab.test")
        assert reply.status == 404, "the directory was read within the last minutes"
        assert max(service.source("inventory", name)["age"] for name in HYPERVISORS) < 2
        assert service.ready["ready"]
        assert service.ready["held"] is None
    until(lambda: service.source("directory")["error"] is None, 20, "the directory to be read again")
    until_steady(service)
    place.estate.replace(dn_of(MACHINES[0]), "puppetVar", f"mark={word[:3]}")
    until(lambda: service.answer(MACHINES[0])["parameters"].get("mark") == word[:3], 3, "a change")
    place.estate.replace(dn_of(MACHINES[0]), "puppetVar")
    until(lambda: service.bodies(*NODES) == before, 3, "the change back")


def until_steady(service: Service) -> None:
    """The directory was followed for a second; what ends sooner counts as one failure, and is tried more seldom."""
    back = time.time()
    until(lambda: time.time() - service.source("directory")["age"] > back + 1, 10, "the directory to be followed")


def test_a_directory_that_does_not_answer_a_service_that_just_began_was_not_read_until_it_does(place: Place) -> None:
    service = Service(settings_of(place, deadline=30))
    try:
        with frozen(place):
            service.start()
            until(lambda: service.status("/health/live") == 200, 20, "the service")
            until(lambda: said(service, "-", "sources") == {"source_unread": "unknown"}, 10, "no reading")
        until(lambda: said(service, "-", "sources") == {"source": "ok"}, 20, "the first reading")
    finally:
        service.close()


def test_no_secret_is_ever_said(service: Service) -> None:
    """Neither in the log nor in what anybody may ask; not even a password that was wrong."""
    said = service.log + service.get("/health/ready").body.decode() + service.get("/findings").body.decode()
    said += " ".join(" ".join(process.cmdline()) for process in service.family)
    assert "s3cr3t" not in said


def test_an_old_enough_silence_makes_nobody_unknown(place: Place, service: Service) -> None:
    """Once the directory has not been read for `freshness`, nobody is told that a node does not exist."""
    settings = dict(service.settings)
    service.write(freshness=1)
    service.reload()
    assert until(lambda: service.status("/enc/nobody.lab.test") == 404, 10, "a 404 that is believed")
    with frozen(place):
        until(lambda: service.status("/enc/nobody.lab.test") == 503, 10, "doubt")
        assert service.bodies(*NODES)
    service.write(**{**settings, "freshness": 300})
    service.reload()
    until(lambda: service.source("directory")["error"] is None, 20, "the directory to be read again")
    until_steady(service)
