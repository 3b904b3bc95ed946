"""`enclume::lookup_key` under the real Hiera: what it finds, and what it does with a service that is wrong or away."""

import json
import os
import socket
import threading
from typing import Any

import pytest

from tests.live.client.services import answers, dribbles, reply, sends, silent
from tests.live.hiera.conftest import ABSENT, NODE, Looker, Serve

CONTENT = {
    "enclume::site": {"name": "angers"},
    "enclume::services": {"web": {"members": {"web02": {"addresses": ["10.0.0.2"]}}}},
    "a::b": "Isère %{facts.os.family} %{lookup('a::n')} \\n",
    "a::n": 3,
    "a::f": 0.5,
    "a::t": True,
    "a::none": None,
    "a::list": [1, {"x": "08:00"}],
}
DOCUMENT = json.dumps(CONTENT, ensure_ascii=False).encode()
UNKNOWN = sends(reply(404, json.dumps({"error": f"{NODE} is not in the directory: add it below x"}).encode()))

NO_ANSWERS = {
    "an error of the service": reply(503, b"starting"),
    "a refusal": reply(403, b"{}"),
    "a page that is not there": reply(404, b"<html>Not found</html>"),
    "an Enclume without Hiera": reply(404, b'{"error": "The requested URL was not found on the server."}'),
    "another node that is not there": reply(404, b'{"error": "web01 is not in the directory"}'),
    "a page of something else": reply(200, b"<html>Please sign in</html>"),
    "an empty body": reply(200, b""),
    "an empty hash": reply(200, b"{}"),
    "an array": reply(200, b"[1]"),
    "a redirection": reply(302, b"", "Location: http://127.0.0.1:1/"),
    "half a document, then the end": reply(200, DOCUMENT[:40], length=len(DOCUMENT)),
    "a document without a length": b"HTTP/1.1 200 X\r\n\r\n" + DOCUMENT,
    "chunks that break off": b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n53\r\n" + DOCUMENT,
    "text that is no UTF-8": reply(200, DOCUMENT.replace("è".encode(), b"\xe8")),
    "half a head": b"HTTP/1.1 200 X\r\nContent-Le",
    "noise": b"\x16\x03\x01\x00\xff\xfe" * 9,
    "nothing at all": b"",
    "nesting without an end": reply(200, b"[" * 200_000),
    "more than any answer": reply(200, b'{"enclume::services": "' + b"x" * (17 * 1024 * 1024) + b'"}'),
}


def test_every_value_comes_as_it_was_stated(look: Looker, serve: Serve) -> None:
    """Also what Hiera would interpolate: it is text in LDAP, and may be another node's."""
    looked = look(*CONTENT, urls=serve(answers(DOCUMENT)).url)
    assert (looked.values, looked.logs) == (tuple(CONTENT.values()), ())
    assert [type(one) for one in looked.values or ()] == [type(one) for one in CONTENT.values()]


def test_the_service_is_asked_once_for_a_catalog_and_anew_for_the_next(look: Looker, serve: Serve) -> None:
    service = serve(answers(DOCUMENT))
    assert look("a::b", "nothing", "a::n", "enclume::services.web.members", urls=service.url).values == (
        CONTENT["a::b"],
        ABSENT,
        3,
        CONTENT["enclume::services"]["web"]["members"],  # type: ignore[index]
    )
    assert service.connections == 1
    look(urls=service.url)
    assert service.connections == 2


def test_an_environment_that_stays_loaded_gives_each_node_its_own(look: Looker, serve: Serve) -> None:
    """As with `environment_timeout = unlimited`: neither another node's answer, nor the one of a catalog before."""

    def behave(connection: socket.socket, _ended: threading.Event) -> None:
        path = connection.recv(4096).split()[1].decode()
        connection.sendall(reply(200, json.dumps({"enclume::services": {}, "a::path": path}).encode()))

    service = serve(behave)
    for again, node in ((False, "a.lab.test"), (True, "b.lab.test"), (True, "a.lab.test")):
        assert look("a::path", node=node, again=again, urls=service.url).values == (f"/hiera/{node}",)
    assert service.connections == 3


