"""What `enclume-enc` prints and stores while a URL answers, and what it does with a wrong answer."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.live.client.conftest import NODE, Client, Serve
from tests.live.client.services import DOCUMENT, answers, reply, sends

HTML = b"<html>Please sign in</html>"

NO_ANSWERS = {
    "an error of the service": reply(503, b"starting"),
    "a page of something else": reply(200, HTML),
    "an empty body": reply(200, b""),
    "an empty hash, which Puppet takes for a node without classes": reply(200, b"{}"),
    "no content": b"HTTP/1.1 204 X\r\n\r\n",
    "a redirection": reply(302, b"", "Location: http://127.0.0.1:1/"),
    "half a document, then the end": reply(200, DOCUMENT[:40], length=len(DOCUMENT)),
    "a document without a length, cut after a brace": b"HTTP/1.1 200 X\r\n\r\n" + b'{"classes": {"a": {}}',
    "chunks that break off": b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n53\r\n" + DOCUMENT,
    "a NUL byte": reply(200, DOCUMENT.replace(b"grenoble", b"gre\0noble")),
    "half a head": b"HTTP/1.1 200 X\r\nContent-Le",
    "noise": b"\x16\x03\x01\x00\xff\xfe" * 9,
    "nothing at all": b"",
}


def test_prints_the_answer_byte_for_byte_and_stores_it(client: Client, serve: Serve) -> None:
    document = DOCUMENT.replace(b"grenoble", "Isère: 'à \\ \\u0022 100 %s $HOME `id`\\n".encode()) + b"\n"
    result = client(NODE, URLS=serve(answers(document)).url)
    assert (result.status, result.out, result.err) == (0, document, "")
    assert client.stored.read_bytes().startswith(document)


def test_a_large_answer_is_printed_in_time(client: Client, serve: Serve) -> None:
    document = DOCUMENT.replace(b"grenoble", b"x" * 200_000)
    result = client(NODE, URLS=serve(answers(document)).url)
    assert (result.status, result.out) == (0, document)


def test_chunks_are_an_answer_too(client: Client, serve: Serve) -> None:
    chunk = f"{len(DOCUMENT):x}\r\n".encode() + DOCUMENT + b"\r\n0\r\n\r\n"
    service = serve(sends(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk))
    assert client(NODE, URLS=service.url).out == DOCUMENT


def test_the_stored_answer_is_ours_alone(client: Client, serve: Serve) -> None:
    client(NODE, URLS=serve(answers()).url)
    assert client.stored.stat().st_mode & 0o777 == 0o600
    assert client.state.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in client.state.iterdir()] == [NODE]


@pytest.mark.parametrize("data", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_no_answer_is_never_printed(client: Client, serve: Serve, data: bytes) -> None:
    service = serve(sends(data))
    first = client(NODE, URLS=service.url)
    assert (first.status, first.out) == (1, b"")
    assert first.err.startswith(f"enclume-enc: {NODE}: no answer: {service.url}: ")
    assert first.err.count("\n") == 1
    assert service.connections == 1
    client(NODE, URLS=serve(answers()).url)
    second = client(NODE, URLS=service.url)
    assert (second.status, second.out) == (0, DOCUMENT)
    assert second.err.count("\n") == 1


def test_proxies_and_curlrc_are_ignored(client: Client, serve: Serve, refused: str) -> None:
    (client.folder / ".curlrc").write_text('header = "X-From: curlrc"\nproxy = "http://127.0.0.1:1"\n')
    environment = {"http_proxy": refused, "all_proxy": refused, "HOME": str(client.folder)}
    client.environment |= environment
    assert client(NODE, URLS=serve(answers()).url).out == DOCUMENT


def test_twenty_at_once_for_one_node_leave_one_whole_answer(client: Client, serve: Serve) -> None:
    environment = client.environment | {"ENCLUME_ENC_URLS": serve(answers()).url, "ENCLUME_ENC_DEADLINE": "20"}
    runs = [subprocess.Popen(client.command(NODE), env=environment, stdout=subprocess.PIPE) for _ in range(20)]
    assert {run.communicate()[0] for run in runs} == {DOCUMENT}
    assert [path.name for path in client.state.iterdir()] == [NODE]
    assert client(NODE, URLS="http://127.0.0.1:1").out == DOCUMENT


def test_a_reader_that_is_gone_is_no_success(client: Client, serve: Serve) -> None:
    with Path("/dev/full").open("wb") as full:
        environment = client.environment | {"ENCLUME_ENC_URLS": serve(answers()).url}
        run = subprocess.run(client.command(NODE), env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert run.returncode == 1
    assert b"standard output" in run.stderr


def test_the_request_says_who_asks_for_whom(client: Client, serve: Serve) -> None:
    seen = []

    def behave(connection: socket.socket, _ended: threading.Event) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(reply(200, DOCUMENT))

    client(NODE, URLS=serve(behave).url + "/")
    assert seen[0].startswith(b"GET /enc/web01.example.org HTTP/1.1\r\n")
    assert b"User-Agent: enclume-enc/" in seen[0]
