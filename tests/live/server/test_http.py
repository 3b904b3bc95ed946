"""What arrives at the application, byte for byte, and what never does."""

import socket

import pytest

from tests.live.server.conftest import Start
from tests.live.server.running import Running
from tests.live.server.service import CONSTANT
from tests.waiting import until


@pytest.fixture
def running(start: Start) -> Running:
    return start(limits={"body_bytes": 1_000_000})


def told(running: Running, data: bytes) -> bytes:
    """Everything that the server says to these bytes, until it closes or 0.5 s pass."""
    with running.raw() as client:
        client.sendall(data)
        client.settimeout(0.5)
        found = b""
        try:
            while chunk := client.recv(65536):
                found += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return found


def test_an_answer_keeps_its_length_and_the_connection(running: Running) -> None:
    connection = running.connect()
    for _ in range(3):
        connection.request("GET", "/constant")
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, CONSTANT)
        assert response.headers["Connection"] == "keep-alive"
        assert response.headers["Content-Length"] == str(len(CONSTANT))
    connection.close()


def test_an_answer_without_a_length_comes_in_chunks(running: Running) -> None:
    answer = running.get("/stream")
    assert (answer.body, answer.headers["transfer-encoding"]) == (b"one two", "chunked")


def test_a_head_request_has_no_body(running: Running) -> None:
    answer = running.ask("HEAD", "/constant")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len(CONSTANT)))


@pytest.mark.parametrize("size", [0, 1, 100_000, 1_000_000])
def test_a_body_arrives_whole(running: Running, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert running.ask("PUT", "/echo", body=body).body == body


def test_a_body_that_is_too_large_is_refused_before_it_is_read(running: Running) -> None:
    answer = running.ask("PUT", "/echo", body=b"x" * 1_000_001)
    assert answer.status == 413
    assert "limits.body_bytes" in answer.text


def test_requests_sent_together_are_answered_in_turn(running: Running) -> None:
    one = b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    said = told(running, one + b"one" + one + b"two" + b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.count(b"HTTP/1.1 200 OK") == 3
    assert said.index(b"one") < said.index(b"two") < said.index(b"one \r\n")


def test_a_client_that_waits_for_it_is_told_to_go_on(running: Running) -> None:
    with running.raw() as client:
        head = b"PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        client.sendall(head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        said = client.recv(1000)
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"body")


BAD = {
    "noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "no version": b"GET /constant\r\n\r\n",
    "a bad method": b"G@T /constant HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space before the colon": b"GET /constant HTTP/1.1\r\nHost : x\r\n\r\n",
    "two lengths": b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length that is no number": b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\nab",
    "a negative length": b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\nab",
    "a length with a tail": b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\nab",
    "a length of too many digits": b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\nab",
    "chunks": b"PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two framings": b"PUT /echo HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"GET /constant HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\n\r\n",
    "endless headers": b"GET /constant HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 80_000,
    "a long line": b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "too many headers": b"GET /constant HTTP/1.1\r\nHost: x\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_no_request_is_refused_once_and_the_connection_closes(running: Running, data: bytes) -> None:
    said = told(running, data + b"GET /constant HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"HTTP/1.1 4" in said[:12] or b"HTTP/1.1 5" in said[:12]
    assert b"Connection: close" in said
    assert said.count(b"HTTP/1.1 ") == 1
    assert running.get("/constant").status == 200


def test_an_application_that_fails_half_way_answers_500_and_nothing_else(running: Running) -> None:
    answer = running.get("/boom")
    assert (answer.status, b"half" in answer.body, b"boom" in answer.body) == (500, False, False)
    until(lambda: "RuntimeError: boom" in running.said, what="the log to say so")


def test_a_client_that_goes_away_is_no_error(running: Running) -> None:
    for data in (
        b"",
        b"GET /lar",
        b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ):
        with running.raw() as client:
            client.sendall(data)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert running.get("/constant").status == 200
    assert "Traceback" not in running.said


def test_no_header_says_who_asks_or_how(running: Running) -> None:
    connection = running.connect()
    forged = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "192.0.2.7",
        "Enclume.Peer": "puppet",
        "Script-Name": "/x",
    }
    connection.request("GET", "/scheme", headers=forged)
    assert connection.getresponse().read() == b"http 127.0.0.1"
    connection.request("GET", "/peer", headers=forged)
    assert connection.getresponse().read() == b"None"
    connection.close()


def test_an_old_client_gets_its_answer_and_the_end(running: Running) -> None:
    said = told(running, b"GET /constant HTTP/1.0\r\n\r\n")
    assert said.startswith(b"HTTP/1.0 200 OK\r\n")
    assert said.endswith(CONSTANT)


def test_a_client_that_asks_for_the_end_gets_it(running: Running) -> None:
    connection = running.connect()
    connection.request("GET", "/constant", headers={"Connection": "close"})
    response = connection.getresponse()
    assert response.read() == CONSTANT
    assert response.headers["Connection"] == "close"
    connection.close()
    assert told(running, b"GET /constant HTTP/1.1\r\nConnection: close\r\n\r\n" * 2).count(b"200 OK") == 1
