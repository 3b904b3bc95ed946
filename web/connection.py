"""One client's connection, from its TLS hello to its end, without ever waiting for the client.

Its `steps` are a generator: it does what can be done now and yields what the client's socket must be ready for before
it goes on. Whoever runs it (a thread of the worker) is free meanwhile, so that no number of clients that send or
read slowly, or not at all, can hold the threads that answer. The worker ends a connection whose `deadline` has passed.
"""

import contextlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TypeVar

import msgspec

from web.framing import Refused, framing, go_on
from web.peer import certified_name
from web.tls import is_over

_LOG = logging.getLogger("enclume.server")

T = TypeVar("T")

READ, WRITE = select.EPOLLIN, select.EPOLLOUT

_CHUNK = 64 * 1024
_LINGER = 2.0
"""Seconds for which a closed connection is still read, so that the last answer is not cut off by a reset."""


class Limits(msgspec.Struct, frozen=True):
    """Seconds for a request, and again for reading its answer; seconds between two requests; bytes of one body."""

    request: float
    idle: float
    body: int


class Budget:
    """Bytes of request bodies that may be in memory at one time."""

    def __init__(self, bytes_left: int) -> None:
        self._left = bytes_left
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Whether there was room for so many."""
        with self._lock:
            if self._left < count:
                return False
            self._left -= count
            return True

    def give(self, count: int) -> None:
        """Have so many again."""
        with self._lock:
            self._left += count


class Reply(msgspec.Struct, frozen=True):
    """An answer's bytes in one or more pieces, and whether the connection may be used again after it."""

    pieces: tuple[bytes, ...]
    keep: bool


Answer = Callable[["Connection", bytes], Reply]


class Connection:
    """A client's socket, what was read from it, and who is at its other end.

    `waiting` says that nobody runs it: it waits for its socket. `lock` guards that change of hands.
    """

    def __init__(self, sock: socket.socket, address: tuple[str, int], limits: Limits, budget: Budget) -> None:
        self.sock, self.address, self.descriptor = sock, address, sock.fileno()
        self.peer: str | None = None
        self.context: ssl.SSLContext | None = None
        self.deadline = time.monotonic() + limits.request
        self.served, self.idle = 0, True
        self.waiting = False
        self.lock = threading.Lock()
        self._limits, self._budget, self._taken = limits, budget, 0
        self._inbox = bytearray()

    def __str__(self) -> str:
        host, port = self.address[:2]
        return f"{self.peer} at {host}" if self.peer else f"{host}:{port}"

    def live(self, context: ssl.SSLContext | None, answer: Answer) -> None:
        """Make `steps`: it yields `READ` or `WRITE` when the socket must be ready, and ends with the connection."""
        self.steps = self._life(context, answer)

    def _life(self, context: ssl.SSLContext | None, answer: Answer) -> Generator[int, None, None]:
        try:
            if context is not None:
                yield from self._greet(context)
            while (reply := (yield from self._reply(answer))) is not None:
                self._within(self._limits.request)
                for piece in reply.pieces:
                    yield from self._send(piece)
                if not reply.keep:
                    yield from self._part()
                    return
        except ssl.SSLError as error:
            self._say_refused(error)
            yield from self._linger()
        except OSError as error:
            _LOG.debug("%s: connection lost: %s", self, error)
        finally:
            self._budget.give(self._taken)

    def _say_refused(self, error: ssl.SSLError) -> None:
        """A client that just goes away, as probes of a port do, is no news."""
        level = logging.DEBUG if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) else logging.INFO
        # What this module says itself has neither.
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
        _LOG.log(level, "%s: TLS refused: %s", self, reason)

    def _within(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _greet(self, context: ssl.SSLContext) -> Iterator[int]:
        secured = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        self.sock, self.context = secured, context
        yield from _until_done(secured.do_handshake, READ)
        # Nothing is to be sent now: a client without TCP_NODELAY would wait 40 ms for an acknowledgement to go on.
        secured.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        certificate = secured.getpeercert()
        if certificate and secured.session_reused and is_over(certificate):
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "certificate has expired")
        self.peer = certified_name(certificate)
        if self.peer is None:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the certificate has no certname")

    def _reply(self, answer: Answer) -> Generator[int, None, Reply | None]:
        """The answer to the next request; None when the client has no more."""
        try:
            request = yield from self._request()
        except Refused as refused:
            return Reply((refused.reply(),), keep=False)
        if not request:
            return None
        self.served += 1
        reply = answer(self, request)
        self._budget.give(self._taken)
        self._taken = 0
        return reply

    def _request(self) -> Generator[int, None, bytes]:
        if self.served and not self._inbox:
            self.idle = True
            self._within(self._limits.idle)
        while True:
            found = framing(self._inbox, self._limits.body)
            if found is not None:
                if len(self._inbox) >= found.whole:
                    return self._cut(found.whole)
                self._reserve(found.whole - found.head)
                if found.expects:
                    yield from self._send(go_on(self._inbox))
            data = yield from _until_done(partial(self.sock.recv, _CHUNK), READ)
            if not data:
                return b""
            self._inbox += data
            if self.idle:
                self.idle = False
                if self.served:
                    self._within(self._limits.request)

    def _cut(self, count: int) -> bytes:
        request = bytes(self._inbox[:count])
        del self._inbox[:count]
        return request

    def _reserve(self, count: int) -> None:
        if not self._taken:
            if not self._budget.take(count):
                raise Refused("503 Service Unavailable", "too many large requests at one time; try again")
            self._taken = count

    def _send(self, data: bytes) -> Iterator[int]:
        rest = memoryview(data)
        while rest:
            sent = yield from _until_done(partial(self.sock.send, rest[:_CHUNK]), WRITE)
            rest = rest[sent:]

    def _part(self) -> Iterator[int]:
        """Say goodbye in TLS's words, then in TCP's."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.sock.unwrap()
        yield from self._linger()

    def _linger(self) -> Iterator[int]:
        self._within(_LINGER)
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            while (yield from _until_done(partial(self.sock.recv, _CHUNK), READ)):
                pass


def _until_done(call: Callable[[], T], ready: int) -> Generator[int, None, T]:
    """What a call on a non-blocking socket gives, once the socket was ready for it. TLS may read to write."""
    while True:
        try:
            return call()
        except BlockingIOError:
            wanted = ready
        except ssl.SSLWantReadError:
            wanted = READ
        except ssl.SSLWantWriteError:
            wanted = WRITE
        yield wanted
