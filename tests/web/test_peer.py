"""Whose name a certificate carries."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from errors import SettingsError
from web.peer import PEER, certificate_name, certified_name, peer_name


def subject(*names: str) -> dict[str, Any]:
    """A certificate as `getpeercert` gives it."""
    return {"subject": ((("organizationName", "Puppet"),), *((("commonName", name),) for name in names))}


def test_the_name_is_the_common_name() -> None:
    assert certified_name(subject("web01.example.org")) == "web01.example.org"


@pytest.mark.parametrize("names", [(), ("a", "b"), ("",), ("a/b",), ("a b",), ("a\0b",), ("WEB01",), ("a..b",), ("é",)])
def test_a_certificate_without_exactly_one_certname_names_nobody(names: tuple[str, ...]) -> None:
    assert certified_name(subject(*names)) is None


@pytest.mark.parametrize("certificate", [None, {}])
def test_no_certificate_names_nobody(certificate: dict[str, Any] | None) -> None:
    assert certified_name(certificate) is None


def test_the_server_says_who_asks_and_no_header_does() -> None:
    assert peer_name({PEER: "web01"}) == "web01"
    assert peer_name({"HTTP_ENCLUME.PEER": "web01", "HTTP_ENCLUME_PEER": "web01"}) is None


def test_the_name_in_a_file_is_that_of_its_first_certificate(tmp_path: Path) -> None:
    ca = trustme.CA()
    leaf = ca.issue_cert("enc1.example.org", common_name="enc1.example.org")
    file = tmp_path / "enc1.pem"
    file.write_bytes(
        b"Certificate:\n    Data: as openssl prints it\n" + leaf.cert_chain_pems[0].bytes() + ca.cert_pem.bytes()
    )
    assert certificate_name(str(file)) == "enc1.example.org"


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_is_no_certificate_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.pem").write_text(text)
    with pytest.raises(SettingsError, match=r"bad\.pem: expected a certificate"):
        certificate_name(str(tmp_path / "bad.pem"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.pem: cannot be read: No such file"):
        certificate_name(str(tmp_path / "gone.pem"))