def test_the_request_is_for_the_node_of_the_catalog(look: Looker, serve: Serve) -> None:
    seen = []

    def behave(connection: socket.socket, _ended: threading.Event) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(reply(200, DOCUMENT))

    look(urls=[serve(behave).url + "/"])
    assert seen[0].startswith(f"GET /hiera/{NODE} HTTP/1.1\r\n".encode())


def test_chunks_are_an_answer_too(look: Looker, serve: Serve) -> None:
    chunk = f"{len(DOCUMENT):x}\r\n".encode() + DOCUMENT + b"\r\n0\r\n\r\n"
    service = serve(sends(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk))
    assert look("a::n", urls=service.url).values == (3,)


@pytest.mark.parametrize("data", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_no_answer_fails_the_catalog_or_is_replaced_by_the_kept_one(
    look: Looker, serve: Serve, data: bytes
) -> None:
    service = serve(sends(data))
    first = look("a::n", urls=service.url)
    assert first.values is None
    assert f"enclume: {NODE}: no answer: {service.url}: " in str(first.error)
    assert "no answer is kept" in str(first.error)
    assert service.connections == 1
    look(urls=serve(answers(DOCUMENT)).url)
    second = look("a::n", urls=service.url)
    assert second.values == (3,)
    assert len(second.logs) == 1
    assert "since no URL can answer" in second.logs[0]


@pytest.mark.parametrize("behaviour", [silent, dribbles])
def test_everything_ends_within_the_deadline(look: Looker, serve: Serve, behaviour: Any) -> None:
    slow, good = serve(behaviour), serve(answers(DOCUMENT))
    looked = look("a::n", urls=[slow.url, good.url], deadline=2)
    assert looked.values == (3,)
    assert looked.seconds < 2.5
    looked = look("a::n", urls=[slow.url, slow.url], deadline=2)
    assert looked.values == (3,)
    assert 1.8 < looked.seconds < 4
    assert "no complete answer in" in looked.logs[0]


def test_a_name_that_no_resolver_answers_for_is_within_the_deadline_too(look: Looker, serve: Serve) -> None:
    good = serve(answers(DOCUMENT))
    looked = look("a::n", urls=["https://enclume.invalid", good.url], deadline=2)
    assert looked.values == (3,)
    assert looked.seconds < 2.5


def test_a_node_that_every_url_does_not_know_has_no_catalog_and_no_kept_answer(look: Looker, serve: Serve) -> None:
    gone = serve(UNKNOWN)
    look(urls=serve(answers(DOCUMENT)).url)
    looked = look(urls=[gone.url, gone.url])
    assert "no URL knows this node" in str(looked.error)
    assert not look.kept.exists()


def test_one_url_that_does_not_know_the_node_is_not_enough(look: Looker, serve: Serve, refused: str) -> None:
    look(urls=serve(answers(DOCUMENT)).url)
    assert look("a::n", urls=[serve(UNKNOWN).url, refused]).values == (3,)
    assert look.kept.exists()


def test_an_unknown_node_may_be_empty_where_that_is_asked_for(look: Looker, serve: Serve, refused: str) -> None:
    assert look("a::n", urls=serve(UNKNOWN).url, unknown="empty").values == (ABSENT,)
    assert look("a::n", urls=refused, unknown="empty").error is not None


def test_the_kept_answer_is_ours_alone(look: Looker, serve: Serve) -> None:
    look(urls=serve(answers(DOCUMENT)).url)
    assert look.kept.stat().st_mode & 0o777 == 0o600
    assert look.state.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in look.state.iterdir()] == [NODE]


@pytest.mark.parametrize(("limit", "age"), [("24h", 86300), (100, 50), ("90m", 5300)])
def test_a_kept_answer_is_used_while_young_enough(look: Looker, serve: Serve, limit: object, age: float) -> None:
    look(urls=serve(answers(DOCUMENT)).url)
    look.age(age)
    assert look("a::n", urls="http://127.0.0.1:1", max_age=limit).values == (3,)


