"""`enclume-observe` sends what it observes: the oldest first, nothing twice and nothing lost for an hour."""

import json
import socket
import threading

import msgspec
import pytest
import trustme

from facts.observations import Observed
from tests.facts.observer.program import FIXTURES, ROOT
from tests.live.observer.conftest import HOST, SERVICE, Hearing, Observer, context
from tests.waiting import free_port

REFUSED = {"error": "not this host's to say", "taken": ["mounts"], "refused": {"nfsd": "provides no nfs"}}


def test_an_observation_arrives_whole_over_tls(observer: Observer, service: Hearing) -> None:
    done = observer("--root", str(ROOT), url=service.url)
    assert (done.status, done.out, done.err) == (0, "", "")
    (document,) = service.heard
    observed = msgspec.json.decode(json.dumps(document).encode(), type=Observed)
    expected = json.loads((FIXTURES / "expected.json").read_text())
    assert document["kinds"]["nfsd"] == expected["kinds"]["nfsd"]
    assert observed.certname == HOST
    assert service.paths == [f"/observations/{HOST}"]
    assert service.headers[0]["Content-Type"] == "application/json"
    assert "Transfer-Encoding" not in service.headers[0]
    assert observer.spooled() == []


def test_the_demonstration_is_told_without_tls(observer: Observer, plain: Hearing) -> None:
    assert observer(url=plain.url + "/").status == 0
    assert plain.paths == [f"/observations/{HOST}"]


def test_the_option_beats_the_configuration(observer: Observer, plain: Hearing) -> None:
    assert observer("--url", plain.url, url="https://nobody.invalid").status == 0
    assert len(plain.heard) == 1


def test_printing_sends_and_keeps_nothing(observer: Observer, service: Hearing) -> None:
    assert observer("--print", url=service.url).status == 0
    assert service.heard == []
    assert not observer.spool.exists()


def test_while_the_service_is_away_all_is_kept_and_then_sent_the_oldest_first(
    observer: Observer, puppet_ca: trustme.CA
) -> None:
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    first = observer.keep(url, 1800)
    for _ in range(2):
        away = observer(url=url)
        assert (away.status, away.err.count("\n")) == (3, 1)
        assert "nobody listens there" in away.err
    kept = observer.spooled()
    assert len(kept) == 3
    service = Hearing(context(puppet_ca, SERVICE), port)
    try:
        assert observer(url=url).status == 0
    finally:
        service.close()
    assert service.times[:3] == kept
    assert service.times == sorted(service.times)
    assert (len(service.times), service.times[0]) == (4, first)
    assert observer.spooled() == []


def test_at_most_an_hour_is_kept(observer: Observer) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    ages = [7200, 3700, 3500, 60]
    times = [observer.keep(url, age) for age in ages]
    assert observer(url=url).status == 3
    assert observer.spooled()[:-1] == times[2:]


def test_a_run_that_was_killed_between_answer_and_removal_sends_it_again(observer: Observer, service: Hearing) -> None:
    """Twice is better than not at all: the service sees by its time that it has it."""
    time_of = observer.keep(service.url, 60)
    assert observer(url=service.url).status == 0
    assert service.times[0] == time_of


@pytest.mark.parametrize("status", [500, 503, 404, 429, 302])
def test_a_service_that_fails_is_asked_twice_and_all_is_kept(observer: Observer, service: Hearing, status: int) -> None:
    for age in (180, 120, 60):
        observer.keep(service.url, age)
    service.answer = lambda _: (status, b'{"error": "starting"}')
    done = observer(url=service.url)
    assert done.status == 3
    assert f"HTTP {status}" in done.err
    assert (len(service.heard), len(observer.spooled())) == (2, 4)


def test_one_observation_that_the_service_fails_at_holds_no_other_back(observer: Observer, service: Hearing) -> None:
    poison = observer.keep(service.url, 120)
    observer.keep(service.url, 60)
    service.answer = lambda document: (500, b"") if document["observed_at"] == poison else (204, b"")
    assert observer(url=service.url).status == 3
    assert observer.spooled() == [poison]
    assert len(service.heard) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422])
def test_what_is_refused_is_said_and_dropped(observer: Observer, service: Hearing, status: int) -> None:
    observer.keep(service.url, 60)
    service.answer = lambda _: (status, b'{"error": "kinds.nfsd: expected an object"}')
    done = observer(url=service.url)
    assert done.status == 1
    assert f"dropped: kinds.nfsd: expected an object (HTTP {status})" in done.err
    assert (len(service.heard), observer.spooled()) == (2, [])


def test_kinds_that_are_not_this_hosts_to_say_are_named_and_not_sent_again(
    observer: Observer, service: Hearing
) -> None:
    service.answer = lambda _: (403, json.dumps(REFUSED).encode())
    done = observer(url=service.url)
    assert (done.status, done.err) == (1, f"enclume-observe: {service.url}: nfsd was not taken: provides no nfs\n")
    assert observer.spooled() == []


def test_a_host_that_nobody_knows_is_told_so_in_one_line(observer: Observer, service: Hearing) -> None:
    unknown = {"error": f"{HOST} is not in the directory: add it", "taken": [], "refused": {"nfsd": "x", "logs": "y"}}
    service.answer = lambda _: (403, json.dumps(unknown).encode())
    done = observer(url=service.url)
    assert (done.status, observer.spooled()) == (1, [])
    assert done.err == f"enclume-observe: {service.url}: nothing was taken: {HOST} is not in the directory: add it\n"


def test_an_answer_that_is_no_json_is_an_answer(observer: Observer, service: Hearing) -> None:
    service.answer = lambda _: (502, b"<html>" + b"x" * 100_000)
    done = observer(url=service.url)
    assert (done.status, "Bad Gateway (HTTP 502)" in done.err) == (3, True)


def test_two_services_get_everything_whatever_the_other_does(
    observer: Observer, service: Hearing, plain: Hearing
) -> None:
    plain.answer = lambda _: (503, b"")
    assert observer(url=f"{service.url} {plain.url}").status == 3
    assert (len(service.heard), len(plain.heard)) == (1, 1)
    plain.answer = lambda _: (204, b"")
    assert observer(url=f"{service.url} {plain.url}").status == 0
    assert (len(service.heard), len(plain.heard)) == (2, 3)
    assert plain.times[1:] == service.times


def test_where_nothing_can_be_kept_it_is_sent_all_the_same(observer: Observer, service: Hearing) -> None:
    observer.spool.write_text("a file")
    done = observer(url=service.url)
    assert done.status == 0
    assert "nothing is kept there" in done.err
    assert len(service.heard) == 1


def test_a_service_that_closes_in_the_middle_keeps_it(observer: Observer) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def close() -> None:
        connection, _ = listener.accept()
        connection.recv(10)
        connection.close()

    thread = threading.Thread(target=close)
    thread.start()
    with listener:
        done = observer(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (done.status, len(observer.spooled())) == (3, 1)


def test_who_refuses_a_body_before_it_is_read_is_heard(observer: Observer) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    reply = b"HTTP/1.1 413 X\r\nContent-Length: 20\r\n\r\n" + b'{"error": "too big"}'

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    thread = threading.Thread(target=refuse)
    thread.start()
    with listener:
        done = observer(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (done.status, "too big (HTTP 413)" in done.err) == (1, True)
