"""`enclume-observe` shows its Puppet certificate, and believes the service by the Puppet CA alone."""

import ssl
from pathlib import Path

import pytest
import trustme

from tests.live.observer.conftest import HOST, SERVICE, Hearing, Observer, context
from tests.live.server.authority import Authority


def test_the_host_shows_its_puppet_certificate(observer: Observer, service: Hearing) -> None:
    assert observer(url=service.url).status == 0
    (peer,) = service.peers
    assert (("commonName", HOST),) in peer["subject"]


def test_an_authority_other_than_puppets_is_not_believed(observer: Observer, puppet_ca: trustme.CA) -> None:
    other = trustme.CA()
    stranger = context(other, SERVICE)
    puppet_ca.configure_trust(stranger)
    service = Hearing(stranger)
    try:
        done = observer(url=service.url)
    finally:
        service.close()
    assert (done.status, service.heard, len(observer.spooled())) == (3, [], 1)
    assert "its certificate is not believed" in done.err


def test_a_service_of_another_name_is_not_believed(observer: Observer, service: Hearing) -> None:
    done = observer(url=service.url, server_name="another.example.org")
    assert (done.status, service.heard) == (3, [])
    assert "not believed" in done.err


@pytest.mark.parametrize("names", [(HOST,), (HOST, "127.0.0.1")])
def test_on_its_own_machine_the_service_shows_this_machines_name(
    observer: Observer, puppet_ca: trustme.CA, names: tuple[str, ...]
) -> None:
    service = Hearing(context(puppet_ca, *names))
    try:
        assert observer(url=service.url, server_name="").status == 0
    finally:
        service.close()


def test_a_name_of_the_certificate_that_is_not_the_machines_is_not_enough_there(
    observer: Observer, service: Hearing
) -> None:
    assert observer(url=service.url, server_name="").status == 3


def test_a_host_without_its_certificate_keeps_what_it_saw(observer: Observer, service: Hearing) -> None:
    (observer.ssldir / "private_keys" / f"{HOST}.pem").unlink()
    done = observer(url=service.url)
    assert (done.status, len(observer.spooled())) == (3, 1)
    assert f"private_keys/{HOST}.pem cannot be read (No such file or directory)" in done.err


def test_a_host_of_another_authority_keeps_what_it_saw(
    observer: Observer, service: Hearing, puppet_ca: trustme.CA
) -> None:
    observer.certify(trustme.CA(), trusted=puppet_ca)
    done = observer(url=service.url)
    assert (done.status, service.heard, len(observer.spooled())) == (3, [], 1)


def test_a_revoked_service_is_not_believed_where_a_list_is_given(observer: Observer, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    identity = authority.issue(SERVICE)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(identity.certificate, identity.key)
    service = Hearing(tls)
    try:
        assert observer(url=service.url, ca=authority.ca, crl=authority.crl).status == 0
        authority.revoke(identity)
        done = observer(url=service.url, ca=authority.ca, crl=authority.crl)
    finally:
        service.close()
    assert (done.status, len(service.heard)) == (3, 1)
    assert "revoked" in done.err
