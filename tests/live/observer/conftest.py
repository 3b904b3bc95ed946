"""A service that hears observations over TLS, and a host with a Puppet certificate that sends them."""

import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.facts.observer.program import PROGRAM, Result

HOST, SERVICE = "kvm1.example.org", "enclume.example.org"


class Hearing(ThreadingHTTPServer):
    """An HTTP server of 127.0.0.1 that notes what it is sent and answers as `answer` says."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.scheme = "http" if tls is None else "https"
        self.answer: Callable[[dict[str, Any]], tuple[int, bytes]] = lambda _: (204, b"")
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.peers: list[Any] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    @property
    def times(self) -> list[float]:
        return [document["observed_at"] for document in self.heard]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes is none of our business."""

    def close(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hearing

    def do_PUT(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(document)
        self.server.paths.append(self.path)
        self.server.headers.append(dict(self.headers.items()))
        self.server.peers.append(self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None)
        status, body = self.server.answer(document)
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name for it
        """Says nothing."""


class Observer:
    """`enclume-observe` on a host with Puppet's folder of certificates, a spool and a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.spool, self.ssldir = folder, folder / "spool", folder / "ssl"
        self.settings = {"spool": str(self.spool), "ssldir": str(self.ssldir), "certname": HOST, "server_name": SERVICE}

    def certify(self, ca: trustme.CA, trusted: trustme.CA | None = None) -> None:
        for name in ("certs", "private_keys"):
            (self.ssldir / name).mkdir(parents=True, exist_ok=True)
        leaf = ca.issue_cert(HOST, common_name=HOST)
        leaf.private_key_pem.write_to_path(self.ssldir / "private_keys" / f"{HOST}.pem")
        leaf.cert_chain_pems[0].write_to_path(self.ssldir / "certs" / f"{HOST}.pem")
        (trusted or ca).cert_pem.write_to_path(self.ssldir / "certs" / "ca.pem")

    def __call__(self, *arguments: str, wrapper: tuple[str, ...] = (), **settings: object) -> Result:
        """Run it with these settings beside its own."""
        whole = self.settings | {key: str(value) for key, value in settings.items()}
        path = self.folder / "observe.conf"
        path.write_text("[observe]\n" + "".join(f"{key} = {value}\n" for key, value in whole.items()))
        # What it is told of the host is not the matter here: an empty root is observed in no time.
        root = () if "--root" in arguments or wrapper else ("--root", str(self.folder / "root"))
        command = [*wrapper, sys.executable, "-I", str(PROGRAM), "--config", str(path), *root, *arguments]
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)

    def spooled(self) -> list[float]:
        """The times of what is kept, the oldest first."""
        return [json.loads(path.read_text())["observed_at"] for path in sorted(self.spool.glob("*/*.json"))]

    def keep(self, service: str, age: float, **document: Any) -> float:
        """Put an observation into the spool for a URL, as one made `age` seconds ago."""
        observed_at = int(time.time() - age)
        folder = self.spool / service.replace("://", "_").replace(":", "_")
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"observed_at": observed_at, **document})
        (folder / f"{observed_at * 1000:015d}.json").write_text(text)
        return observed_at


@pytest.fixture(scope="session")
def puppet_ca() -> trustme.CA:
    return trustme.CA()


def context(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    """A service's side of TLS: it shows a certificate with these names and asks for the host's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(made)
    ca.issue_cert(*names).configure_cert(made)
    return made


@pytest.fixture
def observer(tmp_path: Path, puppet_ca: trustme.CA) -> Observer:
    (tmp_path / "root").mkdir()
    made = Observer(tmp_path)
    made.certify(puppet_ca)
    return made


@pytest.fixture
def service(puppet_ca: trustme.CA) -> Iterator[Hearing]:
    made = Hearing(context(puppet_ca, SERVICE))
    yield made
    made.close()


@pytest.fixture
def plain() -> Iterator[Hearing]:
    """A service without TLS, as the demonstration runs it."""
    made = Hearing()
    yield made
    made.close()
