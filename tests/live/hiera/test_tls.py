"""TLS: the service is verified against the Puppet CA alone, and this host shows its own certificate."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.live.client.services import answers, running
from tests.live.client.test_tls import HOST, Ssldir, server_context
from tests.live.hiera.conftest import Looker
from tests.live.hiera.test_backend import DOCUMENT


@pytest.fixture(scope="module")
def puppet_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, puppet_ca: trustme.CA) -> dict[str, Any]:
    """The options that name this host's certificate and the CA's."""
    folder = Ssldir(tmp_path / "ssl", puppet_ca, HOST).folder
    own = {"certificate": f"certs/{HOST}.pem", "key": f"private_keys/{HOST}.pem", "ca": "certs/ca.pem"}
    return {name: str(folder / path) for name, path in own.items()}


def test_this_hosts_own_certificate_is_shown(look: Looker, files: dict[str, Any], puppet_ca: trustme.CA) -> None:
    shown: list[bytes] = []

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        shown.append(connection.getpeercert(binary_form=True) or b"")
        answers(DOCUMENT)(connection, ended)

    with running(behave, server_context(puppet_ca, "127.0.0.1")) as service:
        looked = look("a::n", urls=service.url, **files)
    assert looked.values == (3,), looked
    assert HOST.encode() in shown[0]


@pytest.mark.parametrize("name", ["127.0.0.1", "other.example.org"])
def test_a_service_of_another_authority_or_name_is_not_believed(
    look: Looker, files: dict[str, Any], puppet_ca: trustme.CA, name: str
) -> None:
    authority = trustme.CA() if name == "127.0.0.1" else puppet_ca
    context = server_context(authority, name)
    puppet_ca.configure_trust(context)
    with running(answers(DOCUMENT), context) as service:
        looked = look("a::n", urls=service.url, **files)
    assert looked.values is None
    assert "certificate" in str(looked.error) or "hostname" in str(looked.error)
