"""Clients that dawdle before the real service over TLS: half a hello, half a request, an answer that is not read."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.live.server.authority import Authority, Identity
from tests.live.service.estate import NODES, SmallEstate
from tests.live.service.running import Reply, Service
from tests.waiting import until

DAWDLERS = 8
NODE = "alpha.lab.test"


class Secure(Service):
    """The service with TLS, asked as a Puppet server by default."""

    context: ssl.SSLContext

    def connect(self, timeout: float = 10) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def service(estate: SmallEstate, authority: Authority) -> Iterator[Secure]:
    own = authority.issue("enclume.lab.test")
    tls = {"certificate": own.certificate, "key": own.key, "ca": authority.ca, "crl": authority.crl}
    more = {
        "tls": {name: str(path) for name, path in tls.items()},
        "limits": {"threads": 4, "request_seconds": 2},
        "access": {"servers": ["puppet.lab.test"]},
    }
    service = Secure(estate.settings() | more)
    service.context = trusting(authority, authority.issue("puppet.lab.test"))
    with service:
        until(lambda: service.ready["nodes"] == len(NODES), 20, "every node's answer")
        yield service


def trusting(authority: Authority, identity: Identity) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.load_cert_chain(identity.certificate, identity.key)
    return context


def hello() -> bytes:
    """A client's first TLS flight."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="enclume.lab.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


@contextlib.contextmanager
def dawdling(service: Secure, *, encrypted: bool, data: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        clients: list[socket.socket] = []
        for _ in range(DAWDLERS):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=10))
            if encrypted:
                raw = stack.enter_context(service.context.wrap_socket(raw, server_hostname="127.0.0.1"))
            raw.sendall(data)
            clients.append(raw)
        yield clients


DATA: Mapping[str, tuple[bool, bytes]] = {
    "nothing": (False, b""),
    "half a hello": (False, hello()[:100]),
    "a hello and no more": (False, hello()),
    "no TLS at all": (False, b"GET /enc/alpha.lab.test HTTP/1.1\r\n"),
    "a handshake and no more": (True, b""),
    "half a request": (True, b"GET /enc/alpha.la"),
    "half the headers": (True, b"GET /enc/alpha.lab.test HTTP/1.1\r\nHost: x\r\nX-A:"),
    "half a body": (True, b"POST /preview HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ndn: "),
    "an answer that is not read": (True, b"GET /findings HTTP/1.1\r\nHost: x\r\n\r\n" * 50),
}


@pytest.mark.parametrize(("encrypted", "data"), DATA.values(), ids=DATA.keys())
def test_eight_dawdlers_stop_no_answer(service: Secure, encrypted: bool, data: bytes) -> None:
    before = service.bodies(*NODES)
    with dawdling(service, encrypted=encrypted, data=data):
        begin = time.monotonic()
        assert service.bodies(*NODES) == before
        assert time.monotonic() - begin < 3


def test_a_node_asks_for_itself_and_nobody_else(service: Secure, authority: Authority) -> None:
    """Nor does it by a name that is written differently."""
    own = trusting(authority, authority.issue(NODE))
    asked = {}
    for path in (f"/enc/{NODE}", f"/enc/{NODE}/why", "/enc/beta.lab.test", "/enc/beta.lab.test/why", "/findings"):
        connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=10, context=own)
        try:
            connection.request("GET", path)
            asked[path] = Reply(connection.getresponse()).status
        finally:
            connection.close()
    assert list(asked.values()) == [200, 200, 403, 403, 403], asked


def test_a_puppet_server_may_not_approve(service: Secure) -> None:
    assert service.ask("POST", "/approve/1").status == 403
    assert service.ask("POST", "/preview", b"").status == 403


def test_without_a_certificate_nobody_is_answered(service: Secure, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca))
    connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=10, context=context)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _ask(connection)


def _ask(connection: http.client.HTTPConnection) -> None:
    try:
        connection.request("GET", f"/enc/{NODE}")
        connection.getresponse()
    finally:
        connection.close()
