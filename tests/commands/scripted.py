"""A listener on loopback that answers one request with what a test says."""

import socket
import threading

from settings import Settings, parse

BODY = b"dn: x\n"


class Scripted:
    """A listening socket of 127.0.0.1 that answers one request with given bytes; None: never."""

    def __init__(self) -> None:
        self.reply: bytes | None = b""
        self.asked = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def settings(self, host: str = "127.0.0.1") -> Settings:
        listen = f"{host}:{self._port}"
        return parse({"directory": {"uri": "ldap://x", "base": "dc=x"}, "listen": listen})

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection:
            end = b"\r\n\r\n"
            while not self.asked.endswith(end):
                self.asked += connection.recv(65536)
                end = BODY if self.asked.startswith(b"POST") else end
            if self.reply is None:
                self._ended.wait(10)
            else:
                connection.sendall(self.reply)

    def close(self) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def http(status: int, body: bytes) -> bytes:
    headers = f"Content-Length: {len(body)}\r\nX-Enclume-Age: 3\r\nX-Enclume-Generation: 1\r\n"
    return f"HTTP/1.1 {status} X\r\n{headers}\r\n".encode() + body
