"""Small services that answer `enclume-enc` well, badly or not at all: raw sockets, so that every byte is ours."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

DOCUMENT = b'{"classes": {"profile::base": {}}, "parameters": {"enclume": {"site": "grenoble"}}}'

Behaviour = Callable[[socket.socket, threading.Event], None]


def reply(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """The bytes of one HTTP answer; `length` is what Content-Length claims, where that is not the truth."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += (chunk := connection.recv(4096))
        if not chunk:
            break
    return request


def sends(data: bytes) -> Behaviour:
    """Reads the request, sends these bytes and closes."""

    def behave(connection: socket.socket, _ended: threading.Event) -> None:
        _read_request(connection)
        connection.sendall(data)

    return behave


def answers(document: bytes = DOCUMENT) -> Behaviour:
    return sends(reply(200, document))


def silent(_connection: socket.socket, ended: threading.Event) -> None:
    """Accepts and never answers."""
    ended.wait(20)


def dribbles(connection: socket.socket, ended: threading.Event) -> None:
    """Sends its answer one byte at a time, far too slowly."""
    _read_request(connection)
    for byte in reply(200, DOCUMENT):
        connection.sendall(bytes([byte]))
        if ended.wait(0.2):
            return


class Service:
    """One listening socket of 127.0.0.1, a thread for each connection, and the requests seen."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour, self._tls = behaviour, tls
        self.connections = 0
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        with contextlib.suppress(OSError), connection:
            if self._tls is None:
                self.behaviour(connection, self._ended)
            else:
                self._serve_tls(self._tls.wrap_socket(connection, server_side=True))

    def _serve_tls(self, secured: ssl.SSLSocket) -> None:
        with secured:
            self.behaviour(secured, self._ended)
            # Only a proper end of TLS tells the client that nothing was cut off.
            secured.unwrap()

    def close(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join()


@contextlib.contextmanager
def running(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    service = Service(behaviour, tls)
    try:
        yield service
    finally:
        service.close()