@pytest.mark.parametrize(("limit", "age"), [("24h", 86500), ("100s", 200)])
def test_a_kept_answer_that_is_too_old_is_refused(look: Looker, serve: Serve, limit: object, age: float) -> None:
    look(urls=serve(answers(DOCUMENT)).url)
    look.age(age)
    assert "older than max_age" in str(look(urls="http://127.0.0.1:1", max_age=limit).error)


def test_a_kept_answer_from_the_future_is_refused(look: Looker, serve: Serve, refused: str) -> None:
    look(urls=serve(answers(DOCUMENT)).url)
    look.age(-3600)
    assert "clock" in str(look(urls=refused).error)


@pytest.mark.parametrize(
    "damage", [b"", b"{}", DOCUMENT, DOCUMENT + b"\n# 9 bytes\n", DOCUMENT[:40] + b"\n# 40 bytes\n", b"\0" * 500]
)
def test_a_damaged_one_is_refused(look: Looker, serve: Serve, refused: str, damage: bytes) -> None:
    look(urls=serve(answers(DOCUMENT)).url)
    look.kept.write_bytes(damage)
    assert "the kept answer is damaged" in str(look(urls=refused).error)


def test_a_folder_or_file_that_others_could_have_written_is_not_trusted(
    look: Looker, serve: Serve, refused: str
) -> None:
    good = serve(answers(DOCUMENT)).url
    look(urls=good)
    look.state.chmod(0o777)
    assert "others may write" in str(look(urls=refused).error)
    assert "others may write" in look("a::n", urls=good).logs[0]
    look.state.chmod(0o700)
    os.chown(look.state, 12345, 12345)
    assert "not a folder of this user" in str(look(urls=refused).error)
    os.chown(look.state, os.getuid(), os.getgid())
    elsewhere = look.kept.rename(look.state / "elsewhere")
    look.kept.symlink_to(elsewhere)
    assert look(urls=refused).error is not None


def test_a_folder_that_cannot_be_written_costs_a_warning_alone(look: Looker, serve: Serve) -> None:
    look.kept.mkdir(parents=True)
    look.state.chmod(0o700)
    looked = look("a::n", urls=serve(answers(DOCUMENT)).url)
    assert looked.values == (3,)
    assert "the answer is not kept" in looked.logs[0]
    assert [path.name for path in look.state.iterdir()] == [NODE]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "option urls of hiera.yaml: no URL to ask"),
        ({"urls": "http://enclume.example.org"}, "expected https://HOST:PORT"),
        ({"urls": "ftp://127.0.0.1"}, "expected https://HOST:PORT"),
        ({"urls": "https://me:secret@enclume.example.org"}, "not by a password"),
        ({"urls": "https://h", "deadline": 0}, "seconds from 1 to 59"),
        ({"urls": "https://h", "deadline": "3"}, "seconds from 1 to 59"),
        ({"urls": "https://h", "max_age": "soon"}, "expected seconds"),
        ({"urls": "https://h", "state": "here"}, "absolute path"),
        ({"urls": "https://h", "unknown": "maybe"}, "fail or empty"),
        ({"urls": "https://h", "key": "/x"}, "give both or neither"),
        ({"urls": "https://h", "url": "https://h"}, "is no option; known are urls"),
    ],
)
def test_wrong_options_say_what_is_expected(look: Looker, options: dict[str, Any], expected: str) -> None:
    looked = look(**options)
    assert expected in str(looked.error)
    assert "secret" not in str(looked.error)


@pytest.mark.parametrize("name", ["../etc/passwd", "a/b", "UPPER", ".hidden"])
def test_a_node_without_a_certname_is_asked_for_nowhere(look: Looker, serve: Serve, name: str) -> None:
    service = serve(answers(DOCUMENT))
    assert "not a certname" in str(look(node=name, urls=service.url).error)
    assert service.connections == 0
