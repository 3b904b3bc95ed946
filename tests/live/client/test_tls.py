"""TLS: the service is verified against the Puppet CA alone, and the host shows its own certificate."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from tests.live.client.conftest import NODE, Client
from tests.live.client.services import DOCUMENT, Service, answers, running

HOST = "puppet.example.org"


class Ssldir:
    """Puppet's folder of certificates, as a Puppet server keeps it."""

    def __init__(self, folder: Path, ca: trustme.CA, *names: str) -> None:
        self.folder, self.ca = folder, ca
        (folder / "certs").mkdir(parents=True)
        (folder / "private_keys").mkdir()
        ca.cert_pem.write_to_path(folder / "certs" / "ca.pem")
        for name in names:
            self.issue(name)

    def issue(self, name: str) -> None:
        leaf = self.ca.issue_cert(name, common_name=name)
        leaf.private_key_pem.write_to_path(self.folder / "private_keys" / f"{name}.pem")
        leaf.cert_chain_pems[0].write_to_path(self.folder / "certs" / f"{name}.pem")


def server_context(ca: trustme.CA, *identities: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)
    ca.issue_cert(*identities).configure_cert(context)
    return context


@pytest.fixture(scope="session")
def puppet_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ssldir(tmp_path: Path, puppet_ca: trustme.CA) -> Ssldir:
    return Ssldir(tmp_path / "ssl", puppet_ca, HOST)


@pytest.fixture
def secured(client: Client, ssldir: Ssldir) -> Client:
    client.environment["ENCLUME_ENC_SSLDIR"] = str(ssldir.folder)
    return client


@pytest.fixture
def service(puppet_ca: trustme.CA) -> Iterator[Service]:
    with running(answers(), server_context(puppet_ca, "127.0.0.1")) as it:
        yield it


def test_the_hosts_own_certificate_is_found_and_shown(secured: Client, puppet_ca: trustme.CA) -> None:
    shown: list[bytes] = []

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        shown.append(connection.getpeercert(binary_form=True) or b"")
        answers()(connection, ended)

    with running(behave, server_context(puppet_ca, "127.0.0.1")) as service:
        result = secured(NODE, URLS=service.url)
    assert (result.status, result.out, result.err) == (0, DOCUMENT, "")
    assert HOST.encode() in shown[0]


def test_among_other_nodes_keys_the_host_name_tells(secured: Client, ssldir: Ssldir, service: Service) -> None:
    ssldir.issue("web01.example.org")
    ssldir.issue("puppet-old.example.org")
    named = ("unshare", "-ru", "sh", "-ec", 'echo puppet >/proc/sys/kernel/hostname; exec "$@"', "sh")
    assert secured(NODE, wrapper=named, URLS=service.url).out == DOCUMENT
    result = secured(NODE, URLS=service.url)
    assert (result.status, result.out) == (2, b"")
    assert "ENCLUME_ENC_CERT and ENCLUME_ENC_KEY" in result.err


def test_files_may_be_named_one_by_one(client: Client, ssldir: Ssldir, service: Service) -> None:
    folder = ssldir.folder
    certificate, key = f"{folder}/certs/{HOST}.pem", f"{folder}/private_keys/{HOST}.pem"
    result = client(NODE, URLS=service.url, CERT=certificate, KEY=key, CA=f"{folder}/certs/ca.pem")
    assert result.out == DOCUMENT


def test_a_service_of_another_authority_is_not_believed(secured: Client) -> None:
    with running(answers(), server_context(trustme.CA(), "127.0.0.1")) as service:
        result = secured(NODE, URLS=service.url)
    assert (result.status, result.out) == (1, b"")
    assert "certificate" in result.err


def test_a_service_with_another_name_is_not_believed(secured: Client, puppet_ca: trustme.CA) -> None:
    with running(answers(), server_context(puppet_ca, "other.example.org")) as service:
        result = secured(NODE, URLS=service.url)
    assert (result.status, result.out) == (1, b"")


def test_the_systems_authorities_are_not_trusted(secured: Client, ssldir: Ssldir) -> None:
    """/etc/ssl/certs holds another authority, under the name of its hash, in a mount namespace of our own."""
    public = trustme.CA()
    system = ssldir.folder / "system"
    system.mkdir()
    for name in ("public.pem", "ca-certificates.crt"):
        public.cert_pem.write_to_path(system / name)
    inside = f"openssl rehash {system} && mount --bind {system} /etc/ssl/certs && "
    context = server_context(public, "127.0.0.1")
    context.verify_mode = ssl.CERT_NONE
    with running(answers(), context) as service:
        believer = ("unshare", "-rm", "sh", "-ec", f"{inside} curl -sS {service.url}/", "sh")
        assert secured(NODE, wrapper=believer).out == DOCUMENT
        result = secured(NODE, wrapper=("unshare", "-rm", "sh", "-ec", f'{inside} exec "$@"', "sh"), URLS=service.url)
    assert (result.status, result.out) == (1, b"")
    assert "curl failed (60)" in result.err


def test_a_certificate_that_the_service_refuses_falls_back(secured: Client, ssldir: Ssldir, service: Service) -> None:
    assert secured(NODE, URLS=service.url).status == 0
    stranger = Ssldir(secured.folder / "stranger", trustme.CA(), HOST)
    ssldir.ca.cert_pem.write_to_path(stranger.folder / "certs" / "ca.pem")
    result = secured(NODE, URLS=service.url, SSLDIR=str(stranger.folder))
    assert (result.status, result.out) == (0, DOCUMENT)
    assert result.err.count("\n") == 1


def test_a_key_that_cannot_be_read_falls_back(secured: Client, ssldir: Ssldir, service: Service) -> None:
    assert secured(NODE, URLS=service.url).status == 0
    (ssldir.folder / "private_keys" / f"{HOST}.pem").write_text("nonsense")
    result = secured(NODE, URLS=service.url)
    assert (result.status, result.out) == (0, DOCUMENT)
    assert "curl failed (58)" in result.err


def test_a_silent_hello_is_bounded(secured: Client) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        result = secured(NODE, URLS=f"https://127.0.0.1:{silent.getsockname()[1]}")
    assert (result.status, result.out) == (1, b"")
    assert result.seconds < 1.5
    assert "no complete answer" in result.err


def test_no_key_for_this_host_is_said(client: Client) -> None:
    result = client(NODE, URLS="https://127.0.0.1:1", SSLDIR=str(client.folder / "nowhere"))
    assert (result.status, result.out) == (2, b"")
    assert "private_keys" in result.err
