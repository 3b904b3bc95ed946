"""What the small HTTP client makes of services that answer well, badly or not at all."""

from collections.abc import Iterator

import pytest

from commands.client import Service
from commands.outcome import Misused, No
from errors import SourceError
from settings import parse
from tests.commands.scripted import BODY, Scripted, http


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    made = Scripted()
    yield made
    made.close()


def test_an_answer_is_its_body_and_headers(scripted: Scripted) -> None:
    scripted.reply = http(200, b'{"a": 1}')
    reply = Service(scripted.settings()).get_answer("/enc/x")
    assert (reply.body, reply.headers["x-enclume-age"]) == (b'{"a": 1}', "3")
    assert scripted.asked.startswith(b"GET /enc/x HTTP/1.1\r\n")


def test_a_service_that_listens_everywhere_is_asked_over_loopback(scripted: Scripted) -> None:
    scripted.reply = http(200, b"[]")
    service = Service(scripted.settings("0.0.0.0"))
    assert service.url.startswith("http://127.0.0.1:")
    assert service.post_json("/preview", BODY) == []
    assert scripted.asked.endswith(b"\r\n\r\n" + BODY)
    assert (
        Service(parse({"directory": {"uri": "ldap://x", "base": "dc=x"}, "listen": "[::]:1"})).url == "http://[::1]:1"
    )


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Misused), (404, No), (409, No), (403, SourceError), (503, SourceError)]
)
def test_a_refusal_is_told_in_the_services_words(scripted: Scripted, status: int, kind: type[Exception]) -> None:
    scripted.reply = http(status, b'{"error": "because of this"}')
    with pytest.raises(kind, match="because of this"):
        Service(scripted.settings()).get("/x")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b"null"])
def test_a_refusal_by_something_else_is_no_answer(scripted: Scripted, body: bytes) -> None:
    scripted.reply = http(404, body)
    with pytest.raises(SourceError, match="HTTP status 404; is it Enclume that listens there"):
        Service(scripted.settings()).get("/x")


@pytest.mark.parametrize("reply", [b"", b"220 mail.example.org ESMTP\r\n", http(200, b"{}")[:-1]])
def test_what_is_no_http_or_only_half_of_it_is_no_answer(scripted: Scripted, reply: bytes) -> None:
    scripted.reply = reply
    with pytest.raises(SourceError, match="the service cannot be asked"):
        Service(scripted.settings()).get("/x")


def test_a_service_that_is_silent_is_given_up_in_time(scripted: Scripted) -> None:
    scripted.reply = None
    with pytest.raises(SourceError, match=r"did not answer within 0\.1 s; it hangs .* restart it .* --offline"):
        Service(scripted.settings(), timeout=0.1).get("/x")


def test_something_else_that_answers_is_not_taken_for_the_service(scripted: Scripted) -> None:
    scripted.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    with pytest.raises(SourceError, match="how old its answer is; is it Enclume"):
        Service(scripted.settings()).get_answer("/enc/x")


def test_what_is_no_json_is_not_taken_for_an_answer(scripted: Scripted) -> None:
    scripted.reply = http(200, b"<html>")
    with pytest.raises(SourceError, match="no JSON; is it Enclume"):
        Service(scripted.settings()).get_json("/held")
