"""TLS with the Puppet CA: who is let in, by which name, and how certificates and lists change while it runs."""

import datetime as dt
import http.client
import ssl
from pathlib import Path

import pytest

from tests.live.server.authority import Authority, Identity
from tests.live.server.conftest import Start
from tests.live.server.running import Running
from tests.waiting import until

REFUSED = (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)


@pytest.fixture
def secured(start: Start, authority: Authority) -> Running:
    return start(authority)


@pytest.fixture
def node(authority: Authority) -> Identity:
    return authority.issue("web01.example.org")


def is_refused(running: Running, identity: Identity | None) -> bool:
    try:
        running.get("/peer", identity)
    except REFUSED:
        return True
    return False


def _ask_again(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/peer")
    connection.getresponse()


def test_the_application_knows_the_clients_name(secured: Running, node: Identity) -> None:
    assert secured.get("/peer", node).text == "web01.example.org"
    assert secured.get("/scheme", node).text == "https 127.0.0.1"


def test_a_client_without_a_certificate_is_refused(secured: Running) -> None:
    assert is_refused(secured, None)


def test_a_certificate_of_another_authority_is_refused(secured: Running, tmp_path: Path) -> None:
    assert is_refused(secured, Authority(tmp_path / "other").issue("web01.example.org"))
    until(lambda: "TLS refused" in secured.said, what="the log to say so")


def test_an_expired_certificate_is_refused(secured: Running, authority: Authority) -> None:
    assert is_refused(secured, authority.issue("old.example.org", life=-dt.timedelta(hours=1)))
    until(lambda: "certificate has expired" in secured.said, what="the log to say so")


@pytest.mark.parametrize("names", [[], ["a.example.org", "b.example.org"], ["Web01"], ["a/../b"]])
def test_a_certificate_without_exactly_one_certname_is_refused(
    secured: Running, authority: Authority, names: list[str]
) -> None:
    assert is_refused(secured, authority.issue("odd.example.org", common_names=names))
    until(lambda: "TLS refused: the certificate has no certname" in secured.said, what="the log to say so")


def test_old_versions_of_tls_are_refused(secured: Running, node: Identity) -> None:
    context = secured.context(node)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with secured.raw() as plain, pytest.raises(REFUSED):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_plain_http_is_refused(secured: Running) -> None:
    with secured.raw() as plain:
        plain.sendall(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in plain.recv(1000)


def test_a_revoked_certificate_is_refused_from_now_on(secured: Running, authority: Authority, node: Identity) -> None:
    other = authority.issue("web02.example.org")
    kept = secured.connect(node)
    kept.request("GET", "/peer")
    assert kept.getresponse().read() == b"web01.example.org"
    authority.revoke(node)
    until(lambda: is_refused(secured, node), timeout=5, what="the revoked certificate to be refused")
    # A connection made before is no way around it.
    with pytest.raises(REFUSED):
        _ask_again(kept)
    kept.close()
    assert secured.get("/peer", other).text == "web02.example.org"
    until(lambda: "certificate revoked" in secured.said, what="the log to say so")
    authority.revoke()
    until(lambda: not is_refused(secured, node), timeout=5, what="the certificate to be accepted again")


def test_a_request_that_is_being_answered_is_the_last_of_its_connection(
    secured: Running, authority: Authority, node: Identity
) -> None:
    kept = secured.connect(node, timeout=10)
    kept.request("GET", "/slow/2.0")
    authority.revoke(node)
    response = kept.getresponse()
    assert (response.read(), response.headers["Connection"]) == (b"slow", "close")
    kept.close()


class Client:
    """Makes a new connection for each question, and goes on with its last TLS session, as Puppet Server does."""

    def __init__(self, running: Running, identity: Identity) -> None:
        self._running, self._context = running, running.context(identity)
        self._session: ssl.SSLSession | None = None
        self.resumed = False

    def ask(self) -> str:
        """The name by which the application knows it."""
        self.resumed = False
        with (
            self._running.raw() as plain,
            self._context.wrap_socket(plain, server_hostname="127.0.0.1", session=self._session) as wrapped,
        ):
            wrapped.sendall(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: wrapped.recv(4096), b""))
            self.resumed, self._session = bool(wrapped.session_reused), wrapped.session
        return answer.decode().partition("\r\n\r\n")[2]

    def is_refused(self) -> bool:
        try:
            return not self.ask()
        except REFUSED:
            return True


def test_a_client_that_comes_back_goes_on_with_its_session(secured: Running, node: Identity) -> None:
    client = Client(secured, node)
    asked = [(client.ask(), client.resumed) for _ in range(3)]
    assert asked == [("web01.example.org", False), ("web01.example.org", True), ("web01.example.org", True)]


def test_a_session_is_no_way_around_a_revocation(secured: Running, authority: Authority, node: Identity) -> None:
    client = Client(secured, node)
    assert client.ask()
    assert client.ask()
    assert client.resumed
    authority.revoke(node)
    until(lambda: is_refused(secured, node), timeout=5, what="the revoked certificate to be refused")
    assert client.is_refused()


def test_a_session_does_not_outlive_its_certificate(secured: Running, authority: Authority) -> None:
    client = Client(secured, authority.issue("short.example.org", dt.timedelta(seconds=4)))
    assert client.ask()
    assert client.ask()
    assert client.resumed
    until(client.is_refused, timeout=10, what="the session to be refused")
    assert client.resumed
    until(lambda: "TLS refused: certificate has expired" in secured.said, what="the log to say so")


def test_a_certificate_revoked_before_the_start_is_refused(start: Start, authority: Authority, node: Identity) -> None:
    authority.revoke(node)
    assert is_refused(start(authority), node)


def test_the_servers_own_certificate_is_renewed_while_it_runs(
    secured: Running, authority: Authority, node: Identity
) -> None:
    def serial() -> str:
        with secured.raw() as plain, secured.context(node).wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
            return str((wrapped.getpeercert() or {})["serialNumber"])

    before = serial()
    authority.issue("enc1.example.org")
    until(lambda: serial() != before, timeout=5, what="the new certificate to be shown")


def test_files_that_cannot_be_used_leave_the_old_ones_in_force(
    secured: Running, authority: Authority, node: Identity
) -> None:
    good = authority.crl.read_bytes()
    authority.crl.write_text("nonsense")
    until(lambda: "cannot be used" in secured.said, timeout=5, what="the complaint")
    assert secured.get("/peer", node).text == "web01.example.org"
    authority.crl.unlink()
    assert secured.get("/peer", node).text == "web01.example.org"
    authority.crl.write_bytes(good)
    authority.revoke(node)
    until(lambda: is_refused(secured, node), timeout=5, what="the list to be read again")
    assert secured.said.count("cannot be used") <= 2


@pytest.mark.parametrize("key", ["certificate", "key", "ca", "crl"])
def test_a_file_that_cannot_be_used_at_the_start_is_named(launch: Start, authority: Authority, key: str) -> None:
    running = launch(authority)
    running.stop()
    bad = running.folder / "bad.pem"
    bad.write_text("nonsense")
    again = launch(tls={**running.settings["tls"], key: str(bad)})
    assert again.process.wait(timeout=20) != 0
    assert "bad.pem" in again.said
    assert "tls." in again.said
    assert "Traceback" not in again.said
