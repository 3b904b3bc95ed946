"""Where a request ends, found in its first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.framing import HEAD_BYTES, Framing, Refused, framing, go_on

HEAD = b"PUT /x HTTP/1.1\r\nHost: x\r\n"


def test_a_request_without_a_body_ends_with_its_head() -> None:
    assert framing(HEAD + b"\r\nmore", 100) == Framing(len(HEAD) + 2, len(HEAD) + 2, expects=False)


@pytest.mark.parametrize("header", [b"Content-Length: 7", b"content-length:7", b"CONTENT-LENGTH: \t7 "])
def test_a_body_is_as_long_as_its_length_says(header: bytes) -> None:
    found = framing(HEAD + header + b"\r\n\r\n", 100)
    assert found is not None
    assert found.whole - found.head == 7


@pytest.mark.parametrize("cut", range(len(HEAD) + 1))
def test_half_a_head_says_nothing(cut: int) -> None:
    assert framing((HEAD + b"\r\n")[:cut], 100) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 101", "413"),
        (b"Content-Length: -1", "400"),
        (b"Content-Length: x", "400"),
        (b"Content-Length: ", "400"),
        (b"Content-Length: 1\r\nContent-Length: 1", "400"),
        (b"Content-Length: 99999999999999999999", "400"),
        (b"Transfer-Encoding: chunked", "411"),
        (b"transfer-encoding : gzip\r\nContent-Length: 1", "411"),
        (b"X: " + b"a" * HEAD_BYTES, "431"),
    ],
)
def test_what_cannot_be_read_is_refused(headers: bytes, status: str) -> None:
    with pytest.raises(Refused, match=f"^{status} "):
        framing(HEAD + headers + b"\r\n\r\n", 100)


def test_a_refusal_is_a_whole_answer() -> None:
    reply = Refused("413 Content Too Large", 'not "that" much').reply()
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body == b'{"error":"not \\"that\\" much"}\n'


def test_who_waits_is_told_once_to_go_on() -> None:
    data = bytearray(HEAD + b"Expect: 100-continue\r\nContent-Length: 7\r\n\r\n")
    found = framing(data, 100)
    assert found is not None
    assert found.expects
    assert go_on(data) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert bytes(data) == HEAD + b"Content-Length: 7\r\n\r\n"
    again = framing(data, 100)
    assert again is not None
    assert not again.expects


@given(st.binary(max_size=300))
def test_any_bytes_are_a_size_a_refusal_or_not_yet(data: bytes) -> None:
    try:
        found = framing(data, 100)
    except Refused:
        return
    assert (found is None) == (b"\r\n\r\n" not in data)
    assert found is None or found.head <= found.whole <= found.head + 100
