"""Clients that dawdle: everybody else is served meanwhile, and they are ended after their time."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.live.server.authority import Authority
from tests.live.server.conftest import Start
from tests.live.server.running import Running
from tests.waiting import until

PROMPT = 1.0
"""Seconds within which everybody else is answered, on a busy machine."""

HALF_REQUESTS = {
    "nothing": b"",
    "half a request line": b"GET /const",
    "half the headers": b"GET /constant HTTP/1.1\r\nHost: x\r\nX-A:",
    "half a body": b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    "a body that was promised": b"PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
}


@pytest.fixture
def few_threads(start: Start) -> Running:
    """Fewer threads than dawdlers, so that one thread each would not do."""
    return start(limits={"threads": 4, "request_seconds": 2})


def hello() -> bytes:
    """A client's first TLS flight."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="enc1.example.org")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


@contextlib.contextmanager
def dawdling(running: Running, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        clients = [stack.enter_context(running.raw()) for _ in range(count)]
        for client in clients:
            client.sendall(data)
        yield clients


def quickest(ask: Callable[[], object], times: int = 5) -> float:
    """Seconds that the slowest of some requests took."""
    slowest = 0.0
    for _ in range(times):
        begin = time.monotonic()
        ask()
        slowest = max(slowest, time.monotonic() - begin)
    return slowest


def ended(client: socket.socket) -> bool:
    """Whether the server has closed this connection, whatever it said before."""
    client.settimeout(0.01)
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while client.recv(65536):
            pass
        return True
    return False


@pytest.mark.parametrize("count", [8, 200])
@pytest.mark.parametrize("data", HALF_REQUESTS.values(), ids=HALF_REQUESTS.keys())
def test_half_requests_hold_nobody_up_and_are_ended(few_threads: Running, data: bytes, count: int) -> None:
    with dawdling(few_threads, count, data) as clients:
        assert quickest(lambda: few_threads.get("/constant")) < PROMPT
        begin = time.monotonic()
        for client in clients:
            until(lambda client=client: ended(client), timeout=5, what="a dawdler to be ended")  # type: ignore[misc]
        assert time.monotonic() - begin < 4


@pytest.mark.parametrize("count", [8, 200])
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_half_hellos_hold_nobody_up_and_are_ended(start: Start, authority: Authority, part: float, count: int) -> None:
    running = start(authority, limits={"threads": 4, "request_seconds": 2})
    node = authority.issue("web01.example.org")
    flight = hello()
    with dawdling(running, count, flight[: int(len(flight) * part)]) as clients:
        assert quickest(lambda: running.get("/peer", node)) < PROMPT
        for client in clients:
            until(lambda client=client: ended(client), timeout=5, what="half a hello to be ended")  # type: ignore[misc]


def test_a_byte_a_while_is_ended_although_it_never_rests(few_threads: Running) -> None:
    with few_threads.raw() as client:
        client.settimeout(0.05)
        begin, sent = time.monotonic(), 0

        def trickle() -> bool:
            nonlocal sent
            try:
                client.sendall(b"x")
                sent += 1
                return client.recv(100) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        until(trickle, timeout=6, what="the trickle to be ended")
        assert 1.5 < time.monotonic() - begin < 4
        assert sent > 10


@pytest.mark.parametrize("count", [1, 12])
def test_those_who_read_slowly_hold_nobody_up_and_are_ended(few_threads: Running, count: int) -> None:
    """The answer is far larger than what the kernel takes for a client that does not read."""
    with dawdling(few_threads, count, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as clients:
        assert quickest(lambda: few_threads.get("/constant")) < PROMPT
        until(lambda: few_threads.said.count("took too long") == count, timeout=8, what="the slow readers to be ended")
        # What is still in the kernel's buffers comes; the rest of the 40 MB never does.
        for client in clients:
            until(lambda client=client: ended(client), timeout=5, what="the end")  # type: ignore[misc]


def test_a_large_answer_comes_whole_to_those_who_read(start: Start, authority: Authority) -> None:
    running = start(authority)
    assert len(running.get("/large", authority.issue("web01.example.org"), timeout=20).body) == 40_000_000


def test_slow_answers_of_the_application_are_not_the_clients_fault(few_threads: Running) -> None:
    assert few_threads.get("/slow/3.0").text == "slow"


def test_idle_connections_hold_nobody_up_and_can_be_used_again(few_threads: Running) -> None:
    connections = [few_threads.connect(timeout=10) for _ in range(200)]
    try:
        for _ in range(2):
            for connection in connections:
                connection.request("GET", "/constant")
                assert connection.getresponse().read()
        assert quickest(lambda: few_threads.get("/constant")) < PROMPT
    finally:
        for connection in connections:
            connection.close()


def test_a_connection_may_rest_longer_than_a_request_may_take(few_threads: Running) -> None:
    connection = few_threads.connect()
    try:
        connection.request("GET", "/constant")
        connection.getresponse().read()
        before = connection.sock
        few_threads.get("/slow/2.7")
        connection.request("GET", "/constant")
        assert connection.getresponse().status == 200
        assert connection.sock is before
    finally:
        connection.close()


def test_more_connections_than_there_is_room_for_end_the_oldest(start: Start) -> None:
    running = start(limits={"threads": 4, "request_seconds": 60})
    with dawdling(running, 2050, b"GET /half") as clients:
        assert running.get("/constant").status == 200
        until(lambda: ended(clients[0]), what="the oldest to make room")
        assert not ended(clients[-1])
