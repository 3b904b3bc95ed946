"""The tiny service (`service.py`) as a process of its own, and ways to speak to it."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.live.server.authority import Authority, Identity
from tests.waiting import free_port, until

ROOT = Path(__file__).parents[3]


class Answer:
    """What came back: status, body, and the headers by lower-case name."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.body = response.status, response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def text(self) -> str:
        return self.body.decode()


class Running:
    """A server that was started with these settings. Its log is in `log`."""

    def __init__(self, folder: Path, authority: Authority | None = None, **settings: Any) -> None:
        self.folder, self.authority = folder, authority
        self.state, self.log = folder / "state", folder / "log"
        self.state.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.settings: dict[str, Any] = {
            "directory": {"uri": "ldap://127.0.0.1", "base": "dc=example,dc=org"},
            "state": "state",
            "listen": f"127.0.0.1:{self.port}",
            **settings,
        }
        if authority is not None:
            self.identity = authority.issue("enc1.example.org")
            files = {"certificate": self.identity.certificate, "key": self.identity.key}
            self.settings["tls"] = {
                **{key: str(file) for key, file in files.items()},
                "ca": str(authority.ca),
                "crl": str(authority.crl),
            }
        self.write()
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "tests.live.server.service", str(self.file)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    @property
    def file(self) -> Path:
        return self.folder / "enclume.yaml"

    @property
    def said(self) -> str:
        """The log so far."""
        return self.log.read_text()

    def write(self, **changes: Any) -> None:
        """Write the settings file, with these changes."""
        self.settings |= changes
        self.file.write_text(yaml.safe_dump(self.settings))

    def wait(self) -> "Running":
        """Until it accepts connections and has begun to serve."""
        until(lambda: (self.state / "started").exists() or self._ended(), what="the server to start")
        until(self._serves, what="the server to serve")
        return self

    def _ended(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.said}")
        return False

    def _serves(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def context(self, identity: Identity | None) -> ssl.SSLContext:
        assert self.authority is not None
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        return context

    def connect(self, identity: Identity | None = None, timeout: float = 5.0) -> http.client.HTTPConnection:
        """A client's connection, with TLS if the server has it. Nothing is sent yet."""
        if self.authority is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context(identity))

    def get(self, path: str, identity: Identity | None = None, timeout: float = 5.0) -> Answer:
        """One request on a connection of its own."""
        return self.ask("GET", path, identity, timeout)

    def ask(
        self, method: str, path: str, identity: Identity | None = None, timeout: float = 5.0, body: bytes | None = None
    ) -> Answer:
        connection = self.connect(identity, timeout)
        try:
            connection.request(method, path, body=body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self) -> socket.socket:
        """A bare TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End it: its exit status and how many seconds it took."""
        begin = time.monotonic()
        if self.process.poll() is None:
            self.send(number)
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return status, time.monotonic() - begin
