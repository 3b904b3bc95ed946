"""Requests as bytes: where one ends, and which are refused before anybody reads them.

Only the length is understood here. All else is for gunicorn's parser, which gets the whole request.
"""

import re

import msgspec

HEAD_BYTES = 64 * 1024
"""Longest request line and headers together."""

_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]*)[^\r]*", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Refused(Exception):
    """A request that is answered at once, and after which the connection closes: status line and reason."""

    def __init__(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"{status}: {reason}")

    def reply(self) -> bytes:
        """The whole answer."""
        body = msgspec.json.encode({"error": self.reason}) + b"\n"
        head = (
            f"HTTP/1.1 {self.status}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Framing(msgspec.Struct, frozen=True):
    """One request's size: of its head and of its whole, in bytes; `expects` if the client waits for a 100 first."""

    head: int
    whole: int
    expects: bool


def framing(data: bytes | bytearray, body_bytes: int) -> Framing | None:
    """How long the request is that begins in `data`; None while its head is not complete. Raises `Refused`.

    A body needs a Content-Length: only of a request whose length is known can be said when it is whole.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or end > HEAD_BYTES:
        if len(data) > HEAD_BYTES:
            raise Refused("431 Request Header Fields Too Large", f"the headers are longer than {HEAD_BYTES} bytes")
        return None
    head = bytes(data[: end + 2])
    if _ENCODING.search(head):
        raise Refused("411 Length Required", "send a Content-Length, not a Transfer-Encoding")
    lengths = _LENGTH.findall(head)
    if len(lengths) > 1 or b"" in lengths or any(len(length) > 15 for length in lengths):
        raise Refused("400 Bad Request", "expected one Content-Length, a number of bytes")
    length = int(lengths[0]) if lengths else 0
    if length > body_bytes:
        raise Refused("413 Content Too Large", f"the body is longer than limits.body_bytes ({body_bytes})")
    return Framing(end + 4, end + 4 + length, bool(length) and _EXPECT.search(head) is not None)


def go_on(data: bytearray) -> bytes:
    """The interim answer to a client that waits before it sends its body; takes its wish out of the head."""
    found = _EXPECT.search(data)
    if found is not None:
        del data[found.start() : found.end()]
    return _CONTINUE
