"""Peers that are no libvirtd."""

import socket
import threading
from pathlib import Path


class SilentPeer:
    """A unix socket that accepts connections and never answers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "silent"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.path))
        self._socket.listen(100)
        self._socket.settimeout(0.05)
        self._closing = threading.Event()
        self.accepted: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                self.accepted.append(self._socket.accept()[0])
            except TimeoutError:
                continue

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        for connection in (*self.accepted, self._socket):
            connection.close()
