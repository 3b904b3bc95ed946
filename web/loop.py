"""The loop: waits for all sockets at once, and lets a few threads do what can be done now.

A thread takes one step of a connection's life (of a TLS handshake, of reading, of answering and writing) and gives the
connection back when it would have to wait for the client. gunicorn's own threaded worker gives a thread to a client for
as long as it takes to send its request, so that a few half-sent ones hold all threads.
"""

import logging
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial

from web.connection import READ, Answer, Budget, Connection, Limits
from web.threads import Threads
from web.tls import Contexts

_LOG = logging.getLogger("enclume.server")

CONNECTIONS = 2000
"""Most connections at one time; beyond it, the waiting one with the earliest deadline makes room."""

_AT_ONCE = 64
_TICK = 0.5
_TOO_LONG = "its request or the reading of its answer took too long"
_HASTE = 1.0
"""Seconds that a stopping loop gives to a client that has connected and not yet sent its request."""


class Loop:
    """Sockets that listen, the connections made there, and the threads that serve them."""

    def __init__(  # noqa: PLR0917  # All are needed, none is more so.
        self,
        listeners: Sequence[socket.socket],
        contexts: Contexts | None,
        limits: Limits,
        threads: int,
        answer: Answer,
        connections: int = CONNECTIONS,
    ) -> None:
        self._contexts, self._limits, self._answer = contexts, limits, answer
        self._most = connections
        self._budget = Budget(8 * limits.body)
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._watched: dict[int, Callable[[], None]] = {}
        self._next_look = 0.0
        self._listeners = list(listeners)
        for listener in self._listeners:
            self.watch(listener.fileno(), partial(self._accept, listener))
        self._threads = Threads(threads, self._step, "answers")

    def watch(self, descriptor: int, act: Callable[[], None]) -> None:
        """Call `act` in the main thread whenever this descriptor can be read."""
        self._watched[descriptor] = act
        self._epoll.register(descriptor, READ)

    def keeps(self, connection: Connection) -> bool:
        """Whether a connection may be used for another request: not once newer certificates or lists are in force."""
        return bool(self._listeners) and not self._is_stale(connection)

    def turn(self, timeout: float) -> None:
        """Wait for sockets that are ready, at most `timeout` seconds, and hand them to the threads."""
        for descriptor, _ in self._epoll.poll(min(timeout, _TICK)):
            act = self._watched.get(descriptor)
            connection = self._connections.get(descriptor)
            if act is not None:
                act()
            elif connection is not None and connection.waiting:
                connection.waiting = False
                self._threads.give(connection)
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _TICK
            self._look_round()

    def drain(self, seconds: float) -> None:
        """Accept nobody any more, and let the requests that have begun come to their end, at most so many seconds."""
        for listener in self._listeners:
            self._epoll.unregister(listener.fileno())
        self._listeners = []
        begin = time.monotonic()
        while self._connections and time.monotonic() < begin + seconds:
            for connection in list(self._connections.values()):
                if connection.idle:
                    connection.deadline = min(connection.deadline, begin if connection.served else begin + _HASTE)
            self._next_look = 0.0
            self.turn(0.05)
        self._threads.end()

    @property
    def _context(self) -> ssl.SSLContext | None:
        return self._contexts.current if self._contexts is not None else None

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:
                _LOG.warning("a client could not be accepted: %s", error)
                self._make_room()
                return
            if len(self._connections) >= self._most:
                self._make_room()
            self._begin(sock, address)

    def _begin(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, address, self._limits, self._budget)
        connection.live(self._context, self._answer)
        connection.waiting = True
        self._connections[connection.descriptor] = connection
        self._epoll.register(connection.descriptor, READ | select.EPOLLONESHOT)

    def _step(self, connection: Connection) -> None:
        try:
            wanted = next(connection.steps, None)
        except Exception:  # noqa: BLE001  # The thread must outlive whatever this one connection met.
            _LOG.exception("%s: the connection ends", connection)
            wanted = None
        if wanted is None:
            self._end(connection)
            return
        # A client that sends a little all the time is never found waiting by the main thread.
        if connection.deadline < time.monotonic():
            self._cut(connection, _TOO_LONG)
            return
        with connection.lock:
            connection.waiting = True
            self._epoll.modify(connection.sock.fileno(), wanted | select.EPOLLONESHOT)

    def _end(self, connection: Connection) -> None:
        # The number may be another connection's as soon as the socket is closed, which a failed handshake has done.
        if self._connections.get(connection.descriptor) is connection:
            del self._connections[connection.descriptor]
        connection.sock.close()

    def _expire(self, connection: Connection, why: str) -> None:
        with connection.lock:
            if not connection.waiting:
                return
            connection.waiting = False
        self._cut(connection, why)

    def _cut(self, connection: Connection, why: str) -> None:
        if not connection.idle:
            _LOG.info("%s: ended, since %s", connection, why)
        connection.steps.close()
        self._end(connection)

    def _make_room(self) -> None:
        waiting = [connection for connection in list(self._connections.values()) if connection.waiting]
        if waiting:
            self._expire(min(waiting, key=lambda connection: connection.deadline), "there are too many connections")

    def _look_round(self) -> None:
        if self._contexts is not None:
            self._contexts.refresh()
        now = time.monotonic()
        for connection in list(self._connections.values()):
            if connection.deadline < now:
                self._expire(connection, _TOO_LONG)
            elif self._is_outdated(connection):
                self._expire(connection, "the certificates or revocation lists changed, or it is old")

    def _is_outdated(self, connection: Connection) -> bool:
        return self._is_stale(connection) and (connection.idle or connection.peer is None)

    def _is_stale(self, connection: Connection) -> bool:
        """Whether its handshake is of no worth any more; one that was not made yet is."""
        if self._contexts is None or connection.context is None:
            return False
        return not self._contexts.holds(connection.context)
