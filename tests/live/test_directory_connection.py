"""Every kind of bind to a real slapd, and the sentence that each failure gets."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from errors import SourceError
from facts.directory.check import check
from facts.directory.connection import close, connect, prepare
from facts.directory.source import read_once
from settings import DirectorySettings
from tests.facts.directory.contract import BASE, LDIF, SHOWN
from tests.live.certificates import Certificates
from tests.live.slapd import OURS, Slapd
from tests.waiting import free_port

PASSWORD = "correct-horse-battery"
SILENCE = 0.5


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Slapd]:
    """One for all tests that change nothing: every kind of URI, reading only after a bind."""
    folder = tmp_path_factory.mktemp("slapd")
    tls = certificates.issue("127.0.0.1")
    with Slapd(folder, ldif=LDIF, tcp=True, tls=tls, anonymous=False, reader_password=PASSWORD) as server:
        yield server


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text(PASSWORD + "\n")
    return file


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose connections the kernel accepts and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def speaking(words: bytes) -> Iterator[int]:
    """The port of a server that says the same to everybody, whatever they ask."""

    def speak() -> None:
        with server.accept()[0] as peer:
            peer.sendall(words)
            while peer.recv(1024):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def settings(uri: str | None, **more: Any) -> DirectorySettings:
    assert uri is not None
    return DirectorySettings(uri=uri, base=BASE, **more)


def simple(slapd: Slapd, password_file: Path) -> dict[str, str]:
    return {"bind_dn": slapd.reader_dn, "password_file": str(password_file)}


def identity(wanted: DirectorySettings) -> str:
    """Whom the server takes us for (RFC 4532)."""
    connection = connect(wanted, wanted.uris[0])
    try:
        return str(connection.extend.standard.who_am_i())
    finally:
        close(connection)


def refusal(wanted: DirectorySettings) -> str:
    """The sentence with which reading fails; it never holds the password."""
    with pytest.raises(SourceError) as caught:
        read_once(wanted)
    assert PASSWORD not in str(caught.value)
    assert caught.value.advice
    return str(caught.value)


def test_external_on_the_unix_socket(slapd: Slapd) -> None:
    assert identity(settings(slapd.uri)) == f"dn:{slapd.admin_dn}"
    assert set(read_once(settings(slapd.uri)).entries) == SHOWN


def test_a_simple_bind_after_starttls(slapd: Slapd, certificates: Certificates, password_file: Path) -> None:
    wanted = settings(slapd.ldap_uri, start_tls=True, ca_file=str(certificates.ca), **simple(slapd, password_file))
    assert identity(wanted) == f"dn:{slapd.reader_dn}"
    assert set(read_once(wanted).entries) == SHOWN


def test_a_simple_bind_over_ldaps(slapd: Slapd, certificates: Certificates, password_file: Path) -> None:
    wanted = settings(slapd.ldaps_uri, ca_file=str(certificates.ca), **simple(slapd, password_file))
    assert identity(wanted) == f"dn:{slapd.reader_dn}"
    assert set(read_once(wanted).entries) == SHOWN


def test_a_simple_bind_in_plain_text_within_the_machine(slapd: Slapd, password_file: Path) -> None:
    assert identity(settings(slapd.ldap_uri, **simple(slapd, password_file))) == f"dn:{slapd.reader_dn}"


def test_a_simple_bind_on_the_unix_socket(slapd: Slapd, password_file: Path) -> None:
    assert identity(settings(slapd.uri, **simple(slapd, password_file))) == f"dn:{slapd.reader_dn}"


def test_nobody_may_be_allowed_to_bind_and_to_read_nothing(slapd: Slapd) -> None:
    assert "has no such base, or hides it" in refusal(settings(slapd.ldap_uri))


def test_a_password_in_plain_text_never_leaves_the_machine(slapd: Slapd, password_file: Path) -> None:
    wanted = settings("ldap://192.0.2.7", **simple(slapd, password_file))
    assert "plain text" in refusal(wanted)
    assert "start_tls" in refusal(wanted)
    with pytest.raises(SourceError, match="plain text"):
        prepare(wanted, "ldap://192.0.2.7")


def test_a_new_password_is_used_at_the_next_connect(slapd: Slapd, password_file: Path) -> None:
    wanted = settings(slapd.uri, **simple(slapd, password_file))
    password_file.write_text("wrong\n")
    sentence = refusal(wanted)
    assert "refused the password or the identity" in sentence
    assert "password_file" in sentence
    password_file.write_text(PASSWORD)
    assert identity(wanted) == f"dn:{slapd.reader_dn}"


def test_a_password_that_everybody_can_read_is_not_used(slapd: Slapd, password_file: Path) -> None:
    password_file.chmod(0o644)
    assert refusal(settings(slapd.uri, **simple(slapd, password_file))).endswith(
        f"{password_file} is readable by everybody; chmod o= {password_file}"
    )


def test_an_empty_password_is_no_bind_as_nobody(slapd: Slapd, password_file: Path) -> None:
    password_file.write_text("\n")
    assert f"{password_file} is empty" in refusal(settings(slapd.uri, **simple(slapd, password_file)))


def test_a_password_file_that_is_not_there(slapd: Slapd, tmp_path: Path) -> None:
    assert "cannot be read" in refusal(settings(slapd.uri, **simple(slapd, tmp_path / "none")))


def test_a_ca_file_that_is_not_there(slapd: Slapd, tmp_path: Path) -> None:
    assert "directory.ca_file" in refusal(settings(slapd.ldaps_uri, ca_file=str(tmp_path / "none")))


@pytest.mark.parametrize("kind", ["ldaps", "starttls"])
def test_a_certificate_of_an_unknown_ca(slapd: Slapd, certificates: Certificates, kind: str) -> None:
    uri = slapd.ldaps_uri if kind == "ldaps" else slapd.ldap_uri
    sentence = refusal(settings(uri, start_tls=kind == "starttls", ca_file=str(certificates.other_ca)))
    assert "unknown CA" in sentence
    assert "directory.ca_file" in sentence


@pytest.mark.parametrize("kind", ["ldaps", "starttls"])
def test_an_expired_certificate(tmp_path: Path, certificates: Certificates, kind: str) -> None:
    with Slapd(tmp_path, tcp=True, tls=certificates.issue("127.0.0.1", expired=True)) as expired:
        uri = expired.ldaps_uri if kind == "ldaps" else expired.ldap_uri
        sentence = refusal(settings(uri, start_tls=kind == "starttls", ca_file=str(certificates.ca)))
    assert "certificate has expired; renew it" in sentence


@pytest.mark.parametrize("kind", ["ldaps", "starttls"])
def test_a_certificate_for_another_name(tmp_path: Path, certificates: Certificates, kind: str) -> None:
    with Slapd(tmp_path, tcp=True, tls=certificates.issue("ldap.lab.test")) as other:
        uri = other.ldaps_uri if kind == "ldaps" else other.ldap_uri
        sentence = refusal(settings(uri, start_tls=kind == "starttls", ca_file=str(certificates.ca)))
    assert "for another name" in sentence
    assert "directory.uri" in sentence


def test_a_server_without_starttls(tmp_path: Path) -> None:
    with Slapd(tmp_path, tcp=True) as plain:
        assert "LDAP result 2" in refusal(settings(plain.ldap_uri, start_tls=True))


def test_nobody_listens(tmp_path: Path) -> None:
    assert "refused; is the LDAP server running" in refusal(settings(f"ldap://127.0.0.1:{free_port()}"))
    assert "no such socket" in refusal(settings(f"ldapi://{str(tmp_path).replace('/', '%2F')}%2Fldapi"))


@pytest.mark.parametrize(
    ("scheme", "start_tls"), [("ldap", False), ("ldap", True), ("ldaps", False)], ids=["bind", "starttls", "handshake"]
)
def test_a_server_that_accepts_and_never_answers_fails_in_time(silent: int, scheme: str, start_tls: bool) -> None:
    began = time.monotonic()
    sentence = refusal(settings(f"{scheme}://127.0.0.1:{silent}", start_tls=start_tls, deadline=SILENCE))
    assert "did not answer within directory.deadline" in sentence
    assert SILENCE <= time.monotonic() - began < 4 * SILENCE


def test_a_server_that_stops_in_the_middle_fails_in_time(tmp_path: Path) -> None:
    with Slapd(tmp_path, ldif=LDIF) as frozen:
        wanted = settings(frozen.uri, deadline=SILENCE)
        connection = connect(wanted, frozen.uri)
        close(connection)
        frozen.freeze()
        assert "did not answer within directory.deadline" in refusal(wanted)
        frozen.thaw()
        assert set(read_once(wanted).entries) == SHOWN


@pytest.mark.parametrize(
    "words", [b"SSH-2.0-OpenSSH_9.2\r\n" * 20, b"\x30\x05hello", b"\x30\x84\x7f\xff\xff\xff", b"\x30\x00" * 50]
)
def test_a_server_of_another_kind(words: bytes) -> None:
    with speaking(words) as port:
        sentence = refusal(settings(f"ldap://127.0.0.1:{port}", deadline=SILENCE))
    assert "no LDAP" in sentence or "did not answer" in sentence


def test_no_such_base(slapd: Slapd) -> None:
    wanted = DirectorySettings(uri=slapd.uri, base="dc=elsewhere,dc=test")
    assert "no such base" in refusal(wanted)


def test_a_server_that_hides_a_part_behind_its_size_limit(tmp_path: Path) -> None:
    with Slapd(tmp_path, ldif=LDIF, config=True, tcp=True) as limited:
        limited.modify("dn: cn=config\nchangetype: modify\nreplace: olcSizeLimit\nolcSizeLimit: 3\n")
        sentence = refusal(settings(limited.ldap_uri))
        assert "size limit, so that the answer is incomplete" in sentence
        assert "raise that limit" in sentence


def test_several_servers_are_tried_in_turn(slapd: Slapd) -> None:
    dead = f"ldap://127.0.0.1:{free_port()}"
    assert set(read_once(DirectorySettings(uri=(dead, slapd.uri), base=BASE)).entries) == SHOWN
    with pytest.raises(SourceError, match=r"no server of directory.uri works: .*refused.* \| .*refused"):
        read_once(DirectorySettings(uri=(dead, dead), base=BASE))


def test_the_password_is_never_logged(slapd: Slapd, password_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read_once(settings(slapd.uri, **simple(slapd, password_file)))
    assert PASSWORD not in caplog.text


def test_doctor_finds_a_healthy_server_well(slapd: Slapd) -> None:
    checked = check(settings(slapd.uri))
    (wrong,) = (found.sentence for found in checked if not found.well)
    assert wrong.startswith(f"{slapd.uri}: there is no search base ou=sites,{BASE} that can be read; create it, or")
    said = " | ".join(found.sentence for found in checked)
    assert "bound by EXTERNAL" in said
    assert "the schema is loaded" in said
    assert "followed by RFC 4533 sync" in said
    assert f"{len(SHOWN)} entries" in said


def test_doctor_says_what_is_missing(tmp_path: Path) -> None:
    dead = f"ldap://127.0.0.1:{free_port()}"
    with Slapd(tmp_path, syncprov=False, schemas=OURS[:1]) as bare:
        checked = check(DirectorySettings(uri=(dead, bare.uri), base=BASE))
    wrong = " | ".join(found.sentence for found in checked if not found.well)
    assert f"{dead}: the connection was refused" in wrong
    assert "does not know the classes enclumeHost, enclumeSite, enclumeService, enclumeProfile" in wrong
    assert f"no search base ou=hosts,{BASE}" in wrong
